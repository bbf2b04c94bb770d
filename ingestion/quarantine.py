"""What quarantine keeps of a refused record: file, line, reason, and its raw text without the ids of the visitor or private fields."""

from collections.abc import Callable, Sequence

import duckdb

from ingestion.formats import CsvReader, Reader
from ingestion.mapping import Mapping
from ingestion.privacy import Names
from ingestion.reading import CountedFile
from shop import Shop
from sources import Source

COLUMNS = ("source", "file", "line", "reason", "raw", "landed_date")
Escaped = Callable[[str], str]  # of SQL: how a value stands in a record's text
_PLAIN_LENGTH = 4  # a shorter id is replaced as a word only: '1' stands in every number
_LONGEST_ID = 1_000  # as a pattern, one of 100,000 characters takes over a minute, and one of a million is refused by DuckDB


def make_refused(connection: duckdb.DuckDBPyConnection, shop: Shop, files: Sequence[CountedFile]) -> None:
    """Make the table `refused` (file_no, line, reason, raw): the records that failed a check, and those set aside by the count."""
    source, reader = files[0].delivery.source, files[0].reader
    _make_line_breaks(connection, files)
    ids = "user_id, anonymous_id, other_user_id"
    faulty = f"select file_no, row, reason, raw_text, {ids} from checked where reason is not null"
    text, paths = _text(shop, source, reader), Mapping(source, shop.timezone).record_paths
    if not source.lines and isinstance(reader, CsvReader):
        packed = f"(select file_no, row, reason as why, {ids}, {reader.unpacked()} from checked where reason is not null)"
        faulty = f"select file_no, row, why as reason, {text} as raw_text, {ids} from ({reader.records(packed, paths, None)})"
    if source.lines:
        records = reader.records("(select *, rowid as row from raw where rowid in (select row from faulty))", paths, None)
        faulty = f"""
            select
                texts.file_no, faulty.row, faulty.reason, texts.raw_text, checked.user_id, checked.anonymous_id, checked.other_user_id
            from faulty
            join (select file_no, row, {text} as raw_text from ({records})) as texts on texts.row = faulty.row
            join checked on checked.row = faulty.row and checked.line = 1"""
    # where the mapped columns hold no id (a renamed column, say), or far more than an id, one may stand anywhere: only the
    # record's shape is kept
    shape = r"""regexp_replace(raw_text, '[^\s{}\[\]",:;]', 'x', 'g')"""
    pseudonymous = "faulty_records"
    for place in (1, 2, 3):  # a device id may hold the user id: the longer one goes first
        pseudonymous = f"(select * replace ({_without('raw_text', f'visitors[{place}]', reader.escaped)} as raw_text) from {pseudonymous})"
    connection.execute(f"""
        create or replace temp table refused as
        with
        named as (  -- few: joins of all visitors would take as long as all else here
            select * from visitors
            where id in (select unnest([user_id, anonymous_id, other_user_id]) from checked where reason is not null)
        ),
        faulty_records as (
            select
                faulty.file_no, faulty.row - spans.first_row + 1 as record, faulty.reason, faulty.raw_text,
                list_sort(
                    list_filter(
                        [{_visitor("users", "user")}, {_visitor("devices", "anon")}, {_visitor("others", "user")}],
                        lambda visitor: visitor.id is not null
                    ),
                    'desc'
                ) as visitors
            from ({faulty}) as faulty
            join spans using (file_no)
            left join named as users on users.kind = 'user' and users.id = faulty.user_id
            left join named as devices on devices.kind = 'anon' and devices.id = faulty.anonymous_id
            left join named as others on others.kind = 'user' and others.id = faulty.other_user_id
        )
        select
            records.file_no, line_breaks.line + records.record - line_breaks.record as line, reason,
            case when visitors[1] is null or visitors[1].length > {_LONGEST_ID} then {shape} else raw_text end as raw
        from {pseudonymous} as records
        asof join line_breaks on records.file_no = line_breaks.file_no and records.record >= line_breaks.record""")
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


def raw_of_refused(shop: Shop, source: Source, reader: Reader) -> tuple[str, str]:
    """What `checked` keeps of a refused record, as a name and SQL: its `raw_text`; of CSV its `packed` columns, which takes less time."""
    if isinstance(reader, CsvReader):
        return "packed", f"[{', '.join(f'c{index}' for index in range(len(reader.columns)))}]"
    return "raw_text", _text(shop, source, reader)


def _text(shop: Shop, source: Source, reader: Reader) -> str:
    names = Names(shop.privacy, source.kind == "items")
    return _with_ids(reader.text(names), Mapping(source, shop.timezone), reader.escaped)


def _with_ids(text: str, mapping: Mapping, escaped: Escaped) -> str:
    """SQL: `text` with the visitor's ids as they are mapped, where a record may have others: a second one, or one without the prefix."""
    for name in (name for name in ("user_id", "anonymous_id", "other_user_id") if name in mapping.source.columns):
        column = mapping.source.columns[name]
        for path in column.from_ if column.prefix or len(column.from_) > 1 else ():
            value = f"v{mapping.record_paths.index(path)}"
            id_ = rf"replace({escaped(mapping.text(name))}, '\', '\\')"
            text = f"case when {value} is null then {text} else {_replaced(text, value, f'length({value})', id_, escaped)} end"
    return text


def _without(text: str, visitor: str, escaped: Escaped) -> str:
    """SQL: `text` with the id of a visitor, in any case of letters, replaced by its pseudonym."""
    id_, by_pattern = escaped(f"{visitor}.id"), _replaced(text, f"{visitor}.id", f"{visitor}.length", f"{visitor}.name", escaped)
    # a pattern of its own for each row takes 30 µs, and few texts hold the id in other letters than the column does
    is_exact = f"{visitor}.length >= {_PLAIN_LENGTH} and not contains(lower(replace({text}, {id_}, '')), lower({id_}))"
    return f"case when {visitor} is null then {text} when {is_exact} then replace({text}, {id_}, {visitor}.name) else {by_pattern} end"


def _replaced(text: str, id_: str, length: str, by: str, escaped: Escaped) -> str:
    pattern = f"regexp_escape({escaped(id_)})"
    start, end = (
        f"case when {length} < {_PLAIN_LENGTH} and regexp_matches({id_}, '{edge}') then '\\b' else '' end" for edge in (r"^\w", r"\w$")
    )
    by_pattern = f"regexp_replace({text}, {start} || {pattern} || {end}, {by}, 'gi')"
    return f"case when {length} > {_LONGEST_ID} then replace({text}, {escaped(id_)}, '') else {by_pattern} end"
