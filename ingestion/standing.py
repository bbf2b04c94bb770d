"""Which deliveries stand, and until when: a day delivered again replaces the older delivery.

Two deliveries tell of the same thing if their files have one name, or describe one `{day}` of a source. The newer stands
from its landed_date on; until then, the older one does, so that a past night sees what it saw.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Protocol

import duckdb

from ingestion.manifest import Entry
from ingestion.sql import literal

COLUMNS = {
    "kind": "varchar", "source": "varchar", "file": "varchar", "parts": "varchar[]", "landed_date": "date", "replaced_date": "date",
    "read_count": "bigint", "landed_count": "bigint", "quarantined_count": "bigint", "duplicate_count": "bigint",
    "skipped_count": "bigint", "event_line_count": "bigint", "repeats": "varchar[]", "holders": "varchar[]",
}  # fmt: skip


class Landing(Protocol):
    """What a delivery and the record of its landing have in common.

    Args:
        table, file: the kind of the source, and the name below landing/.
        is_dated: the name holds the delivery date.
        revision: the how manieth content under that name.
        day: the day that the file describes, if its name says so.
    """

    table: str
    file: str
    landed_date: date
    is_dated: bool
    revision: int
    day: date | None


def replaced_dates(landings: Sequence[Landing]) -> list[date | None]:
    """For each landing of one source, the day from which another stands in its place; None while it stands."""
    by_day, by_name = defaultdict(list), defaultdict(list)
    for landing in landings:
        by_day[landing.day].append(landing.landed_date)
        by_name[landing.file].append(landing)
    return [
        min(
            [
                *(landed for landed in (by_day[landing.day] if landing.day else ()) if landed > landing.landed_date),
                *(other.landed_date for other in by_name[landing.file] if _is_replaced_by(landing, other)),
            ],
            default=None,
        )
        for landing in landings
    ]


def may_be_replaced(landing: Landing) -> bool:
    """Whether another delivery can ever stand in its place."""
    return landing.is_dated or landing.day is not None


def _is_replaced_by(landing: Landing, other: Landing) -> bool:
    """Of two under one name. Where names hold no date, a new content may be only what is new: that replaces no events."""
    is_same_state = landing.table in ("items", "users") and other.landed_date == landing.landed_date
    return other.revision > landing.revision and (landing.is_dated or is_same_state)


def write_deliveries(connection: duckdb.DuckDBPyConnection, entries: Iterable[Entry], file: Path) -> None:
    """Write the table `deliveries`: a row per landed file. What it does not list, the warehouse does not see."""
    by_source = defaultdict(list)
    for entry in entries:
        by_source[entry.source].append(entry)
    rows = [
        (
            entry.table, entry.source, entry.file, [part.path for part in entry.parts], entry.landed_date, replaced_date,
            entry.read, entry.landed, entry.refused, entry.duplicate, sum(entry.skipped.values()), entry.event_lines,
            [part.path for part in entry.repeats], list(entry.holders),
        )
        for landings in by_source.values()
        for entry, replaced_date in zip(landings, replaced_dates(landings), strict=True)
    ]  # fmt: skip
    columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
    connection.execute(f"create or replace temp table deliveries ({columns})")
    if rows:
        values = {f"c{index}": list(column) for index, column in enumerate(zip(*rows, strict=True))}
        connection.execute(f"insert into deliveries select {', '.join(f'unnest(${name})' for name in values)}", values)
    query = "from deliveries order by kind, source, landed_date, file, parts"
    connection.execute(f"copy ({query}) to {literal(str(file))} (format parquet, compression zstd)")
