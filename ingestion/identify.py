"""Which sound records are duplicates, and what the others' event ids are.

event_id = `<source>:<the source's id>#<line>`; without an id, a content hash and its occurrence number within the file
stand for it, since identical lines of one order are real.
"""

from collections.abc import Callable

import duckdb
import numpy as np

from ingestion.lake import TABLES, KnownFile
from ingestion.sql import instant, literal, text_list
from sources import Source

# concat leaves out what is null: the first of several has no occurrence. In one call, since each || makes a text of its own
RECORD_ID = "source_prefix, coalesce(own_id, content), '-' || occurrence"
WithKeys = Callable[[str], str]  # SQL: lines of `passed` with their pseudonyms
_SEPARATOR = "\x1f"  # no id holds one
_SORTED_LINES = 32 << 20  # at a time, in 256 MB
_UNHASHED = ("event_id", "source", "landed_date", "visitor_key", "device_key", "event_at")


def content_hash(source: Source) -> str:
    """SQL over lines with pseudonyms: the hash of a canonical event line.

    It takes in the pseudonyms, so no raw id can be guessed from it; they are those of the first key, so that a change of
    the key changes no hash. Every field has its place, so that a column mapped later, and missing in an old file, changes
    none either. MD5, since it tells records apart and guards nothing: SHA-256 takes 4 s more on 10 million lines.
    """
    parts, separators = ["epoch_us(event_at)"], ""
    for name, key in (("user_id", "user_tag"), ("anonymous_id", "anonymous_tag"), *((name, name) for name in _hashed())):
        separators += _SEPARATOR
        if name in source.columns or name == "event_type":
            parts += [literal(separators), key]
            separators = ""
    return f"substring(md5(concat({', '.join(parts)}, {literal(separators)})), 1, 24)"  # left minds characters, and takes longer


def _hashed() -> list[str]:
    return [name for name in TABLES["events"] if name not in _UNHASHED]


def short_hash(source: Source) -> str:
    """SQL over typed lines of a source whose records are lines: 64 bits that equal records share, in a tenth of a content's time."""
    fields = [name for name in _hashed() if name in source.columns or name == "event_type"]
    short = f"hash({', '.join(['event_at', *(name for name in ('user_id', 'anonymous_id') if name in source.columns), *fields])})"
    return f"case when own_id is null then {short} else hash(own_id) end" if "event_id" in source.columns else short


def make_sound(connection: duckdb.DuckDBPyConnection, source: Source, with_keys: WithKeys) -> None:
    """Make the view `sound` of `passed`: with pseudonyms, and of events with the `content` that stands for a missing id.

    For events there is also the table `suspects`: the sound lines of those records that share a short hash.

    Args:
        with_keys: SQL that adds the pseudonyms to lines of `passed`.
    """
    if source.kind == "events" and source.lines:
        _make_contents(connection, source, with_keys)
    connection.execute(f"create or replace temp view sound as {sound(source, with_keys, 'passed')}")
    if source.kind == "events" and source.lines:
        shorts = "select any_value(hash(own_id, content)) as short from sound group by row"
        repeated = f"select short from ({shorts}) group by short having count(*) > 1"
        connection.execute(f"create or replace temp table suspects as select * from sound where hash(own_id, content) in ({repeated})")
    elif source.kind == "events":
        _make_suspect_lines(connection, source, with_keys)


def sound(source: Source, with_keys: WithKeys, lines: str) -> str:
    """SQL: lines of `passed` with pseudonyms, and of events the content; that of lines is computed when they are written, and only then."""
    if source.kind != "events":
        return with_keys(lines)
    content = "" if source.lines else f"case when own_id is null then {content_hash(source)} end as content, "
    with_contents = "left join contents using (row)" if source.lines else ""
    return f"select *, {content}{literal(f'{source.name}:')} as source_prefix from ({with_keys(lines)}) {with_contents}"


def _make_contents(connection: duckdb.DuckDBPyConnection, source: Source, with_keys: WithKeys) -> None:
    """contents (row, content): of records that stand on several lines, that of all of them."""
    connection.execute(f"""
        create or replace temp table contents as
        select row, left(md5(string_agg({content_hash(source)}, '' order by line)), 24) as content
        from ({with_keys("passed")}) where own_id is null group by row""")


