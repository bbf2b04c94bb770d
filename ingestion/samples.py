"""The first records of a file as plain columns of text, whatever its format: for looking at, not for landing.

A nested field's column is its dotted path; an array of objects is a sample of its own, of all its elements.
"""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from ingestion.heads import MAX_CHARACTERS, Form, text_file, texts

Column = list[str | None]


@dataclass(frozen=True)
class Sample:
    """Some records.

    Args:
        records: how many.
        columns: their texts by column or dotted path; None where a record has none.
        arrays: the elements of their arrays of objects, by path.
    """

    records: int
    columns: dict[str, Column]
    arrays: dict[str, "Sample"]

    @property
    def paths(self) -> list[str]:
        """All columns, those of arrays as `array[].path`."""
        return [*self.columns, *(f"{array}[].{path}" for array, sample in self.arrays.items() for path in sample.paths)]


def read_sample(form: Form, path: Path, records: int, names: Sequence[str] = ()) -> Sample:
    """The first records of a file; a record that cannot be read is left out.

    Args:
        names: of the columns of a CSV without a header; without them they are column1, column2, …

    Raises:
        OSError, EOFError, zlib.error, ValueError: the file cannot be read at all.
    """
    readers = {"csv": _csv_rows, "json_lines": _json_rows, "json": _json_rows, "parquet": _parquet_rows}
    rows = readers[form.format](form, path, names)
    return _sample(list(islice(rows, records)))


def _csv_rows(form: Form, path: Path, names: Sequence[str]) -> Iterator[dict]:
    csv.field_size_limit(MAX_CHARACTERS)
    with text_file(form, path) as file:
        pieces = (fields for piece in texts(form, file) if (fields := _fields(piece, form.delimiter)))
        first = next(pieces, [])
        if form.has_header:
            names = [name.removeprefix("\ufeff").strip() for name in first]
        else:
            names = names or [f"column{number}" for number in range(1, len(first) + 1)]
            yield dict(zip(names, first, strict=False))
        yield from (dict(zip(names, fields, strict=True)) for fields in pieces if len(fields) == len(names))


def _fields(piece: str, delimiter: str) -> list[str]:
    return next(csv.reader(io.StringIO(piece.replace("\x00", " "), newline="\n"), delimiter=delimiter, skipinitialspace=True), [])


def _json_rows(form: Form, path: Path, names: Sequence[str]) -> Iterator[dict]:
    with text_file(form, path) as file:
        for piece in texts(form, file):
            record = _parsed(piece.strip().lstrip("\ufeff[, \n\r\t") if form.format == "json" else piece)
            if isinstance(record, dict):
                yield record


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _parquet_rows(form: Form, path: Path, names: Sequence[str]) -> Iterator[dict]:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1000):
                yield from batch.to_pylist()
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error


def _sample(rows: Sequence[dict]) -> Sample:
    columns: dict[str, Column] = {}
    arrays: dict[str, list[dict]] = {}
    for number, row in enumerate(rows):
        for path, value in _leaves(row, ""):
            if isinstance(value, list):
                arrays.setdefault(path, []).extend(value)
            else:
                columns.setdefault(path, [None] * len(rows))[number] = value
    return Sample(len(rows), columns, {path: _sample(elements) for path, elements in arrays.items()})


def _leaves(value: object, path: str) -> Iterator[tuple[str, str | list[dict] | None]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and value and all(isinstance(element, dict) for element in value):
        yield path, value
    else:
        yield path, _text(value)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    if isinstance(value, date):
        return value.isoformat(sep=" ") if hasattr(value, "hour") else value.isoformat()
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (bool, list)) else str(value)
