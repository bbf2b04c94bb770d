"""Which sound records are duplicates, and what the others' event ids are.

event_id = `<source>:<the source's id>#<line>`; without an id, a content hash and its occurrence number within the file
stand for it, since identical lines of one order are real.
"""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from ingestion.lake import TABLES
from ingestion.sql import literal, text_list
from shop import Source

_UNHASHED = ("event_id", "source", "landed_date", "visitor_key", "device_key", "event_at")


def content_hash() -> str:
    """SQL over `sound`: the hash of a canonical event line. It takes in the pseudonyms, so no raw id can be guessed from it.

    They are those of the first key alone, so that a change of the key changes no hash. What is unknown is left out, so
    that a column mapped later, and missing in an old file, changes none either.
    """
    fields = [name for name in TABLES["events"] if name not in _UNHASHED]
    pseudonyms = ["'user_key=' || user_base", "'anonymous_key=' || anonymous_base"]
    parts = ["epoch_us(event_at)", *pseudonyms, *(f"'{name}=' || {name}" for name in fields)]
    return f"left(sha256(concat_ws(chr(31), {', '.join(parts)})), 32)"


def make_record_ids(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Make the table `record_ids` (file_no, record, record_id) of the events in `sound`: event ids without the line."""
    lines = f"""
        select file_no, record, line, own_id, null as content from passed where own_id is not null
        union all
        select file_no, record, line, null, {content_hash()} from sound where own_id is null"""
    if source.lines:  # one record may stand on several rows
        lines = f"""
            select file_no, record, any_value(own_id) as own_id, left(sha256(string_agg(content, '' order by line)), 32) as content
            from ({lines}) group by all"""
    connection.execute(f"create or replace temp table contents as select file_no, record, own_id, content from ({lines})")
    connection.execute(f"""
        create or replace temp table record_ids as
        with
        repeated as (
            select file_no, content from contents where own_id is null group by all having count(*) > 1
        ),
        occurrences as (
            select file_no, record, row_number() over (partition by file_no, content order by record) as occurrence
            from contents semi join repeated using (file_no, content) where own_id is null
        )
        select
            file_no, record,
            {literal(source.name + ":")} || coalesce(own_id, content || '-' || coalesce(occurrence, 1)) as record_id
        from contents left join occurrences using (file_no, record)""")
    connection.execute("drop table contents")


def make_event_duplicates(connection: duckdb.DuckDBPyConnection, known_files: Iterable[Path]) -> None:
    """Make the table `duplicates` (file_no, record): records that came before, in this batch or in `known_files`.

    `known_files` are Parquet files of landed events; those with other times than the batch's may be left out where ids
    are content hashes, which hold the time.
    """
    files = list(known_files)
    known = f"select event_id from read_parquet({text_list(files)}, hive_partitioning = false)" if files else "select '' where false"
    connection.execute(f"""
        create or replace temp table duplicates as
        with
        repeated as (
            select record_id from record_ids group by all having count(*) > 1
        ),
        ranked as (
            select file_no, record, row_number() over (partition by record_id order by file_no, record) as nth
            from record_ids semi join repeated using (record_id)
        )
        select file_no, record from ranked where nth > 1
        union
        select file_no, record from record_ids where record_id || '#1' in ({known})""")


def make_state_duplicates(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Make the table `duplicates` (file_no, record) of items or users: all but the last line of a key within a file."""
    key = "item_id" if source.kind == "items" else "user_key"
    connection.execute(f"""
        create or replace temp table duplicates as
        select file_no, record
        from (select file_no, record, row_number() over (partition by file_no, {key} order by record desc) as nth from sound)
        where nth > 1""")
