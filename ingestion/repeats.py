"""Writes the events that another delivery holds too: they count where that one does not stand.

A delivery may be replaced, or have landed after the night that is looked at; what others brought of its events must not be
gone with it. What can never be missed is not written: of a holder that nothing replaces and that came no later, a file that
grows under one name would write its rows again each night.
"""

from collections.abc import Callable, Sequence

import duckdb

from ingestion.lake import KnownFile
from ingestion.reading import CountedFile
from ingestion.standing import may_be_replaced
from ingestion.writing import make_lines

RowsOf = Callable[[str, str], str]  # SQL: the lake's rows of lines of `passed`, and of what a clause joins to them


def make_repeated(
    connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile], known: Sequence[KnownFile], rows_of: RowsOf
) -> dict[int, list[str]]:
    """Make the view `repeated`, of the records of the table `repeats` that may once be missed, unless there are none.

    Args:
        known: the files that `repeats.holder` counts from 0.

    Returns:
        By file number the deliveries that hold what a file repeats, each by its first part.
    """
    if not _make_held_by(connection, files, known):
        return {}
    connection.execute("create or replace temp table repeated_records as select * from passed semi join held_by using (row)")
    make_lines(connection, "repeated", rows_of("repeated_records", "join held_by using (row)"), files)
    holders = "select file_no, list(distinct held_by order by held_by) from repeated_records join held_by using (row) group by file_no"
    return dict(connection.execute(holders).fetchall())


def _make_held_by(connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile], known: Sequence[KnownFile]) -> bool:
    """held_by (row, held_by): the repeats that may once be missed, and the first part of their holder; whether there are any."""
    found = [number for (number,) in connection.execute("select distinct holder from repeats order by holder").fetchall()]
    of_batch = {-1 - number: file.delivery for number, file in enumerate(files)}
    missed = [number for number in found if (known[number].may_go if number >= 0 else may_be_replaced(of_batch[number]))]
    parts = [known[number].holder if number >= 0 else f"lake/events/{of_batch[number].written_name}.parquet" for number in missed]
    connection.execute(
        "create or replace temp table held_by as select repeats.row, holders.part as held_by "
        "from repeats join (select unnest($numbers::bigint[]) as holder, unnest($parts::varchar[]) as part) as holders using (holder)",
        {"numbers": missed, "parts": parts},
    )
    return bool(missed)
