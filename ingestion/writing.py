"""Writes a batch's lake and quarantine files into staging, one of each per landing file, and counts what became of its records."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from ingestion.lake import TABLES
from ingestion.manifest import Entry, Part, sha256
from ingestion.quarantine import COLUMNS
from ingestion.reading import CountedFile
from ingestion.sql import literal
from steps import StepError


@dataclass(frozen=True)
class _Facts:
    """What became of the batch's records, by file number."""

    refused: dict[int, dict[str, int]]
    skipped: dict[int, dict[str, int]]
    duplicates: dict[int, int]
    landed: dict[int, tuple[int, int, str | None, str | None]]  # records, rows, first and last event_at


def instant(expression: str) -> str:
    """SQL: a TIMESTAMPTZ as ISO 8601 in UTC, in a form whose order as text is that of time."""
    return f"strftime({expression} at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"


def write(connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile], staging: Path) -> list[Entry]:
    """Write the tables `landed` and `refused` below `staging`, by file, and give the manifest entry of each file.

    Raises:
        StepError: a file changed while it was read, or its records do not add up, which would be a fault of this program.
    """
    facts = _facts(connection, files[0].delivery.source.kind)
    return [_write_file(connection, number, file, facts, staging) for number, file in enumerate(files)]


def _facts(connection: duckdb.DuckDBPyConnection, kind: str) -> _Facts:
    times = f"{instant('min(event_at)')}, {instant('max(event_at)')}" if kind == "events" else "null, null"
    landed = f"select file_no, count(distinct record), count(*), {times} from landed group by all"
    return _Facts(
        refused=_by_reason(connection, "select file_no, reason, count(*) from refused group by all order by all"),
        skipped=_by_reason(connection, "from skipped"),
        duplicates=dict(connection.execute("select file_no, count(*) from duplicates group by all").fetchall()),
        landed={number: tuple(facts) for number, *facts in connection.execute(landed).fetchall()},
    )


def _by_reason(connection: duckdb.DuckDBPyConnection, query: str) -> dict[int, dict[str, int]]:
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for number, reason, count in connection.execute(query).fetchall():
        counts[number][reason] = count
    return counts


def _write_file(connection: duckdb.DuckDBPyConnection, number: int, file: CountedFile, facts: _Facts, staging: Path) -> Entry:
    delivery = file.delivery
    kind, refused = delivery.source.kind, facts.refused.get(number, {})
    records, rows, first, last = facts.landed.get(number, (0, 0, None, None))
    name = f"landed_date={delivery.landed_date}/{delivery.source.name}-{delivery.sha256[:16]}.parquet"
    landed = f"select {', '.join(TABLES[kind])} from landed where file_no = {number} order by record, line"
    labels = f"{literal(delivery.source.name)} as source, {literal(delivery.name)} as file, date '{delivery.landed_date}' as landed_date"
    quarantined = f"select {', '.join(COLUMNS)} from (select *, {labels} from refused where file_no = {number}) order by line"
    entry = Entry(
        source=delivery.source.name,
        table=kind,
        file=delivery.name,
        sha256=delivery.sha256,
        bytes=delivery.bytes,
        modified_ns=delivery.modified_ns,
        landed_date=delivery.landed_date,
        read=file.count.read,
        landed=records,
        quarantined=refused,
        duplicate=facts.duplicates.get(number, 0),
        skipped=facts.skipped.get(number, {}),
        event_lines=rows if kind == "events" else 0,
        first_event_at=first,
        last_event_at=last,
        part=_copy(connection, landed, staging, f"lake/{kind}/{name}", rows),
        quarantine=_copy(connection, quarantined, staging, f"quarantine/{name}", sum(refused.values())) if refused else None,
    )
    _verify(entry, file)
    return entry


def _copy(connection: duckdb.DuckDBPyConnection, query: str, staging: Path, path: str, rows: int) -> Part:
    file = staging / path
    file.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy ({query}) to {literal(str(file))} (format parquet, compression zstd)")
    return Part(path, sha256(file), rows)


def _verify(entry: Entry, file: CountedFile) -> None:
    state = file.delivery.path.stat()
    if (state.st_size, state.st_mtime_ns) != (entry.bytes, entry.modified_ns):
        raise StepError(f"{file.label} changed while it was read; nothing was landed")
    if not entry.is_reconciled:
        raise StepError(f"{file.label}: the counts of its records do not add up; nothing was landed: {entry}")
