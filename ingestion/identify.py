"""Which sound records are duplicates, and what the others' event ids are.

event_id = `<source>:<the source's id>#<line>`; without an id, a content hash and its occurrence number within the file
stand for it, since identical lines of one order are real.
"""

from collections.abc import Callable
from pathlib import Path

import duckdb

from ingestion.lake import TABLES
from ingestion.sql import instant, literal, text_list
from sources import Source

# concat leaves out what is null: the first of several has no occurrence. In one call, since each || makes a text of its own
RECORD_ID = "source_prefix, coalesce(own_id, content), '-' || occurrence"
WithKeys = Callable[[str], str]  # SQL: lines of `passed` with their pseudonyms
_SEPARATOR = "\x1f"  # no id holds one
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
    return f"left(md5(concat({', '.join(parts)}, {literal(separators)})), 24)"


def _hashed() -> list[str]:
    return [name for name in TABLES["events"] if name not in _UNHASHED]


def make_sound(connection: duckdb.DuckDBPyConnection, source: Source, with_keys: WithKeys) -> None:
    """Make the view `sound` of `passed`: with pseudonyms, and of events with the `content` that stands for a missing id.

    For events there are also the tables `repeated` (short), of short hashes that more than one record has, and
    `suspects`, the sound lines of those records. Short hashes take a tenth of the time of contents.

    Args:
        with_keys: SQL that adds the pseudonyms to lines of `passed`.
    """
    prefix = literal(f"{source.name}:")
    if source.kind != "events":
        connection.execute(f"create or replace temp view sound as {with_keys('passed')}")
    elif source.lines:
        _make_sound_records(connection, source, with_keys, prefix)
    else:
        _make_sound_lines(connection, source, with_keys, prefix)


def _make_sound_records(connection: duckdb.DuckDBPyConnection, source: Source, with_keys: WithKeys, prefix: str) -> None:
    """Of records that stand on several lines; the content is that of all its lines."""
    connection.execute(f"""
        create or replace temp table contents as
        select row, left(md5(string_agg({content_hash(source)}, '' order by line)), 24) as content
        from ({with_keys("passed")}) where own_id is null group by row""")
    connection.execute(f"""
        create or replace temp view sound as
        select *, {prefix} as source_prefix from ({with_keys("passed")}) left join contents using (row)""")
    _make_repeated(connection, "select any_value(hash(own_id, content)) as short from sound group by row")
    connection.execute("create or replace temp table suspects as select * from sound where hash(own_id, content) in (from repeated)")


def _make_sound_lines(connection: duckdb.DuckDBPyConnection, source: Source, with_keys: WithKeys, prefix: str) -> None:
    """Of records that are lines; most contents are computed when they are written, and only then."""
    content = f"*, case when own_id is null then {content_hash(source)} end as content, {prefix} as source_prefix"
    connection.execute(f"create or replace temp view sound as select {content} from ({with_keys('passed')})")
    fields = [name for name in _hashed() if name in source.columns or name == "event_type"]
    short = f"hash(event_at, user_id, anonymous_id, {', '.join(fields)})"
    if "event_id" in source.columns:
        short = f"case when own_id is null then {short} else hash(own_id) end"
    has_some = _make_repeated(connection, f"select {short} as short from passed")
    condition = f"{short} in (from repeated)" if has_some else "false"  # saves most files a second look
    connection.execute(f"create or replace temp table suspect_lines as select * from passed where {condition}")
    connection.execute(f"create or replace temp table suspects as select {content} from ({with_keys('suspect_lines')})")


def _make_repeated(connection: duckdb.DuckDBPyConnection, shorts: str) -> bool:
    """Make the table `repeated`, of short hashes that more than one record has; whether there are any."""
    connection.execute(f"create or replace temp table repeated as select short from ({shorts}) group by short having count(*) > 1")
    return connection.execute("select count(*) > 0 from repeated").fetchone()[0]


def make_event_duplicates(connection: duckdb.DuckDBPyConnection, known_files: Callable[[str, str], list[Path]]) -> None:
    """Make the tables `occurrences` (row, occurrence), of what stands in a file more than once, and `duplicates` (row).

    A record is a duplicate if it came before, in this batch or in `known_files(first event_at, last event_at)`, which
    are Parquet files of landed events.
    """
    connection.execute("""
        create or replace temp table occurrences as
        select * from (
            select row, row_number() over (partition by file_no, content order by row) as occurrence
            from (select distinct file_no, row, content from suspects where own_id is null)
        ) where occurrence > 1""")
    connection.execute(f"""
        create or replace temp table duplicates as
        select row from (
            select row, row_number() over (partition by record_id order by row) as nth
            from (select distinct row, concat({RECORD_ID}) as record_id from suspects left join occurrences using (row))
        ) where nth > 1""")
    first, last = connection.execute(f"select {instant('min(event_at)')}, {instant('max(event_at)')} from passed").fetchone()
    files = known_files(first, last) if first else []
    if files:
        connection.execute(f"""
            insert into duplicates
            select distinct row from sound left join occurrences using (row) anti join duplicates using (row)
            where concat({RECORD_ID}, '#1') in (select event_id from read_parquet({text_list(files)}, hive_partitioning = false))""")


def make_state_duplicates(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Make the table `duplicates` (row) of items, users or links: all but one line of a key within a file.

    The last one is the state of an item or user; the earliest one tells since when a link is known.
    """
    key = {"items": "item_id", "users": "user_key", "links": "user_key, coalesce(anonymous_key, other_user_key)"}[source.kind]
    order = "linked_at nulls last, row" if source.kind == "links" else "row desc"
    connection.execute("create or replace temp table occurrences as select 0::bigint as row, 0::bigint as occurrence where false")
    connection.execute(f"""
        create or replace temp table duplicates as
        select row from (select row, row_number() over (partition by file_no, {key} order by {order}) as nth from sound) where nth > 1""")
