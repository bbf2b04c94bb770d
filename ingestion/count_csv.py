"""Counts the records of a CSV file with Python's own csv module, line by line where lines are records."""

import csv
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from ingestion.counting import MAX_RECORD_BYTES, Count, FileRefused, Tally, is_utf8, survey, write_clean_copy

_ODD = re.compile(rb"[\"\x00]|\r(?!\n)")


def count_csv(path: Path, delimiter: str, clean_copy: Path, column_names: tuple[str, ...] = (), is_thorough: bool = False) -> Count:
    """Count a CSV file (RFC 4180, UTF-8).

    Args:
        column_names: of a file without a header; else they are in its first line.
        is_thorough: look at each line by itself, also where a fast look shows nothing odd.

    Raises:
        FileRefused: no header, or a quoted field that spans lines and does not end properly: which of those lines are
            records cannot be known.
    """
    csv.field_size_limit(MAX_RECORD_BYTES)
    facts = survey(path, odd=(b"\x00",), quote=b'"', separator=delimiter.encode())
    with path.open("rb") as file:
        columns, header_lines = (column_names, 0) if column_names else _header(file, delimiter)
        has_odd_lines = not facts.has_whole_lines or facts.has_mixed_newlines or facts.may_have_fields_too_many(len(columns))
        if not has_odd_lines and len(columns) > 1 and header_lines < 2 and not is_thorough:
            breaks = ((1, header_lines + 1),)
            return Count(path, columns, facts.lines - header_lines, line_breaks=breaks, has_controls=facts.has_controls, is_surveyed=True)
        tally = Tally(first_line=header_lines + 1)
        _walk(file, len(columns), delimiter, facts.is_plain, tally)
    is_rewritten = bool(tally.dropped_lines) or facts.has_mixed_newlines
    if is_rewritten:
        write_clean_copy(path, tally, clean_copy)
    return Count(
        readable=clean_copy if is_rewritten else path,
        columns=columns,
        records=tally.records,
        set_aside=tuple(tally.set_aside),
        line_breaks=tuple(tally.breaks.items()),
        is_multiline=bool(tally.inner_lines),
    )


def _header(file: BinaryIO, delimiter: str) -> tuple[tuple[str, ...], int]:
    taken: list[bytes] = []
    try:
        names = next(_reader(file, taken, delimiter), None)
    except csv.Error as error:
        raise FileRefused("the quotes of its header line do not match") from error
    if not names:
        raise FileRefused("is empty: its first line must name the columns")
    if not is_utf8(b"".join(taken)):
        raise FileRefused("its header line is not UTF-8")
    return tuple(name.removeprefix("\ufeff").strip() for name in names), len(taken)


def _walk(file: BinaryIO, field_count: int, delimiter: str, is_plain: bool, tally: Tally) -> None:
    separator = delimiter.encode()
    number = tally.first_line - 1
    for line in file:
        number += 1
        is_blank = field_count == 1 and line.isspace()
        if line.count(separator) == field_count - 1 and (is_plain or not _is_odd(line)) and not is_blank:
            tally.records += 1
        elif line.isspace():
            tally.drop(number, number)
        else:
            number = _look_into(line, file, number, field_count, delimiter, tally)


def _is_odd(line: bytes) -> bool:
    return _ODD.search(line) is not None or len(line) > MAX_RECORD_BYTES or not is_utf8(line)


def _look_into(line: bytes, file: BinaryIO, number: int, field_count: int, delimiter: str, tally: Tally) -> int:
    """Judge the record that starts with `line`, taking from `file` what else belongs to it; returns its last line."""
    taken: list[bytes] = []
    try:
        fields = next(_reader(chain((line,), file), taken, delimiter))
    except csv.Error:
        fields = None
    fault = _fault(b"".join(taken), fields, field_count, delimiter)
    last = number + len(taken) - 1
    if fault and last > number:
        raise FileRefused(f"line {number}: a quoted field spans lines up to {last} and does not end properly")
    if fault:
        tally.refuse(number, fault, line)
    elif last > number:
        tally.add_multiline(number, last)
    else:
        tally.records += 1
    return last


def _fault(record: bytes, fields: list[str] | None, field_count: int, delimiter: str) -> str | None:
    if len(record) > MAX_RECORD_BYTES:
        return f"record longer than {MAX_RECORD_BYTES} bytes"
    if not is_utf8(record):
        return "not valid UTF-8"
    if b"\x00" in record:
        return "holds a NUL character"
    if fields is None or _has_quote_after_spaces(record, delimiter):
        return "quotes or line ends not as in CSV"
    return None if len(fields) == field_count else "wrong number of fields"


def _has_quote_after_spaces(record: bytes, delimiter: str) -> bool:
    """Whether a field starts with several spaces and a quote, which DuckDB takes for a part of the text."""
    starts = re.finditer(rb"(?:^|" + re.escape(delimiter.encode()) + rb") {2,}\"", record)
    return any(record.count(b'"', 0, start.end() - 1) % 2 == 0 for start in starts)


def _reader(lines: Iterator[bytes], taken: list[bytes], delimiter: str) -> Iterator[list[str]]:
    # skipinitialspace: DuckDB, too, takes a quote after a space for the start of a quoted field
    return csv.reader(_decoded(lines, taken), delimiter=delimiter, strict=True, skipinitialspace=True)


def _decoded(lines: Iterator[bytes], taken: list[bytes]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line.decode("utf-8", "surrogateescape")
