"""Writes a batch's lake and quarantine files into staging, for each landing file its own, and counts what became of its records."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.lake import TABLES
from ingestion.manifest import Entry, Part, sha256
from ingestion.quarantine import COLUMNS
from ingestion.reading import CountedFile
from ingestion.sql import instant, literal, text_list
from steps import StepError

DICTIONARY_VALUES = (
    4_000  # of a column in a row group; DuckDB's own limit is six times as high, in vain for ids, and costs a tenth of the time
)
PART_RECORDS = 16 << 20  # of a landing file go into one Parquet file: a change of the key rewrites one at a time
SORTED_RECORDS = 1 << 20  # of a part: what lands is then the same byte for byte; of ten million, sorting would take a sixth of the landing


@dataclass(frozen=True)
class _Facts:
    """What became of the batch's records, by file number."""

    refused: dict[int, dict[str, int]]
    skipped: dict[int, dict[str, int]]
    duplicates: dict[int, int]
    landed: dict[int, tuple[int, int]]  # records, lines
    first_rows: dict[int, int]


def make_lines(connection: duckdb.DuckDBPyConnection, name: str, query: str, files: Sequence[CountedFile]) -> None:
    """Make a view of rows of the lake; of several files over a table, since each is written by itself."""
    if len(files) > 1:
        connection.execute(f"create or replace temp table {name}_lines as {query}")
        query = f"from {name}_lines"
    connection.execute(f"create or replace temp view {name} as {query}")


def write(
    connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile], holders: Mapping[int, list[str]], staging: Path
) -> list[Entry]:
    """Write the tables `landed`, `repeated` and `refused` below `staging`, by file, and give the manifest entry of each file.

    Args:
        holders: of the files that are in `repeated`, by number, the deliveries that hold what they repeat.

    Raises:
        StepError: a file changed while it was read, or its records do not add up, which would be a fault of this program.
    """
    facts = _facts(connection, has_lines=bool(files[0].delivery.source.lines))
    return [_write_file(connection, number, file, facts, holders.get(number, []), staging) for number, file in enumerate(files)]


def _facts(connection: duckdb.DuckDBPyConnection, has_lines: bool) -> _Facts:
    duplicates = "from (select distinct file_no, row from checked semi join duplicates using (row))"
    records = "count(distinct row)" if has_lines else "count(*)"
    landed = f"select file_no, {records}, count(*) from passed anti join duplicates using (row) group by all"
    return _Facts(
        refused=_by_reason(connection, "select file_no, reason, count(*) from refused group by all order by all"),
        skipped=_by_reason(
            connection,
            "select file_no, skip_reason, count(distinct row) from checked where skip_reason is not null group by all order by all",
        ),
        duplicates=dict(connection.execute(f"select file_no, count(*) {duplicates} group by all").fetchall()),
        landed={number: tuple(counts) for number, *counts in connection.execute(landed).fetchall()},
        first_rows=dict(connection.execute("select file_no, first_row from spans").fetchall()),
    )


def _by_reason(connection: duckdb.DuckDBPyConnection, query: str) -> dict[int, dict[str, int]]:
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for number, reason, count in connection.execute(query).fetchall():
        counts[number][reason] = count
    return counts


def _write_file(
    connection: duckdb.DuckDBPyConnection, number: int, file: CountedFile, facts: _Facts, holders: list[str], staging: Path
) -> Entry:
    delivery = file.delivery
    kind, refused = delivery.source.kind, facts.refused.get(number, {})
    records, lines = facts.landed.get(number, (0, 0))
    labels = f"{literal(delivery.source.name)} as source, {literal(delivery.file)} as file, date '{delivery.landed_date}' as landed_date"
    quarantined = f"select {', '.join(COLUMNS)} from (select *, {labels} from refused where file_no = {number}) order by line"
    spans = _spans(facts.first_rows.get(number, 0), file.count.records)
    parts = list(_write_parts(connection, f"from landed where file_no = {number}", kind, spans, staging, delivery.written_name))
    repeated = f"from repeated where file_no = {number}"
    repeats = list(_write_parts(connection, repeated, "repeats", spans, staging, delivery.written_name)) if holders else []
    first, last = _times(connection, parts, staging) if kind == "events" else (None, None)
    entry = Entry(
        source=delivery.source.name,
        table=kind,
        file=delivery.file,
        sha256=delivery.sha256,
        bytes=delivery.bytes,
        modified_ns=delivery.modified_ns,
        landed_date=delivery.landed_date,
        is_dated=delivery.is_dated,
        revision=delivery.revision,
        day=delivery.day,
        columns=file.columns,
        read=file.count.read,
        landed=records,
        quarantined=refused,
        duplicate=facts.duplicates.get(number, 0),
        skipped=facts.skipped.get(number, {}),
        event_lines=lines if kind == "events" else 0,
        first_event_at=first,
        last_event_at=last,
        parts=tuple(parts),
        quarantine=_copy(connection, quarantined, staging, f"quarantine/{delivery.written_name}.parquet") if refused else None,
        repeats=tuple(repeats),
        holders=tuple(holders),
    )
    _verify(entry, file, lines)
    return entry


def _spans(first_row: int, records: int) -> list[tuple[int, int]]:
    starts = range(first_row, first_row + max(records, 1), PART_RECORDS)
    return [(start, min(start + PART_RECORDS, first_row + records) - 1) for start in starts]


def _write_parts(
    connection: duckdb.DuckDBPyConnection, lines: str, table: str, spans: list[tuple[int, int]], staging: Path, name: str
) -> Iterator[Part]:
    for index, (first, last) in enumerate(spans):
        order = "order by row, line" if last - first < SORTED_RECORDS else ""
        query = f"select {', '.join(TABLES[table])} {lines} and row between {first} and {last} {order}"
        yield _copy(connection, query, staging, f"lake/{table}/{name}{f'.{index}' if index else ''}.parquet")


def _copy(connection: duckdb.DuckDBPyConnection, query: str, staging: Path, path: str) -> Part:
    file = staging / path
    file.parent.mkdir(parents=True, exist_ok=True)
    (rows,) = connection.execute(
        f"copy ({query}) to {literal(str(file))} "
        f"(format parquet, compression zstd, compression_level 1, dictionary_size_limit {DICTIONARY_VALUES})"
    ).fetchone()
    return Part(path, sha256(file), rows)


def _times(connection: duckdb.DuckDBPyConnection, parts: list[Part], staging: Path) -> tuple[str | None, str | None]:
    """The first and last event_at of parts, read from their statistics."""
    files = text_list(staging / part.path for part in parts)
    times = f"select {instant('min(event_at)')}, {instant('max(event_at)')} from read_parquet({files}, hive_partitioning = false)"
    return connection.execute(times).fetchone()


def _verify(entry: Entry, file: CountedFile, lines: int) -> None:
    state = file.delivery.path.stat()
    if (state.st_size, state.st_mtime_ns) != (entry.bytes, entry.modified_ns):
        raise StepError(f"{file.label} changed while it was read; nothing was landed")
    if not entry.is_reconciled or sum(part.rows for part in entry.parts) != lines:
        raise StepError(f"{file.label}: the counts of its records do not add up; nothing was landed: {entry}")
