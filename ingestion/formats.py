"""How DuckDB reads each format: SQL that gives raw records in file order, and the text at a path of a record.

A reader is a value: files with equal readers are read in one pass. Every reader gives the table `raw` a column `file_no`
(the file's place in the list, from 0) besides its own, and from it `records`: row, file_no, fault, the texts v0, v1, …,
and `lines` where event lines are asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingestion.count_csv import count_csv
from ingestion.count_json_lines import NO_CHARACTER, count_json_lines
from ingestion.count_parquet import count_parquet
from ingestion.counting import Count
from ingestion.sql import identifier, literal, text_list
from shop import Source


@dataclass(frozen=True)
class CsvReader:
    """CSV with a header; columns are found by name, wherever they stand."""

    delimiter: str
    columns: tuple[str, ...]
    is_multiline: bool

    def missing(self, paths: Sequence[str]) -> list[str]:
        """The paths that the files do not have, or have twice."""
        return [path for path in paths if self.columns.count(path) != 1]

    def raw(self, files: Sequence[Path]) -> str:
        names = ", ".join(f"'c{index}': 'VARCHAR'" for index in range(len(self.columns)))
        return (
            f"select *, file_index as file_no from read_csv({text_list(files)}, columns = {{{names}}}, header = true, "
            f"auto_detect = false, delim = {literal(self.delimiter)}, quote = '\"', escape = '\"', comment = '', "
            f"strict_mode = true, parallel = {'false' if self.is_multiline else 'true'})"
        )

    def records(self, paths: Sequence[str], lines: str | None) -> str:
        texts = "".join(f", {_clean(f'c{self.columns.index(path)}')} as v{index}" for index, path in enumerate(paths))
        return f"select rowid as row, file_no, null::varchar as fault{texts} from raw"

    def text(self) -> str:
        """The record as CSV, of the table `raw`."""
        odd = literal(f'["\r\n{self.delimiter}]')
        fields = (
            f"""case when regexp_matches({name}, {odd}) then '"' || replace({name}, '"', '""') || '"' else coalesce({name}, '') end"""
            for name in (f"raw.c{index}" for index in range(len(self.columns)))
        )
        return f"concat_ws({literal(self.delimiter)}, {', '.join(fields)})"

    def escaped(self, value: str) -> str:
        """How a value stands in `text`."""
        return f"replace({value}, '\"', '\"\"')"


@dataclass(frozen=True)
class JsonLinesReader:
    """One JSON object a line; read as text, so that a broken line costs only itself."""

    def missing(self, paths: Sequence[str]) -> list[str]:
        """None: an object may lack any key."""
        return []

    def raw(self, files: Sequence[Path]) -> str:
        return (
            f"select raw, file_index as file_no from read_csv({text_list(files)}, columns = {{'raw': 'VARCHAR'}}, header = false, "
            f"auto_detect = false, delim = '{NO_CHARACTER}', quote = '', escape = '', comment = '')"
        )

    def records(self, paths: Sequence[str], lines: str | None) -> str:
        array, not_an_array = "", ""
        if lines:
            array = f", json_extract(doc, {literal(json_path(lines) + '[*]')}) as lines"
            not_an_array = f"when json_type(doc, {literal(json_path(lines))}) not in ('ARRAY', 'NULL') then 'lines is no array'"
        return f"""
            select row, file_no,
                case
                    when doc is null then 'not valid JSON'
                    when json_type(doc) <> 'OBJECT' then 'not a JSON object'
                    {not_an_array}
                end as fault{", lines" if lines else ""}{texts_of(paths, "v")}
            from (
                select row, file_no, doc{array}, {json_texts("doc", paths)} as texts
                from (select rowid as row, file_no, case when json_valid(raw) then raw end as doc from raw)
            )"""

    def text(self) -> str:
        """The record as JSON with unescaped texts; of broken JSON the shape alone, since no id in it can be found."""
        shape = """left(regexp_replace(raw.raw, '[^{}\\[\\]:,;|" \\t]+', 'x', 'g'), 500)"""
        return f"case when json_valid(raw.raw) then json(raw.raw)::varchar else {shape} end"

    def escaped(self, value: str) -> str:
        """How a value stands in `text`."""
        return _in_json(value)


@dataclass(frozen=True)
class ParquetReader:
    """Parquet; nested fields by dotted path."""

    columns: tuple[str, ...]

    def missing(self, paths: Sequence[str]) -> list[str]:
        """The paths whose column the files do not have."""
        return [path for path in paths if path not in self.columns and path.split(".")[0] not in self.columns]

    def raw(self, files: Sequence[Path]) -> str:
        columns = ", ".join(f"{identifier(name)} as c{index}" for index, name in enumerate(self.columns))
        return f"select {columns}, file_index as file_no from read_parquet({text_list(files)}, hive_partitioning = false)"

    def records(self, paths: Sequence[str], lines: str | None) -> str:
        texts = "".join(f", {_clean(f'({self._column(path)})::varchar')} as v{index}" for index, path in enumerate(paths))
        return f"select rowid as row, file_no, null::varchar as fault{texts} from raw"

    def text(self) -> str:
        """The record as a JSON object, of the table `raw`."""
        fields = ", ".join(f"{literal(name)}, raw.c{index}" for index, name in enumerate(self.columns))
        return f"json_object({fields})::varchar"

    def escaped(self, value: str) -> str:
        """How a value stands in `text`."""
        return _in_json(value)

    def _column(self, path: str) -> str:
        if path in self.columns:
            return f"c{self.columns.index(path)}"
        column, *fields = path.split(".")
        return ".".join([f"c{self.columns.index(column)}", *map(identifier, fields)])


Reader = CsvReader | JsonLinesReader | ParquetReader


def count(source: Source, path: Path, clean_copy: Path) -> Count:
    """Count a file of `source`; where records are set aside, a copy without them is written to `clean_copy`.

    Raises:
        FileRefused: the file cannot be landed.
    """
    if source.format == "csv":
        return count_csv(path, source.delimiter, clean_copy)
    return count_json_lines(path, clean_copy) if source.format == "json_lines" else count_parquet(path)


def reader(source: Source, count: Count) -> Reader:
    """What reads the counted file."""
    if source.format == "csv":
        return CsvReader(source.delimiter, count.columns, count.is_multiline)
    return JsonLinesReader() if source.format == "json_lines" else ParquetReader(count.columns)


def json_path(path: str) -> str:
    """A dotted path as a JSONPath: 'consent.personalization' is $."consent"."personalization"."""
    keys = (key.replace("\\", "\\\\").replace('"', '\\"') for key in path.split("."))
    return "$" + "".join(f'."{key}"' for key in keys)


def json_texts(document: str, paths: Sequence[str]) -> str:
    """The texts at several paths of a JSON value, which is parsed once, as a list."""
    return f"json_extract_string({document}, {text_list(map(json_path, paths))})" if paths else "[]::varchar[]"


def texts_of(paths: Sequence[str], prefix: str) -> str:
    """Select-list entries that name the members of the list `texts`."""
    return "".join(f", {_clean(f'texts[{index + 1}]')} as {prefix}{index}" for index in range(len(paths)))


def _in_json(value: str) -> str:
    return f"trim(to_json({value})::varchar, '\"')"


def _clean(text: str) -> str:
    return f"nullif(trim({text}), '')"  # spaces alone: a list of characters takes three times as long
