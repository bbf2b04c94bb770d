"""Counts files, reads a batch of them into DuckDB, and makes sure that no record went missing on the way."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb

from ingestion import formats
from ingestion.counting import Count, FileRefused
from ingestion.formats import Reader
from ingestion.landing import Delivery
from ingestion.mapping import Mapping
from shop import Shop
from sources import Source
from steps import StepError


class NotAsCounted(StepError):
    """DuckDB cannot read a file as it was counted."""


@dataclass(frozen=True)
class CountedFile:
    """A file to land, counted, with its reader."""

    delivery: Delivery
    count: Count
    reader: Reader

    @property
    def columns(self) -> tuple[str, ...]:
        """What its header, schema or first objects name."""
        return tuple(sorted(self.count.columns))

    @property
    def label(self) -> str:
        return f"{self.delivery.file} (source {self.delivery.source.name})"


def count_files(deliveries: Sequence[Delivery], staging: Path, is_thorough: bool = False) -> list[CountedFile]:
    """Count every file, before anything of it is read; copies that DuckDB reads instead go to `staging`.

    Raises:
        StepError: files cannot be landed; each is named with its fault.
    """
    files, faults = [], []
    counts: dict[tuple, Count] = {}  # two sources may read one file
    for delivery in deliveries:
        try:
            files.append(_count_file(delivery, staging, counts, is_thorough))
        except FileRefused as refusal:
            faults.append(f"  {delivery.file} (source {delivery.source.name}): {refusal}")
    if faults:
        raise StepError(f"{len(faults)} file(s) cannot be landed, and nothing was\n" + "\n".join(faults))
    return files


def count_thoroughly(files: Sequence[CountedFile], staging: Path) -> list[CountedFile]:
    """Count files again, line by line, which sets aside what DuckDB could not read.

    Raises:
        StepError: files cannot be landed; each is named with its fault.
    """
    return count_files([file.delivery for file in files], staging, is_thorough=True)


def _count_file(delivery: Delivery, staging: Path, counts: dict[tuple, Count], is_thorough: bool) -> CountedFile:
    source = delivery.source
    form = (delivery.path, source.format, source.delimiter, source.column_names, source.encoding)
    if form not in counts:
        copy = staging / "clean" / source.name / f"{delivery.file}.clean"
        copy.parent.mkdir(parents=True, exist_ok=True)
        counts[form] = formats.count(source, delivery.path, copy, **({"is_thorough": True} if is_thorough else {}))
    count = counts[form]
    reader = formats.reader(source, count)
    missing = [" or ".join(group) for group in Mapping(source, timezone="UTC").needed if not any(map(reader.has, group))]
    missing += [f"{source.lines} with a list"] if source.lines and not reader.has(f"{source.lines}[0]") else []
    if missing:
        names = _names(source, count, reader)
        raise FileRefused(f"has no column {', '.join(missing)} (or has it twice), which the shop file names; {names}")
    return CountedFile(delivery, count, reader)


def _names(source: Source, count: Count, reader: Reader) -> str:
    """What a file has instead of a missing column; of a first line that names nothing of ours, which may be a record, not a word."""
    if any(reader.has(path) for group in Mapping(source, timezone="UTC").needed for path in group):
        return f"it has {', '.join(count.columns)}"
    return f"of what it needs, none of its {len(count.columns)} columns has the name: is its first line a header?"


@contextmanager
def reading(connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile]) -> Iterator[str]:
    """The SQL that reads the files' raw records, for one statement.

    Raises:
        NotAsCounted: DuckDB cannot read a file.
    """
    try:
        yield files[0].reader.raw([file.count.readable for file in files])
    except duckdb.Error as error:
        raise _blame(connection, files) or error from None


def day_after_which_is_late(shop: Shop, file: CountedFile) -> date:
    """The first day whose events are too late for the file's delivery."""
    return file.delivery.landed_date + timedelta(days=shop.checks.latest_after_delivery_days + 1)


def make_spans(connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile], table: str) -> None:
    """Make the table `spans` (file_no, first_row) of a table that has a row per record, in the files' order.

    Raises:
        NotAsCounted: it holds other records than were counted.
    """
    connection.execute(f"create or replace temp table spans as select file_no, min(rowid) as first_row from {table} group by all")
    extents = f"select file_no, count(*), max(rowid) - min(rowid) + 1 from {table} group by all"
    found = {number: extent for number, *extent in connection.execute(extents).fetchall()}
    for number, file in enumerate(files):
        rows, extent = found.get(number, (0, 0))
        if not rows == extent == file.count.records:
            raise NotAsCounted(f"{file.label}: {file.count.records} records counted, but DuckDB reads {rows}; nothing was landed")


def _blame(connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile]) -> NotAsCounted | None:
    """The first file that DuckDB cannot read; only the first line of its message holds no raw data."""
    for file in files:
        try:
            connection.execute(f"create or replace temp table raw as {file.reader.raw([file.count.readable])}")
        except duckdb.Error as error:
            return NotAsCounted(f"{file.label} cannot be read: {str(error).splitlines()[0]}; nothing was landed")
    return None
