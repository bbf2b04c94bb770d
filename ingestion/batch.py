"""Lands a batch of files of one source and one form into staging, in a few passes of DuckDB over all of them.

checked (read, mapped, with reasons) → passed → sound (with pseudonyms) → landed; what falls out on the way is counted by file.
Only `checked` is a table: what follows are views over it, read once, when the lake's files are written.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import duckdb

from ingestion import checks, identify, privacy
from ingestion.json_paths import json_texts, texts_of
from ingestion.lake import TABLES, KnownFile
from ingestion.manifest import Entry
from ingestion.mapping import NEVER, Mapping, as_numbers, midnight, typed
from ingestion.privacy import Names
from ingestion.pseudonyms import make_visitors
from ingestion.quarantine import make_refused, raw_of_refused
from ingestion.reading import CountedFile, day_after_which_is_late, make_spans, reading
from ingestion.repeats import make_repeated
from ingestion.sql import literal
from ingestion.writing import make_lines, write
from shop import Shop
from sources import Source

_COMPUTED = {
    "events": {
        "event_id": f"concat({identify.RECORD_ID}, '#', line)",
        "visitor_key": "coalesce(user_key, anonymous_key)",
        "device_key": "case when user_key is not null then anonymous_key end",
    },
    "items": {},
    "users": {"visitor_key": "user_key"},
    "links": {
        "visitor_key": "user_key",
        "linked_key": "coalesce(anonymous_key, other_user_key)",
        "is_device": "anonymous_key is not null",
    },
}
_IDS = {"user_id": "user", "other_user_id": "user", "anonymous_id": "anon"}
# (batch, first event_at, last event_at) → the files of landed events that may hold duplicates of such events
KnownFiles = Callable[[Sequence[CountedFile], str, str], list[KnownFile]]


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
    source = files[0].delivery.source
    _make_checked(connection, shop, files)
    _make_passed(connection, source)
    with_keys = _make_sound(connection, shop, source, keys)
    make_refused(connection, shop, files)
    holders = {}
    if source.kind == "events":
        known = identify.make_event_duplicates(connection, lambda first, last: known_files(files, first, last))
        holders = make_repeated(connection, files, known, partial(_repeated, shop, files, with_keys))
    else:
        identify.make_state_duplicates(connection, source)
    make_lines(connection, "landed", _landed(shop, files), files)
    entries = write(connection, files, holders, staging)
    for name in ("landed", "repeated", "sound", "passed", "checked"):
        connection.execute(f"drop view if exists {name}")
    for name in ("checked_lines", "landed_lines", "repeated_lines", "repeated_records", "held_by", "raw"):
        connection.execute(f"drop table if exists {name}")
    return entries


def _make_checked(connection: duckdb.DuckDBPyConnection, shop: Shop, files: Sequence[CountedFile]) -> None:
    """checked: a row per event line, mapped, with why it is skipped or refused and, if so, its text; `row` numbers the records.

    Where records have lines, they are first read into a table, which numbers them; else the table `checked_lines` does.
    """
    source, reader, columns = files[0].delivery.source, files[0].reader, TABLES[files[0].delivery.table]
    mapping = Mapping(source, shop.timezone)
    fields = dict.fromkeys((*_IDS, "event_id"), "null::varchar") | mapping.fields
    reason = checks.reason(shop, source, has_controls=any(file.count.has_controls for file in files))
    kept = {name: typed(name, columns[name]) for name in columns if name in source.columns or name == "event_type"}
    kept |= {name: name for name in (*_IDS, *mapping.trait_names) if name in source.columns or name in mapping.trait_names}
    kept |= {"own_id": "event_id"} if "event_id" in source.columns else {}
    kept.pop("event_id", None)
    can_skip = mapping.skip_reason() != NEVER
    if not source.lines:
        name, text = raw_of_refused(shop, source, reader)
        kept[name] = f"case when reason is not null then {text} end"
    short = f", {identify.short_hash(source)} as short" if source.kind == "events" and not source.lines else ""
    with reading(connection, files) as raw:
        if source.lines:
            connection.execute(f"create or replace temp table raw as {raw}")
            records = reader.records("(select *, rowid as row from raw)", mapping.record_paths, source.lines)
        else:
            records = reader.records(f"({raw})", mapping.record_paths, None)
        connection.execute(f"""
            create or replace temp table checked_lines as
            with  -- inlined: a materialized one would lose the order of the rows, and time
            records as not materialized ({records}),
            pieces as not materialized ({_pieces(mapping)}),
            fields as not materialized (
                select
                    *, {_latest(shop, files)} as latest, {mapping.skip_reason()} as skip_reason,
                    {", ".join(f"{expression} as {name}" for name, expression in fields.items())}
                from pieces
            ),
            numbers as not materialized (
                select *{"".join(f", {expression} as {name}" for name, expression in as_numbers(mapping.fields).items())} from fields
            ),
            judged as not materialized (
                select *, case when skip_reason is null then {reason} end as reason from numbers
            )
            select *{short} from (
                select
                    {"row, line, " if source.lines else ""}{"skip_reason, " if can_skip else ""}file_no, reason,
                    {", ".join(f"{expression} as {name}" for name, expression in kept.items())}
                from judged
            )""")
    missing = {name: f"null::{type_}" for name, type_ in columns.items() if name in mapping.fields} | {"own_id": "null::varchar"}
    missing |= dict.fromkeys(_IDS, "null::varchar")  # what is not mapped is not stored: a column of nulls takes 80 MB in 10 million rows
    added = [] if source.lines else ["rowid as row", "1 as line"]
    added += [] if can_skip else [f"{NEVER} as skip_reason"]
    added += [f"{null} as {name}" for name, null in missing.items() if name not in kept and name != "event_id"]
    connection.execute(f"create or replace temp view checked as select {''.join(f'{column}, ' for column in added)}* from checked_lines")
    make_spans(connection, files, "raw" if source.lines else "checked_lines")


def _pieces(mapping: Mapping) -> str:
    if not mapping.source.lines:
        return "select * from records"
    elements = "case when len(lines) > 0 then lines else [null] end"
    return f"""
        select *{texts_of(mapping.line_paths, "w", "element")}
        from (
            select * exclude (texts), {json_texts("element", mapping.line_paths)} as texts
            from (
                select *, unnest({elements}) as element, generate_subscripts({elements}, 1) as line
                from (select null as texts, * from records)
            )
        )"""


def _latest(shop: Shop, files: Sequence[CountedFile]) -> str:
    """SQL: the first instant that is too late for the row's file."""
    instants = [midnight(day_after_which_is_late(shop, file), shop.timezone) for file in files]
    if len(set(instants)) == 1:
        return instants[0]
    return f"[{', '.join(instants)}][file_no + 1]"


