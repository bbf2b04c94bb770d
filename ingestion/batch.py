"""Lands a batch of files of one source and one form into staging, in a few passes of DuckDB over all of them.

raw → checked (mapped, with reasons) → sound (with pseudonyms) → landed; what falls out on the way is counted by file.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import duckdb

from ingestion import checks, identify
from ingestion.formats import Reader, json_texts, texts_of
from ingestion.lake import TABLES
from ingestion.manifest import Entry
from ingestion.mapping import Mapping, typed
from ingestion.pseudonyms import make_visitors
from ingestion.quarantine import make_refused
from ingestion.reading import CountedFile, make_raw
from ingestion.sql import literal
from ingestion.writing import instant, write
from shop import Shop, Source

_COMPUTED = {
    "events": {
        "event_id": "record_id || '#' || line",
        "visitor_key": "coalesce(user_key, anonymous_key)",
        "device_key": "case when user_key is not null then anonymous_key end",
    },
    "items": {},
    "users": {"visitor_key": "user_key"},
}
# (source, first event_at, last event_at) → the Parquet files of landed events that may hold duplicates of such events
KnownFiles = Callable[[Source, str, str], list[Path]]


def stage(
    connection: duckdb.DuckDBPyConnection,
    shop: Shop,
    keys: Sequence[bytes],
    files: Sequence[CountedFile],
    staging: Path,
    known_files: KnownFiles,
) -> list[Entry]:
    """Write the lake and quarantine files of a batch below `staging`, which is laid out as the shop's folder.

    Args:
        connection: to DuckDB, in the shop's zone.
        keys: of the pseudonyms, the oldest first.
        files: of one source, with equal readers, in the order in which they land.

    Raises:
        StepError: a file cannot be read as it was counted.
    """
    source, reader = files[0].delivery.source, files[0].reader
    make_raw(connection, shop, files)
    _make_checked(connection, shop, source, reader)
    _make_visitors(connection, shop, keys)
    make_refused(connection, reader, [(number, record) for number, file in enumerate(files) for record in file.count.set_aside])
    _make_skipped(connection)
    connection.execute("drop table raw")
    _make_duplicates(connection, source, known_files)
    _make_landed(connection, source)
    connection.execute("drop table checked")
    entries = write(connection, files, staging)
    connection.execute("drop table landed")
    return entries


def _make_checked(connection: duckdb.DuckDBPyConnection, shop: Shop, source: Source, reader: Reader) -> None:
    """checked: a row per event line, mapped, with why it is skipped or refused; faulty: the refused records."""
    mapping = Mapping(source, shop.timezone)
    fields = {"user_id": "null::varchar", "anonymous_id": "null::varchar", "event_id": "null::varchar"} | mapping.fields
    mapped = [name for name in TABLES[source.kind] if name not in {"source", "landed_date", *_COMPUTED[source.kind]}]
    connection.execute(f"""
        create or replace temp table checked as
        with
        records as ({reader.records(mapping.record_paths, source.lines)}),
        pieces as ({_pieces(mapping)}),
        fields as (
            select
                file_no, pieces.row - spans.first_row + 1 as record, pieces.line, spans.latest, pieces.fault,
                {mapping.skip_reason()} as skip_reason,
                {", ".join(f"{expression} as {name}" for name, expression in fields.items())}
            from pieces join spans using (file_no)
        )
        select
            file_no, record, line, skip_reason, {checks.reason(shop, source)} as reason,
            user_id, anonymous_id, event_id as own_id,
            {", ".join(f"{typed(name, TABLES[source.kind][name])} as {name}" for name in mapped)}
        from fields""")
    connection.execute("""
        create or replace temp table faulty as
        select file_no, record, arg_min(reason, line) as reason
        from checked where reason is not null and skip_reason is null group by all""")


def _pieces(mapping: Mapping) -> str:
    if not mapping.source.lines:
        return "select *, 1 as line from records"
    elements = "case when len(lines) > 0 then lines else [null] end"
    return f"""
        select * exclude (texts){texts_of(mapping.line_paths, "w")}
        from (
            select *, {json_texts("element", mapping.line_paths)} as texts
            from (select *, unnest({elements}) as element, generate_subscripts({elements}, 1) as line from records)
        )"""


def _make_visitors(connection: duckdb.DuckDBPyConnection, shop: Shop, keys: Sequence[bytes]) -> None:
    """passed: what is neither skipped nor refused; sound: the same with pseudonyms. Both are views, which saves memory."""
    ids = (
        "select 'user' as kind, user_id as id from checked where user_id is not null "
        "union all select 'anon', anonymous_id from checked where anonymous_id is not null"
    )
    make_visitors(connection, keys, shop.identity_namespace, ids)
    connection.execute("""
        create or replace temp view passed as
        select * exclude (skip_reason, reason) from checked anti join faulty using (file_no, record) where skip_reason is null""")
    connection.execute("""
        create or replace temp view sound as
        select passed.*, users.key as user_key, devices.key as anonymous_key, users.base as user_base, devices.base as anonymous_base
        from passed
        left join visitors as users on users.kind = 'user' and users.id = passed.user_id
        left join visitors as devices on devices.kind = 'anon' and devices.id = passed.anonymous_id""")


def _make_skipped(connection: duckdb.DuckDBPyConnection) -> None:
    """skipped: records declared to be none of the source's, counted by file and reason."""
    connection.execute("""
        create or replace temp table skipped as
        select file_no, skip_reason, count(distinct record) as records
        from checked where skip_reason is not null group by all order by all""")


def _make_duplicates(connection: duckdb.DuckDBPyConnection, source: Source, known_files: KnownFiles) -> None:
    if source.kind != "events":
        identify.make_state_duplicates(connection, source)
        return
    identify.make_record_ids(connection, source)
    first, last = connection.execute(f"select {instant('min(event_at)')}, {instant('max(event_at)')} from passed").fetchone()
    identify.make_event_duplicates(connection, known_files(source, first, last) if first else [])


def _make_landed(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """landed: the lake's rows."""
    computed = _COMPUTED[source.kind] | {"source": literal(source.name), "landed_date": "spans.landed_date"}
    ids = "join record_ids using (file_no, record)" if source.kind == "events" else ""
    connection.execute(f"""
        create or replace temp table landed as
        select file_no, record, line, {", ".join(f"{computed.get(name, name)} as {name}" for name in TABLES[source.kind])}
        from sound {ids} join spans using (file_no) anti join duplicates using (file_no, record)""")
