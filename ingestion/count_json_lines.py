"""Counts the records of a JSON lines file: its lines that are not blank."""

import json
import re
from itertools import islice
from pathlib import Path

from ingestion.counting import MAX_RECORD_BYTES, Count, Tally, is_utf8, survey, write_clean_copy

# DuckDB reads JSON lines as a CSV of one column, and needs a delimiter: this is no character, so no text holds it.
NO_CHARACTER = "\U0010ffff"
_ODD = (NO_CHARACTER.encode(), b"\x00")
_NAMING_RECORDS = 1_000  # tell what records name
_BLANKS = (b"\n\n", b"\n\r", b"\n ", b"\n\t")  # a blank line may follow


def count_json_lines(path: Path, clean_copy: Path) -> Count:
    """Count a JSON lines file (UTF-8); whether a line is JSON is not asked here.

    Raises:
        FileRefused: it is no text, or most of its lines cannot be read.
    """
    facts = survey(path, (*_ODD, *_BLANKS))
    if facts.is_plain and not facts.has_mixed_newlines:
        return Count(path, _names(path), facts.lines)
    tally = Tally(first_line=1)
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if line.isspace():
                tally.drop(number, number)
            elif fault := _fault(line):
                tally.refuse(number, fault, line)
            else:
                tally.records += 1
    is_rewritten = bool(tally.dropped_lines) or facts.has_mixed_newlines
    if is_rewritten:
        write_clean_copy(path, tally, clean_copy)
    return Count(
        readable=clean_copy if is_rewritten else path,
        columns=_names(path),
        records=tally.records,
        set_aside=tuple(tally.set_aside),
        line_breaks=tuple(tally.breaks.items()),
    )


def _names(path: Path) -> tuple[str, ...]:
    """What the first records name, in alphabetical order."""
    names = set()
    with path.open("rb") as file:
        for line in islice(file, _NAMING_RECORDS):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue  # judged when it is read
            names |= set(record) if isinstance(record, dict) else set()
    return tuple(sorted(names))


def _fault(line: bytes) -> str | None:
    if len(line) > MAX_RECORD_BYTES:
        return f"record longer than {MAX_RECORD_BYTES} bytes"
    if not is_utf8(line):
        return "not valid UTF-8"
    if any(odd in line for odd in _ODD) or re.search(rb"\r(?!\n)", line):
        return "holds a character that JSON text cannot"
    return None