def _make_passed(connection: duckdb.DuckDBPyConnection, source: Source) -> None:
    """passed: the lines that are neither skipped nor refused; a record passes whole or not at all."""
    whole = ""
    if source.lines:
        connection.execute("""
            create or replace temp table faulty as
            select row, arg_min(reason, line) as reason from checked where reason is not null group by row""")
        whole = "anti join faulty using (row)"
    connection.execute(f"create or replace temp view passed as select * from checked {whole} where reason is null and skip_reason is null")


def _make_sound(connection: duckdb.DuckDBPyConnection, shop: Shop, source: Source, keys: Sequence[bytes]) -> identify.WithKeys:
    """sound: what passed, with pseudonyms and, of events, the content that stands for a missing event id; what adds the pseudonyms."""
    hashed = {f"trait{index}": "trait" for index, names in enumerate(source.traits.items()) if Names(shop.privacy).is_hashed(*names)}
    named = {name: kind for name, kind in (_IDS | hashed).items() if name in source.columns or name in hashed}
    ids = " union all ".join(f"select '{kind}' as kind, {name} as id from checked where {name} is not null" for name, kind in named.items())
    make_visitors(connection, keys, shop.identity_namespace, ids or "select '' as kind, '' as id where false")
    with_keys = partial(_with_keys, named, [*_IDS, *hashed])
    identify.make_sound(connection, source, with_keys)
    return with_keys


def _with_keys(named: dict[str, str], names: Sequence[str], lines: str) -> str:
    """SQL: `lines` of `passed` with the pseudonyms of their ids; `user_id` gives user_key, and user_tag."""
    joins = " ".join(
        f"left join visitors as {name}_visitors on {name}_visitors.kind = '{kind}' and {name}_visitors.id = {lines}.{name}"
        for name, kind in named.items()
    )
    keys = (
        f"{f'{name}_visitors.{column}' if name in named else f'null::{type_}'} as {name.removesuffix('_id')}_{column}"
        for name in names
        for column, type_ in (("key", "uuid"), ("tag", "varchar"))
    )
    return f"select {lines}.*, {', '.join(keys)} from {lines} {joins}"


def _landed(shop: Shop, files: Sequence[CountedFile]) -> str:
    """SQL: the rows of what is no duplicate."""
    outcomes = """
        left join (  -- one join: ten million rows take 0.2 s in each
            select row, occurrence, false as is_duplicate from occurrences anti join duplicates using (row)
            union all
            select row, null as occurrence, true as is_duplicate from duplicates
        ) using (row)
        where is_duplicate is not true"""
    return _rows(shop, files, files[0].delivery.table, f"sound {outcomes}")


def _repeated(shop: Shop, files: Sequence[CountedFile], with_keys: identify.WithKeys, lines: str, joined: str) -> str:
    """SQL: the rows of the repeats among the lines of `passed`."""
    sound = identify.sound(files[0].delivery.source, with_keys, lines)
    return _rows(shop, files, "repeats", f"({sound}) left join occurrences using (row) {joined}")


def _rows(shop: Shop, files: Sequence[CountedFile], table: str, sound: str) -> str:
    """SQL: rows of a table of the lake, of sound lines with their occurrence, numbered by file, record and line."""
    source = files[0].delivery.source
    computed = _COMPUTED[source.kind] | _private(shop, source)
    computed |= {"source": literal(source.name), "landed_date": f"{_dates(files)}[file_no + 1]"}
    return f"select file_no, row, line, {', '.join(f'{computed.get(name, name)} as {name}' for name in TABLES[table])} from {sound}"


def _private(shop: Shop, source: Source) -> dict[str, str]:
    """The columns in which texts stand that may hold private data, and ids that are known by the visitor alone."""
    if source.kind == "events":
        session = source.columns.get("session_id")
        of_visitor = "left(md5(coalesce(anonymous_tag, user_tag) || '/' || session_id), 24)"
        return {"query": privacy.without_private_text("query")} | ({"session_id": of_visitor} if session and session.per_visitor else {})
    if source.kind == "users":
        return {"traits": privacy.traits(Names(shop.privacy), source.traits)}
    return {}


def _dates(files: Sequence[CountedFile]) -> str:
    dates = (f"date '{file.delivery.landed_date}'" for file in files)
    return f"[{', '.join(dates)}]"
