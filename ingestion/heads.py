"""The head of a landing file: its first records, as a file of the same form, cut at a record's end.

A quoted line end is no end of a CSV record, and half an element no JSON: what is cut here reads as the whole file would.
"""

import csv
import gzip
import io
import json
import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO, TextIO

from sources import Source

MAX_CHARACTERS = 64 << 20  # of text in a head: bounds memory where a quote never ends
_BLOCK = 1 << 16
_OPENING = re.compile(r"[\ufeff\s]*\[")
_GAP = re.compile(r"[\s,]*")
UNREADABLE = (OSError, EOFError, zlib.error)  # what broken gzip, zstd and Parquet raise (pyarrow's faults are OSErrors or ValueErrors)


@dataclass(frozen=True)
class Form:
    """How a file is to be read.

    Args:
        format: csv, json_lines, json (one array) or parquet.
        delimiter, has_header: of CSV.
        encoding: of text.
    """

    format: str
    delimiter: str = ","
    has_header: bool = True
    encoding: str = "utf-8"


def form_of(source: Source) -> Form:
    """The form that a shop file declares."""
    return Form(source.format, source.delimiter, not source.column_names, source.encoding)


def write_head(form: Form, path: Path, target: Path, records: int) -> bool:
    """Make `target` the first `records` records of `path`, compressed as it is; whether it is all of them.

    A file with no more records, or one that cannot be cut because it is broken, is there as it is.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        is_whole = _cut_parquet(path, target, records) if form.format == "parquet" else _cut_text(form, path, target, records)
    except (*UNREADABLE, ValueError):  # the landing says what is wrong with it
        is_whole = True
    if is_whole:
        target.unlink(missing_ok=True)
        _stand_in(path.resolve(), target)
    return is_whole


def _stand_in(path: Path, target: Path) -> None:
    """The same file under another name, else a copy; a symbolic link out of its folder would be no landing file."""
    try:
        target.hardlink_to(path)
    except OSError:
        shutil.copyfile(path, target)


def opened(path: Path, mode: str = "rb") -> BinaryIO:
    """The content of a file, or a place for it, decompressed by the ending of its name."""
    if path.suffix == ".gz":
        return gzip.open(path, mode)
    if path.suffix == ".zst":
        import pyarrow  # half a second to import, and most shops have no zstd

        stream = pyarrow.input_stream if mode == "rb" else pyarrow.output_stream
        return stream(str(path), compression="zstd")
    return path.open(mode)


def texts(form: Form, file: TextIO) -> Iterator[str]:
    """The text of a file piece by piece: the header of a CSV, if it has one, then one record each."""
    if form.format == "json":
        yield from _elements(file)
    else:
        lines = _limited(file)
        yield from _csv_records(lines, form.delimiter) if form.format == "csv" else lines


def text_file(form: Form, path: Path) -> TextIO:
    """A file's text as it is, bytes that are no characters included."""
    return io.TextIOWrapper(opened(path), encoding=form.encoding, errors="surrogateescape", newline="\n")


def _cut_text(form: Form, path: Path, target: Path, records: int) -> bool:
    header = form.format == "csv" and form.has_header
    with text_file(form, path) as file:
        pieces = texts(form, file)
        head = list(islice(pieces, records + header))
        is_whole = next(pieces, None) is None and not file.read(1)
    if not is_whole:
        end = "\n]" if form.format == "json" else ""
        with io.TextIOWrapper(opened(target, "wb"), encoding=form.encoding, errors="surrogateescape", newline="\n") as copy:
            copy.write("".join(head) + end)
    return is_whole


def _limited(file: TextIO) -> Iterator[str]:
    read = 0
    while read < MAX_CHARACTERS and (line := file.readline(MAX_CHARACTERS)):
        read += len(line)
        yield line


def _csv_records(lines: Iterator[str], delimiter: str) -> Iterator[str]:
    csv.field_size_limit(MAX_CHARACTERS)
    for line in lines:
        taken = [line]
        if '"' in line:
            taken = []
            next(csv.reader(_taking(chain((line,), lines), taken), delimiter=delimiter, skipinitialspace=True), None)
        yield "".join(taken)


def _taking(lines: Iterator[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line.replace("\x00", " ")  # Python's csv module stops at a NUL


def _elements(file: TextIO) -> Iterator[str]:
    """The elements of a JSON array, each with what stands before it, so that what is joined keeps the file's lines."""
    text = file.read(_BLOCK)
    opening = _OPENING.match(text)
    if not opening:
        raise ValueError("is no JSON array")
    taken, at = 0, opening.end()
    while True:
        at = _GAP.match(text, at).end()
        end = _element_end(text, at)
        if end is not None:
            yield text[taken:end]
            taken = at = end
            continue
        block = file.read(max(_BLOCK, len(text)))  # doubled: a long element is not parsed over and over
        if not block:
            return
        text, taken, at = text[taken:] + block, 0, at - taken
        if len(text) > MAX_CHARACTERS:
            raise ValueError("an element is broken or too long")


def _element_end(text: str, at: int) -> int | None:
    try:
        end = json.JSONDecoder().raw_decode(text, at)[1]
    except ValueError:
        return None
    return end if end < len(text) else None  # a number may go on in the next block


def _cut_parquet(path: Path, target: Path, records: int) -> bool:
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows <= records:
                return True
            batches = list(islice(file.iter_batches(batch_size=records), 1))
            parquet.write_table(pyarrow.Table.from_batches(batches, schema=file.schema_arrow), target)
    except pyarrow.ArrowException as error:
        raise ValueError(str(error)) from error
    return False
