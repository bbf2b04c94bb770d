"""Finds out how a sample file is to be read: format, encoding, delimiter, header."""

import codecs
import csv
import json
import re
from collections import Counter
from pathlib import Path

from ingestion.heads import UNREADABLE, Form, opened
from steps import StepError

_HEAD_BYTES = 1 << 20
_DELIMITERS = ",;\t|"
_VALUE = re.compile(r"[-+]?[\d.,]+%?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*|[^@\s]+@[^@\s]+\.\w+|[0-9a-f]{8}-[0-9a-f-]{27}|true|false|")


def sniff(path: Path) -> Form:
    """How to read a file.

    Raises:
        StepError: it cannot be opened, is empty, or is none of the formats.
    """
    try:
        with opened(path) as file:
            head = file.read(_HEAD_BYTES)
    except UNREADABLE as error:
        raise StepError(f"{path}: cannot be read ({error})") from error
    if head[:4] == b"PAR1":
        return Form("parquet")
    encoding, text = _decoded(head)
    if not text.strip("\ufeff \r\n\t"):
        raise StepError(f"{path}: is empty")
    start = text.lstrip("\ufeff \r\n\t")
    if start.startswith("["):
        return Form("json", encoding=encoding)
    if start.startswith("{"):
        return _json_lines(path, start, encoding)
    return _csv(text.removeprefix("\ufeff"), encoding, is_part=len(head) == _HEAD_BYTES)


def _decoded(head: bytes) -> tuple[str, str]:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", head.decode("utf-16", errors="ignore")
    try:
        return "utf-8", codecs.getincrementaldecoder("utf-8")().decode(head)  # the last character may be cut
    except UnicodeDecodeError:
        return "cp1252", head.decode("cp1252", errors="replace")  # what Excel writes in western Europe


def _json_lines(path: Path, text: str, encoding: str) -> Form:
    try:
        json.loads(text.splitlines()[0])
    except ValueError as error:
        raise StepError(f"{path}: starts with a JSON object that spans lines; one object a line, or one array, can be read") from error
    return Form("json_lines", encoding=encoding)


def _csv(text: str, encoding: str, is_part: bool) -> Form:
    lines = text.splitlines(keepends=True)[:500]
    if is_part and len(lines) > 1:
        lines.pop()
    delimiter = max(_DELIMITERS, key=lambda candidate: _fit(lines, candidate))
    first = next(csv.reader(lines, delimiter=delimiter, skipinitialspace=True))
    return Form("csv", delimiter, _is_header(first), encoding)


def _fit(lines: list[str], delimiter: str) -> tuple[float, int]:
    """How many records have as many fields as most have, and how many fields that is; one field is no fit."""
    counts = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter, skipinitialspace=True) if row)
    fields, records = counts.most_common(1)[0]
    return (round(records / counts.total(), 1), fields) if fields > 1 else (0, 1)


def _is_header(first: list[str]) -> bool:
    """Names are no numbers, dates, addresses or ids, and each stands once; the first may be empty, as in an export of pandas."""
    cells = [cell.strip() for cell in first]
    return len(set(cells)) == len(cells) and not any(_VALUE.fullmatch(cell) for cell in cells[1:]) and not _is_value(cells[0])


def _is_value(cell: str) -> bool:
    return bool(cell) and _VALUE.fullmatch(cell) is not None
