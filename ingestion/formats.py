"""How DuckDB reads each format: SQL that gives raw records in file order, and the text at a path of a record.

A reader is a value: files with equal readers are read in one pass. `raw` gives a reader's own columns and `file_no` (the
file's place in the list, from 0); `records` adds fault, the texts v0, v1, …, and `lines` (a list of JSON values) where
event lines are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion import privacy
from ingestion.count_csv import count_csv
from ingestion.count_json_lines import NO_CHARACTER, count_json_lines
from ingestion.count_parquet import count_parquet
from ingestion.counting import Count
from ingestion.mapping import NO_ARRAY
from ingestion.plain_text import plain_text
from ingestion.sql import identifier, literal, text_list
from sources import PathSegment, Source, path_segments


@dataclass(frozen=True)
class CsvReader:
    """CSV; columns are found by name, wherever they stand."""

    delimiter: str
    columns: tuple[str, ...]
    has_header: bool
    is_multiline: bool

    def has(self, path: str) -> bool:
        """Whether the files have the path's column, once."""
        return self.columns.count(path) == 1

    def raw(self, files: Sequence[Path]) -> str:
        names = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(self.columns)))
        return (
            f"select *, file_index::bigint as file_no from read_csv({text_list(files)}, columns = {{{names}}}, "
            f"header = {str(self.has_header).lower()}, auto_detect = false, delim = {literal(self.delimiter)}, quote = '\"', "
            f"escape = '\"', comment = '', strict_mode = true, parallel = {str(not self.is_multiline).lower()})"
        )

    def records(self, raw: str, paths: Sequence[str], lines: str | None) -> str:
        texts = "".join(f", {self._value(path)} as v{index}" for index, path in enumerate(paths))
        return f"select *, null::varchar as fault{texts} from {raw}"

    def text(self, names: privacy.Names) -> str:
        """The record as CSV, of the columns of `raw`, without its private fields."""
        odd = literal(f'["\r\n{self.delimiter}]')
        fields = (
            literal(privacy.DROPPED)
            if names.is_private(column)
            else f"""case when regexp_matches({name}, {odd}) then '"' || replace({name}, '"', '""') || '"' else coalesce({name}, '') end"""
            for column, name in zip(self.columns, (f"c{index}" for index in range(len(self.columns))), strict=True)
        )
        return privacy.without_private_text(f"concat_ws({literal(self.delimiter)}, {', '.join(fields)})")

    def escaped(self, value: str) -> str:
        """How a value stands in `text`."""
        return f"replace({value}, '\"', '\"\"')"

    def _value(self, path: str) -> str:
        return _clean(f"c{self.columns.index(path)}") if self.has(path) else "null::varchar"


@dataclass(frozen=True)
class JsonReader:
    """One JSON object a line; read as text, so that a broken line costs only itself."""

    columns: tuple[str, ...] = ()

    def has(self, path: str) -> bool:
        """Always: an object may lack any key."""
        return True

    def raw(self, files: Sequence[Path]) -> str:
        return (
            f"select document, file_index::bigint as file_no from read_csv({text_list(files)}, columns = {{'document': 'VARCHAR'}}, "
            f"header = false, auto_detect = false, delim = '{NO_CHARACTER}', quote = '', escape = '', comment = '')"
        )

    def records(self, raw: str, paths: Sequence[str], lines: str | None) -> str:
        array, not_an_array = "", ""
        if lines:
            array = f", json_extract(doc, {literal(json_path(path_segments(lines)) + '[*]')}) as lines"
            not_an_array = (
                f"when json_type(doc, {literal(json_path(path_segments(lines)))}) not in ('ARRAY', 'NULL') then {literal(NO_ARRAY)}"
            )
        return f"""
            select *,
                case
                    when doc is null then 'not valid JSON'
                    when json_type(doc) <> 'OBJECT' then 'not a JSON object'
                    {not_an_array}
                end as fault{texts_of(paths, "v", "doc")}
            from (
                select *{array}, {json_texts("doc", paths)} as texts
                from (select *, case when json_valid(document) then document end as doc from {raw})
            )"""

    def text(self, names: privacy.Names) -> str:
        """The record as JSON with unescaped texts, without private fields; of broken JSON the shape alone: no id in it can be found."""
        shape = """left(regexp_replace(document, '[^{}\\[\\]:,;|" \\t]+', 'x', 'g'), 500)"""
        return f"case when json_valid(document) then {names.without_private('json(document)::varchar')} else {shape} end"

    def escaped(self, value: str) -> str:
        """How a value stands in `text`."""
        return _in_json(value)


