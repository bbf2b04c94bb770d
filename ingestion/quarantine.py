"""What quarantine keeps of a refused record: file, line, reason, and its raw text without the ids of the visitor."""

from collections.abc import Sequence

import duckdb

from ingestion.counting import SetAside
from ingestion.formats import Reader

COLUMNS = ("source", "file", "line", "reason", "raw", "landed_date")
_PLAIN_LENGTH = 4  # a shorter id is replaced as a word only: '1' stands in every number


def make_refused(connection: duckdb.DuckDBPyConnection, reader: Reader, set_aside: Sequence[tuple[int, SetAside]]) -> None:
    """Make the table `refused` (file_no, line, reason, raw) of the records in `faulty` and those set aside, by file_no."""
    # where the mapped columns hold no id (a renamed column, say), an id may stand anywhere: only the record's shape is kept
    shape = r"""regexp_replace(raw, '[^\s{}\[\]",:;]', 'x', 'g')"""
    raw = f"case when longer is null then {shape} else {_without(_without('raw', 'longer', reader), 'shorter', reader)} end"
    connection.execute(f"""
        create or replace temp table refused as
        with
        faulty_records as (
            select
                faulty.file_no, faulty.record, faulty.reason, {reader.text()} as raw,
                list_sort(
                    list_filter([{_visitor("users", "user")}, {_visitor("devices", "anon")}], lambda visitor: visitor.id is not null),
                    'desc'
                ) as visitors
            from faulty
            join spans using (file_no)
            join raw on raw.rowid = spans.first_row + faulty.record - 1
            join checked on checked.file_no = faulty.file_no and checked.record = faulty.record and checked.line = 1
            left join visitors as users on users.kind = 'user' and users.id = checked.user_id
            left join visitors as devices on devices.kind = 'anon' and devices.id = checked.anonymous_id
        ),
        keyed as (
            -- a device id may hold the user id: the longer one goes first
            select *, visitors[1] as longer, visitors[2] as shorter from faulty_records
        )
        select keyed.file_no, line_breaks.line + keyed.record - line_breaks.record as line, reason, {raw} as raw
        from keyed
        asof join line_breaks on keyed.file_no = line_breaks.file_no and keyed.record >= line_breaks.record""")
    connection.execute(
        "insert into refused select unnest($files), unnest($lines), unnest($reasons), unnest($raws)",
        {
            "files": [file_no for file_no, _ in set_aside],
            "lines": [record.line for _, record in set_aside],
            "reasons": [record.reason for _, record in set_aside],
            "raws": [record.raw for _, record in set_aside],
        },
    )


def _visitor(table: str, kind: str) -> str:
    return f"{{'length': length({table}.id), 'id': {table}.id, 'name': '{kind}:' || {table}.key}}"


def _without(text: str, visitor: str, reader: Reader) -> str:
    """SQL: `text` with the id of a visitor, in any case of letters, replaced by its pseudonym."""
    id_ = f"regexp_escape({reader.escaped(f'{visitor}.id')})"
    pattern = f"case when {visitor}.length < {_PLAIN_LENGTH} then '\\b' || {id_} || '\\b' else {id_} end"
    return f"case when {visitor} is null then {text} else regexp_replace({text}, {pattern}, {visitor}.name, 'gi') end"
