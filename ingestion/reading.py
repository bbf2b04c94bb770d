"""Counts files, reads a batch of them into DuckDB, and makes sure that no record went missing on the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import duckdb

from ingestion import formats
from ingestion.counting import Count, FileRefused
from ingestion.formats import Reader
from ingestion.landing import Delivery
from ingestion.mapping import Mapping, midnight
from shop import Shop
from steps import StepError


@dataclass(frozen=True)
class CountedFile:
    """A file to land, counted, with its reader."""

    delivery: Delivery
    count: Count
    reader: Reader

    @property
    def label(self) -> str:
        return f"{self.delivery.name} (source {self.delivery.source.name})"


def count_files(deliveries: Sequence[Delivery], staging: Path) -> list[CountedFile]:
    """Count every file, before anything of it is read; copies without the records set aside go to `staging`.

    Raises:
        StepError: files cannot be landed; each is named with its fault.
    """
    files, faults = [], []
    counts: dict[tuple, Count] = {}  # two sources may read one file
    for delivery in deliveries:
        try:
            files.append(_count_file(delivery, staging, counts))
        except FileRefused as refusal:
            faults.append(f"  {delivery.name} (source {delivery.source.name}): {refusal}")
    if faults:
        raise StepError(f"{len(faults)} file(s) cannot be landed, and nothing was\n" + "\n".join(faults))
    return files


def _count_file(delivery: Delivery, staging: Path, counts: dict[tuple, Count]) -> CountedFile:
    source = delivery.source
    form = (delivery.path, source.format, source.delimiter)
    if form not in counts:
        counts[form] = formats.count(source, delivery.path, staging / f"{len(counts)}.clean")
    count = counts[form]
    reader = formats.reader(source, count)
    missing = reader.missing(Mapping(source, timezone="UTC").record_paths)
    if missing:
        names = ", ".join(count.columns)
        raise FileRefused(f"has no column {', '.join(missing)} (or has it twice), which the shop file names; it has {names}")
    return CountedFile(delivery, count, reader)


def make_raw(connection: duckdb.DuckDBPyConnection, shop: Shop, files: Sequence[CountedFile]) -> None:
    """Make the tables `raw` (the records as they are), `spans` (a row per file: where its records begin) and `line_breaks`.

    Raises:
        StepError: DuckDB cannot read a file, or finds other records in it than were counted.
    """
    try:
        connection.execute(f"create or replace temp table raw as {files[0].reader.raw([file.count.readable for file in files])}")
    except duckdb.Error as error:
        raise _blame(connection, files) or error from None
    _make_spans(connection, shop, files)
    _reconcile(connection, files)
    _make_line_breaks(connection, files)


def _make_spans(connection: duckdb.DuckDBPyConnection, shop: Shop, files: Sequence[CountedFile]) -> None:
    days = timedelta(days=shop.checks.latest_after_delivery_days + 1)
    rows = ", ".join(
        f"({number}, date '{file.delivery.landed_date}', {midnight(file.delivery.landed_date + days, shop.timezone)})"
        for number, file in enumerate(files)
    )
    connection.execute(f"""
        create or replace temp table spans as
        with extents as (
            select file_no, min(rowid) as first_row, max(rowid) as last_row, count(*) as row_count from raw group by all
        )
        select files.*, first_row, coalesce(last_row - first_row + 1, 0) as extent, coalesce(row_count, 0) as row_count
        from (values {rows}) as files (file_no, landed_date, latest) left join extents using (file_no)""")


def _reconcile(connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile]) -> None:
    for number, row_count, extent in connection.execute("select file_no, row_count, extent from spans order by file_no").fetchall():
        counted = files[number].count.records
        if row_count != counted or extent != counted:
            raise StepError(f"{files[number].label}: {counted} records counted, but DuckDB reads {row_count}; nothing was landed")


def _make_line_breaks(connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile]) -> None:
    breaks = [(number, *line_break) for number, file in enumerate(files) for line_break in file.count.line_breaks]
    numbers, records, lines = map(list, zip(*breaks, strict=True))
    connection.execute(
        "create or replace temp table line_breaks as "
        "select unnest($numbers) as file_no, unnest($records) as record, unnest($lines) as line",
        {"numbers": numbers, "records": records, "lines": lines},
    )


def _blame(connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile]) -> StepError | None:
    """The first file that DuckDB cannot read; only the first line of its message holds no raw data."""
    for file in files:
        try:
            connection.execute(f"create or replace temp table raw as {file.reader.raw([file.count.readable])}")
        except duckdb.Error as error:
            return StepError(f"{file.label} cannot be read: {str(error).splitlines()[0]}; nothing was landed")
    return None