@dataclass(frozen=True)
class ParquetReader:
    """Parquet; nested fields by path.

    Args:
        columns: by name.
        paths: every path in their schema, as `count_parquet` gives them.
    """

    columns: tuple[str, ...]
    paths: tuple[str, ...]

    def has(self, path: str) -> bool:
        """Whether the files have the path's column, and what the path goes through in it."""
        if path in self.columns:
            return True
        steps, known = "", set(self.paths)
        for segment in path_segments(path):
            steps += f"{'.' if steps else ''}{segment.name}"
            is_of_map = steps.rsplit(".", 1)[0] + ".*" in known
            steps += "[]" if segment.key or segment.index is not None else ""
            if not is_of_map and (steps not in known or (segment.key and f"{steps}.{segment.key}" not in known)):
                return False
            if is_of_map:
                return True
        return True

    def raw(self, files: Sequence[Path]) -> str:
        columns = ", ".join(f"{identifier(name)} as c{index}" for index, name in enumerate(self.columns))
        return f"select {columns}, file_index::bigint as file_no from read_parquet({text_list(files)}, hive_partitioning = false)"

    def records(self, raw: str, paths: Sequence[str], lines: str | None) -> str:
        texts = "".join(f", {_clean(f'({self._value(path)})::varchar')} as v{index}" for index, path in enumerate(paths))
        array = f", json_extract(to_json({self._value(lines)}), '$[*]') as lines" if lines else ""
        return f"select *, null::varchar as fault{texts}{array} from {raw}"

    def text(self, names: privacy.Names) -> str:
        """The record as a JSON object, of the columns of `raw`, without its private fields."""
        fields = ", ".join(f"{literal(name)}, c{index}" for index, name in enumerate(self.columns))
        return names.without_private(f"json_object({fields})::varchar")

    def escaped(self, value: str) -> str:
        """How a value stands in `text`."""
        return _in_json(value)

    def _value(self, path: str) -> str:
        if path in self.columns:
            return f"c{self.columns.index(path)}"
        if not self.has(path):
            return "null::varchar"
        first, *rest = path_segments(path)
        value = _element(f"c{self.columns.index(first.name)}", first)
        for segment in rest:
            value = _element(f"{value}.{identifier(segment.name)}", segment)
        return value


Reader = CsvReader | JsonReader | ParquetReader


def count(source: Source, path: Path, clean_copy: Path, is_thorough: bool = False) -> Count:
    """Count a file of `source`; where it is not plain text, or records are set aside, a copy is written beside `clean_copy`.

    Raises:
        FileRefused: the file cannot be landed.
    """
    if source.format == "parquet":
        return count_parquet(path)
    plain = plain_text(source, path, clean_copy.with_suffix(".plain"))
    if source.format == "csv":
        return count_csv(plain, source.delimiter, clean_copy, source.column_names, is_thorough)
    return count_json_lines(plain, clean_copy)


def reader(source: Source, count: Count) -> Reader:
    """What reads the counted file."""
    if source.format == "csv":
        return CsvReader(source.delimiter, count.columns, not source.column_names, count.is_multiline)
    return ParquetReader(count.columns, count.paths) if source.format == "parquet" else JsonReader()


def json_path(segments: Sequence[PathSegment]) -> str:
    """Names and places as a JSONPath: 'items[0].item_id' is $."items"[0]."item_id"."""
    keys = ((segment.name.replace("\\", "\\\\").replace('"', '\\"'), segment.index) for segment in segments)
    return "$" + "".join(f'."{key}"' + ("" if index is None else f"[{index}]") for key, index in keys)


def json_texts(document: str, paths: Sequence[str]) -> str:
    """The texts at the plain paths among `paths` of a JSON value, which is parsed once, as a list."""
    plain = [json_path(path_segments(path)) for path in paths if not _selects(path)]
    return f"json_extract_string({document}, {text_list(plain)})" if plain else "[]::varchar[]"


def texts_of(paths: Sequence[str], prefix: str, document: str) -> str:
    """Select-list entries for `paths`: the members of the list `texts`, and what is selected out of lists of `document`."""
    plain = [path for path in paths if not _selects(path)]
    values = (f"texts[{plain.index(path) + 1}]" if path in plain else _selected(document, path) for path in paths)
    return "".join(f", {_clean(value)} as {prefix}{index}" for index, value in enumerate(values))


def _selects(path: str) -> bool:
    return any(segment.key for segment in path_segments(path))


def _selected(document: str, path: str) -> str:
    """The text at a path that selects elements of lists by a key."""
    value, since = document, []
    for segment in path_segments(path):
        since.append(segment)
        if segment.key:
            key = literal(json_path([PathSegment(segment.key)]))
            elements = f"json_extract({value}, {literal(json_path(since) + '[*]')})"
            value = f"list_filter({elements}, lambda element: json_extract_string(element, {key}) = {literal(segment.value)})[1]"
            since = []
    return f"json_extract_string({value}, {literal(json_path(since))})"


def _element(value: str, segment: PathSegment) -> str:
    if segment.index is not None:
        return f"{value}[{segment.index + 1}]"
    if segment.key is None:
        return value
    return f"list_filter({value}, lambda element: element.{identifier(segment.key)}::varchar = {literal(segment.value)})[1]"


def _in_json(value: str) -> str:
    return f"trim(to_json({value})::varchar, '\"')"


def _clean(text: str) -> str:
    """SQL: a text without spaces around it, null if nothing is left. Trimming all of them would take twice as long as reading."""
    return f"case when starts_with({text}, ' ') or ends_with({text}, ' ') then nullif(trim({text}), '') else nullif({text}, '') end"
