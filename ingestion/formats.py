"""How DuckDB reads each format: SQL that gives raw records in file order, and the text at a path of a record.

A reader is a value: files with equal readers are read in one pass. `raw` gives a reader's own columns and `file_no` (the
file's place in the list, from 0); `records` adds fault, the texts v0, v1, …, and `lines` (a list of JSON values) where
event lines are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ingestion import privacy
from ingestion.count_csv import count_csv
from ingestion.count_json_lines import NO_CHARACTER, count_json_lines
from ingestion.count_parquet import count_parquet
from ingestion.counting import Count
from ingestion.json_paths import clean, json_path, json_texts, selected, texts_of
from ingestion.mapping import NO_ARRAY
from ingestion.plain_text import plain_text
from ingestion.sql import identifier, literal, text_list
from sources import PathSegment, Source, path_segments

_BUFFER_BYTES = 32 << 20  # a power of two: with DuckDB's own 32,000,000, reading takes two fifths longer


@dataclass(frozen=True)
class CsvReader:
    """CSV; columns are found by name, wherever they stand."""

    delimiter: str
    columns: tuple[str, ...]
    has_header: bool
    is_multiline: bool

    def has(self, path: str) -> bool:
        """Whether the files have the path's column, once; a path may go on in it, where it holds JSON."""
        nested = _in_column(path)
        return self.columns.count(path) == 1 or (nested is not None and self.columns.count(nested[0].name) == 1)

    def raw(self, files: Sequence[Path]) -> str:
        names = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(self.columns)))
        return (
            f"select *, file_index::bigint as file_no from read_csv({text_list(files)}, columns = {{{names}}}, "
            f"header = {str(self.has_header).lower()}, auto_detect = false, delim = {literal(self.delimiter)}, quote = '\"', "
            f"escape = '\"', comment = '', strict_mode = true, "
            f"buffer_size = {_BUFFER_BYTES}, parallel = {str(not self.is_multiline).lower()})"
        )

    def records(self, raw: str, paths: Sequence[str], lines: str | None) -> str:
        texts = "".join(f", {self._value(path)} as v{index}" for index, path in enumerate(paths))
        array = f", json_extract({self._json(lines)}, {literal(_rest(lines) + '[*]')}) as lines" if lines else ""
        return f"select *, {self._fault(paths, lines)} as fault{texts}{array} from {raw}"

    def unpacked(self) -> str:
        """Select-list entries that make the columns of `raw` again of the list `packed` of them."""
        return ", ".join(f"packed[{index + 1}] as c{index}" for index in range(len(self.columns)))

    def text(self, names: privacy.Names) -> str:
        """The record as CSV, of the columns of `raw`, without its private fields."""
        odd = literal(f'["\r\n{self.delimiter}]')
        fields = (literal(privacy.DROPPED) if names.is_private(column) else f"c{index}" for index, column in enumerate(self.columns))
        is_json = "left(field, 1) in ('{', '[') and json_valid(field)"
        public = f"case when {is_json} then {names.without_private('field')} else field end"
        quoted = f"""case when regexp_matches(field, {odd}) then '"' || replace(field, '"', '""') || '"' else coalesce(field, '') end"""
        # no lambda: it would compile the patterns again for each few thousand records
        places = f"select unnest([{', '.join(fields)}]) as field, unnest(range({len(self.columns)})) as place"
        values = f"select {public} as field, place from ({places})"
        return privacy.without_private_text(f"(select string_agg({quoted}, {literal(self.delimiter)} order by place) from ({values}))")

    def escaped(self, value: str) -> str:
        """How a value stands in `text`."""
        return f"replace({value}, '\"', '\"\"')"

    def _value(self, path: str) -> str:
        if not self.has(path):
            return "null::varchar"
        if path in self.columns:
            return clean(f"c{self.columns.index(path)}")
        return clean(selected(self._json(path), _within(path)))

    def _json(self, path: str) -> str:
        """The JSON in the column that a path starts with."""
        text = f"c{self.columns.index(path_segments(path)[0].name)}"
        return f"case when json_valid({text}) then {text} end"

    def _fault(self, paths: Sequence[str], lines: str | None) -> str:
        nested = [path for path in paths if self.has(path) and path not in self.columns] + ([lines] if lines else [])
        cases = [
            f"when not json_valid({clean(f'c{self.columns.index(column)}')}) then {literal(f'{column} is not valid JSON')}"
            for column in dict.fromkeys(path_segments(path)[0].name for path in nested)
        ]
        if lines:
            cases.append(f"when json_type({self._json(lines)}, {literal(_rest(lines))}) not in ('ARRAY', 'NULL') then {literal(NO_ARRAY)}")
        return f"case {' '.join(cases)} end" if cases else "null::varchar"


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
            f"header = false, auto_detect = false, delim = '{NO_CHARACTER}', quote = '', escape = '', comment = '', "
            f"buffer_size = {_BUFFER_BYTES})"
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
        texts = "".join(f", {clean(f'({self._value(path)})::varchar')} as v{index}" for index, path in enumerate(paths))
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


def _in_column(path: str) -> tuple[PathSegment, ...] | None:
    """The steps of a path that goes on in a column of a CSV; None where it is a column's name, or can be no other."""
    try:
        steps = path_segments(path)
    except ValueError:
        return None
    return steps if len(steps) > 1 or steps[0].key or steps[0].index is not None else None


def _within(path: str) -> tuple[PathSegment, ...]:
    """The steps of a path in the column that it starts with."""
    first, *rest = path_segments(path)
    return replace(first, name=""), *rest


def _rest(path: str) -> str:
    return json_path(_within(path))


def _element(value: str, segment: PathSegment) -> str:
    if segment.index is not None:
        return f"{value}[{segment.index + 1}]"
    if segment.key is None:
        return value
    return f"list_filter({value}, lambda element: element.{identifier(segment.key)}::varchar = {literal(segment.value)})[1]"


def _in_json(value: str) -> str:
    return f"trim(to_json({value})::varchar, '\"')"
