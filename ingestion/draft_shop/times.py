"""Recognises times: which `format` of a shop file reads a column's texts, asked of DuckDB, which lands them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import duckdb

from ingestion.sql import literal, text_list

_DATES = (
    "%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y",
    "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
)  # fmt: skip
_TIMES = ("", " %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", " %H:%M:%S %z", " %H:%M:%S.%f", ", %H:%M", ", %H:%M:%S")
PATTERNS = (*map("".join, product(_DATES, _TIMES)), "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d")
_UNIX = {"unix_s": 1, "unix_ms": 1_000, "unix_us": 1_000_000}
_SECONDS = (946_684_800, 4_102_444_800)  # 2000 to 2100: other numbers are no times, and nor are other years
_ENOUGH = 0.9  # of the values
_ZONE = r":[0-9.]+ ?(Z|UTC|GMT|[+-]\d{2}(:?\d{2})?)$"
_MAY_BE_TIME = re.compile(r".*\d.*[-./: ].*\d.*|\d{8,16}(\.\d+)?")


@dataclass(frozen=True)
class TimeFormat:
    """A format that reads a column.

    Args:
        format: as in a shop file.
        has_zone: the texts name their offset, or the numbers count in UTC.
        other: reads them all as well, with day and month changed.
    """

    format: str
    has_zone: bool
    other: str | None = None


def time_format(connection: duckdb.DuckDBPyConnection, values: Sequence[str]) -> TimeFormat | None:
    """The format of some different texts; None if they are no times."""
    if not all(4 < len(value) < 41 and _MAY_BE_TIME.fullmatch(value) for value in values):
        return None
    connection.execute(f"create or replace temp table texts as select unnest({text_list(values)}) as v")
    if _share(connection, "try_cast(v as timestamptz)", len(values)) >= _ENOUGH:
        return TimeFormat("iso", _has_zone(connection, len(values)))
    for name, unit in _UNIX.items():
        if _share(connection, f"to_timestamp(try_cast(v as double) / {unit})", len(values)) >= _ENOUGH:
            return TimeFormat(name, has_zone=True)
    return _of_pattern(connection, len(values))


def _share(connection: duckdb.DuckDBPyConnection, time: str, count: int) -> float:
    """How many texts are a time between 2000 and 2100, of a sample's values."""
    inside = f"epoch(try({time})) between {_SECONDS[0]} and {_SECONDS[1]}"
    return connection.execute(f"select count(*) filter ({inside}) from texts").fetchone()[0] / count


def _has_zone(connection: duckdb.DuckDBPyConnection, count: int) -> bool:
    zoned = connection.execute(f"select count(*) filter (regexp_matches(v, {literal(_ZONE)})) from texts").fetchone()[0]
    return zoned > count / 2


def _of_pattern(connection: duckdb.DuckDBPyConnection, count: int) -> TimeFormat | None:
    """Of patterns that read all, the one by which the times lie closest together: a file tells of a day or a month, not of 12."""
    found = []
    for pattern in PATTERNS:
        time = f"try_strptime(v, {literal(pattern)})"
        read, span = connection.execute(
            f"select count(*), epoch(max({time})) - epoch(min({time})) from texts "
            f"where epoch({time}) between {_SECONDS[0]} and {_SECONDS[1]}"
        ).fetchone()
        if read >= _ENOUGH * count:
            found.append((-read, span, pattern))
    if not found:
        return None
    (read, _, best), *others = sorted(found, key=lambda one: one[:2])
    other = next((pattern for other_read, _, pattern in others if other_read == read), None)
    return TimeFormat(best, has_zone="%z" in best, other=other)
