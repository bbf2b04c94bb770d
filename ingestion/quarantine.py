"""What quarantine keeps of a refused record: file, line, reason, and its raw text without the ids of the visitor or private fields."""

from collections.abc import Sequence

import duckdb

from ingestion.privacy import Names
from ingestion.reading import CountedFile
from shop import Shop

COLUMNS = ("source", "file", "line", "reason", "raw", "landed_date")
_PLAIN_LENGTH = 4  # a shorter id is replaced as a word only: '1' stands in every number


def make_refused(connection: duckdb.DuckDBPyConnection, shop: Shop, files: Sequence[CountedFile]) -> None:
    """Make the table `refused` (file_no, line, reason, raw): the records that failed a check, and those set aside by the count."""
    source, reader = files[0].delivery.source, files[0].reader
    _make_line_breaks(connection, files)
    faulty = "select file_no, row, reason, raw_text, user_id, anonymous_id from checked where reason is not null"
    if source.lines:
        names = Names(shop.privacy, source.kind == "items")
        faulty = f"""
            select raw.file_no, faulty.row, faulty.reason, {reader.text(names)} as raw_text, checked.user_id, checked.anonymous_id
            from faulty
            join raw on raw.rowid = faulty.row
            join checked on checked.row = faulty.row and checked.line = 1"""
    # where the mapped columns hold no id (a renamed column, say), an id may stand anywhere: only the record's shape is kept
    shape = r"""regexp_replace(raw_text, '[^\s{}\[\]",:;]', 'x', 'g')"""
    escaped = reader.escaped
    raw = f"case when longer is null then {shape} else {_without(_without('raw_text', 'longer', escaped), 'shorter', escaped)} end"
    connection.execute(f"""
        create or replace temp table refused as
        with
        faulty_records as (
            select
                faulty.file_no, faulty.row - spans.first_row + 1 as record, faulty.reason, faulty.raw_text,
                list_sort(
                    list_filter(
                        [{_visitor("users", "user")}, {_visitor("devices", "anon")}], lambda visitor: visitor.id is not null
                    ),
                    'desc'
                ) as visitors
            from ({faulty}) as faulty
            join spans using (file_no)
            left join visitors as users on users.kind = 'user' and users.id = faulty.user_id
            left join visitors as devices on devices.kind = 'anon' and devices.id = faulty.anonymous_id
        ),
        keyed as (
            -- a device id may hold the user id: the longer one goes first
            select *, visitors[1] as longer, visitors[2] as shorter from faulty_records
        )
        select keyed.file_no, line_breaks.line + keyed.record - line_breaks.record as line, reason, {raw} as raw
        from keyed
        asof join line_breaks on keyed.file_no = line_breaks.file_no and keyed.record >= line_breaks.record""")
    set_aside = [(number, record) for number, file in enumerate(files) for record in file.count.set_aside]
    connection.execute(
        "insert into refused select unnest($files), unnest($lines), unnest($reasons), unnest($raws)",
        {
            "files": [file_no for file_no, _ in set_aside],
            "lines": [record.line for _, record in set_aside],
            "reasons": [record.reason for _, record in set_aside],
            "raws": [record.raw for _, record in set_aside],
        },
    )


def _make_line_breaks(connection: duckdb.DuckDBPyConnection, files: Sequence[CountedFile]) -> None:
    breaks = [(number, *line_break) for number, file in enumerate(files) for line_break in file.count.line_breaks]
    numbers, records, lines = map(list, zip(*breaks, strict=True))
    connection.execute(
        "create or replace temp table line_breaks as "
        "select unnest($numbers) as file_no, unnest($records) as record, unnest($lines) as line",
        {"numbers": numbers, "records": records, "lines": lines},
    )


def _visitor(table: str, kind: str) -> str:
    return f"{{'length': length({table}.id), 'id': {table}.id, 'name': '{kind}:' || {table}.key}}"


def _without(text: str, visitor: str, escaped) -> str:
    """SQL: `text` with the id of a visitor, in any case of letters, replaced by its pseudonym."""
    id_ = f"regexp_escape({escaped(f'{visitor}.id')})"
    pattern = f"case when {visitor}.length < {_PLAIN_LENGTH} then '\\b' || {id_} || '\\b' else {id_} end"
    return f"case when {visitor} is null then {text} else regexp_replace({text}, {pattern}, {visitor}.name, 'gi') end"