def _make_suspect_lines(connection: duckdb.DuckDBPyConnection, source: Source, with_keys: WithKeys) -> None:
    repeated = _repeated(connection)
    condition = "short in (select unnest($repeated))" if len(repeated) else "false"  # saves most files a second look
    parameters = {"repeated": repeated} if len(repeated) else {}
    connection.execute(f"create or replace temp table suspect_lines as select * from passed where {condition}", parameters)
    connection.execute(f"create or replace temp table suspects as {sound(source, with_keys, 'suspect_lines')}")


def _repeated(connection: duckdb.DuckDBPyConnection) -> list[int]:
    """The short hashes that more than one line has. NumPy sorts ten million in 0.2 s; grouping them takes DuckDB 2.4 s."""
    (lines,) = connection.execute("select count(*) from checked_lines").fetchone()
    slices = 1 + lines // _SORTED_LINES
    repeated: list[int] = []
    for number in range(slices):
        shorts = np.asarray(connection.execute(f"select short from checked_lines where short % {slices} = {number}").fetchnumpy()["short"])
        shorts.sort()
        repeated += np.unique(shorts[1:][shorts[1:] == shorts[:-1]]).tolist()
    return repeated


def make_event_duplicates(connection: duckdb.DuckDBPyConnection, known_files: Callable[[str, str], list[KnownFile]]) -> list[KnownFile]:
    """Make the tables `occurrences`, of what stands in a file more than once, `duplicates` and `repeats`; the known files.

    occurrences (row, occurrence). duplicates (row): the records that came before, in this batch or in
    `known_files(first event_at, last event_at)`. repeats (row, holder): those of them that came with another file, once of
    each file; holder is a known file's place in the list, or, of this batch's files, -1 - file_no.
    """
    connection.execute("""
        create or replace temp table occurrences as
        select * from (
            select row, row_number() over (partition by file_no, content order by row) as occurrence
            from (select distinct file_no, row, content from suspects where own_id is null)
        ) where occurrence > 1""")
    connection.execute(f"""
        create or replace temp table further as
        select * exclude (nth) from (
            select
                row, first_value(row) over of_record as first_row, first_value(file_no) over of_record as first_file_no,
                row_number() over of_record as nth,
                file_no != first_file_no and row_number() over (partition by record_id, file_no order by row) = 1 as is_repeat
            from (select distinct file_no, row, concat({RECORD_ID}) as record_id from suspects left join occurrences using (row))
            window of_record as (partition by record_id order by row)
        ) where nth > 1""")
    first, last = connection.execute(f"select {instant('min(event_at)')}, {instant('max(event_at)')} from passed").fetchone()
    known = known_files(first, last) if first else []
    held = "select 0::bigint as row, 0::bigint as holder where false"
    if known:
        held = f"""
            select row, max(known.holder) as holder  -- the newest of them
            from (select row, concat({RECORD_ID}, '#1') as event_id from sound left join occurrences using (row)) as found
            join (
                select event_id, file_index::bigint as holder
                from read_parquet({text_list(each.file for each in known)}, hive_partitioning = false)
            ) as known using (event_id)
            group by row"""
    connection.execute(f"create or replace temp table held as {held}")
    connection.execute("create or replace temp table duplicates as select row from further union select row from held")
    connection.execute("""
        create or replace temp table repeats as
        select row, holder from held anti join further using (row)
        union all
        select further.row, coalesce(held.holder, -1 - further.first_file_no)
        from further left join held on further.first_row = held.row
        where further.is_repeat""")
    return known


def make_state_duplicates(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Make the table `duplicates` (row) of items, users or links: all but one line of a key within a file; none of them is a repeat.

    The last one is the state of an item or user; the earliest one tells since when a link is known.
    """
    key = {"items": "item_id", "users": "user_key", "links": "user_key, coalesce(anonymous_key, other_user_key)"}[source.kind]
    order = "linked_at nulls last, row" if source.kind == "links" else "row desc"
    connection.execute("create or replace temp table occurrences as select 0::bigint as row, 0::bigint as occurrence where false")
    connection.execute(f"""
        create or replace temp table duplicates as
        select row from (select row, row_number() over (partition by file_no, {key} order by {order}) as nth from sound) where nth > 1""")
