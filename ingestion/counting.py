"""Counts a landing file's records without DuckDB, and sets aside those that no parser should see.

A parser can lose rows silently (one unterminated quote swallows thousands), so a file lands only if DuckDB finds
exactly the records counted here. Records set aside are quarantined by line; DuckDB then reads a copy without them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

MAX_RECORD_BYTES = 1_000_000  # half of what DuckDB takes as one line
MAX_LINE_BYTES = 64 << 20  # beyond it a file is no text; bounds memory
MAX_SET_ASIDE = 100_000  # beyond it a file is not what its shop file says; bounds memory
_BLOCK_BYTES = 1 << 19
_CONTENT = re.compile(rb"[^{}\[\]:,;|\"\t ]+")


class FileRefused(ValueError):
    """A landing file that cannot be landed at all; the message says why, without its content."""


@dataclass(frozen=True)
class SetAside:
    """A record that is not shown to DuckDB: its line, why, and its shape (never its content)."""

    line: int
    reason: str
    raw: str


@dataclass(frozen=True)
class Count:
    """What a landing file holds, counted.

    Args:
        readable: what DuckDB reads: the file, or its copy without the records set aside.
        columns: the names in its header, its schema or its first objects.
        paths: of Parquet, every path in its schema.
        records: how many records DuckDB must find in `readable`.
        set_aside: the other records.
        line_breaks: (record, line) wherever a record, counted from 1, does not stand on the line after its predecessor's.
        is_multiline: a quoted field holds a line end.
        has_controls: it may hold other control characters than line ends.
        is_surveyed: lines were counted, but not looked at one by one: DuckDB judges them, and where it finds fault, they are.
    """

    readable: Path
    columns: tuple[str, ...]
    records: int
    set_aside: tuple[SetAside, ...] = ()
    line_breaks: tuple[tuple[int, int], ...] = ((1, 1),)
    is_multiline: bool = False
    has_controls: bool = True
    is_surveyed: bool = False
    paths: tuple[str, ...] = ()

    @property
    def read(self) -> int:
        return self.records + len(self.set_aside)


@dataclass
class Tally:
    """A count in the making."""

    first_line: int
    records: int = 0
    set_aside: list[SetAside] = field(default_factory=list)
    dropped_lines: set[int] = field(default_factory=set)
    inner_lines: set[int] = field(default_factory=set)  # end inside a quoted field
    breaks: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.breaks[1] = self.first_line

    def drop(self, first: int, last: int) -> None:
        """Leave lines out of what DuckDB reads."""
        self.dropped_lines.update(range(first, last + 1))
        self.breaks[self.records + 1] = last + 1

    def refuse(self, line: int, reason: str, raw: bytes) -> None:
        """Set a record of one line aside.

        Raises:
            FileRefused: it is one too many.
        """
        if len(self.set_aside) == MAX_SET_ASIDE:
            first = self.set_aside[0]
            raise FileRefused(f"more than {MAX_SET_ASIDE} records cannot be read, the first on line {first.line}: {first.reason}")
        self.set_aside.append(SetAside(line, reason, shape(raw)))
        self.drop(line, line)

    def add_multiline(self, first: int, last: int) -> None:
        """Count a record that stands on several lines."""
        self.records += 1
        self.inner_lines.update(range(first, last))
        self.breaks[self.records + 1] = last + 1


def shape(raw: bytes) -> str:
    """A record too broken to find the ids in it, without its content: brackets, quotes and delimiters stay, all else is x."""
    return _CONTENT.sub(b"x", raw.rstrip(b"\r\n"))[:500].decode("ascii")


@dataclass(frozen=True)
class Survey:
    """What one fast look over a text file tells.

    Args:
        lines: how many there are.
        is_plain: each line is one record, with no quote or other oddity to look into.
        has_whole_lines: each line is one record, or a broken one; its quotes come in pairs.
        has_controls: there are other control characters than line ends.
        has_mixed_newlines: some lines end in CR LF, others in LF; DuckDB refuses that.
        open_lines, open_separators: how many lines and separators there are in blocks in which a line ends in a separator.
    """

    lines: int
    is_plain: bool
    has_whole_lines: bool
    has_controls: bool
    has_mixed_newlines: bool
    open_lines: int = 0
    open_separators: int = 0

    def may_have_fields_too_many(self, field_count: int) -> bool:
        """Whether a line may have an empty field too many at its end, which DuckDB does not mind; of one too few it complains."""
        return self.open_separators != self.open_lines * (field_count - 1)


def survey(path: Path, odd: tuple[bytes, ...], quote: bytes = b"", separator: bytes = b"") -> Survey:
    """Look for the bytes `odd`, lone carriage returns, invalid UTF-8, overlong records and unpaired quotes.

    Args:
        odd: what no line may hold, or start with after a line end.
        quote, separator: of CSV.

    Raises:
        FileRefused: a line is longer than any text's.
    """
    is_plain, has_whole_lines, has_controls, lines, crlf_lines, open_lines, open_separators = True, True, False, 0, 0, 0, 0
    with path.open("rb") as file:
        for block in _whole_lines(file):
            characters = np.frombuffer(block, dtype=np.uint8)
            crlf = block.count(b"\r\n") if b"\r" in block else 0
            ends = np.flatnonzero(characters == ord(b"\n"))
            line_ends = len(ends)
            block_lines = line_ends + (not block.endswith(b"\n"))
            lines, crlf_lines = lines + block_lines, crlf_lines + crlf
            if separator and _has_open_line(characters, ends, ord(separator), has_returns=crlf > 0):
                open_lines, open_separators = open_lines + block_lines, open_separators + block.count(separator)
            has_controls = has_controls or int(np.count_nonzero(characters < ord(b" "))) > line_ends + crlf or b"\x7f" in block
            has_whole_lines = has_whole_lines and not _is_odd(block, odd, crlf)
            if has_whole_lines and quote and quote in block:
                is_plain, has_whole_lines = False, _has_paired_quotes(characters, quote) and not _has_loose_quotes(block, quote, separator)
    return Survey(
        lines=lines,
        is_plain=is_plain and has_whole_lines,
        has_whole_lines=has_whole_lines,
        has_controls=has_controls,
        has_mixed_newlines=0 < crlf_lines < lines,
        open_lines=open_lines,
        open_separators=open_separators,
    )


def _is_odd(block: bytes, odd: tuple[bytes, ...], crlf: int) -> bool:
    has_lone_return = b"\r" in block and block.count(b"\r") != crlf
    has_odd = any(text in block or block.startswith(text.removeprefix(b"\n")) for text in odd)
    return len(block) > MAX_RECORD_BYTES or has_lone_return or has_odd or not is_utf8(block)


def _has_open_line(characters: np.ndarray, line_ends: np.ndarray, separator: int, has_returns: bool) -> bool:
    last = [characters[line_ends - 1], characters[-1:]]  # of each line
    if has_returns:
        last.append(characters[line_ends - 2])
    return any((places == separator).any() for places in last)


def _has_loose_quotes(block: bytes, quote: bytes, separator: bytes) -> bool:
    """Whether spaces may stand behind a quoted field, or several before it: there DuckDB and CSV are not of one mind."""
    is_after = quote + b" " in block and re.search(quote + b" +(?:" + re.escape(separator) + rb"|[\r\n]|$)", block)
    return b"  " + quote in block or bool(is_after)


def _has_paired_quotes(characters: np.ndarray, quote: bytes) -> bool:
    """Whether every line of a block has an even number of quotes: then none opens a field that goes on in the next line."""
    line_ends = np.flatnonzero(characters == ord(b"\n"))
    lines_of_quotes = np.searchsorted(line_ends, np.flatnonzero(characters == ord(quote)))
    return not (np.bincount(lines_of_quotes) % 2).any()


def is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK_BYTES):
        rest = file.readline(MAX_LINE_BYTES)
        if len(rest) == MAX_LINE_BYTES:
            raise FileRefused(f"holds a line of more than {MAX_LINE_BYTES} bytes")
        yield block + rest


def write_clean_copy(path: Path, tally: Tally, copy: Path) -> None:
    """Copy a text file without its dropped lines, its records ending in LF alone."""
    with path.open("rb") as file, copy.open("wb") as clean:
        for number, line in enumerate(file, start=1):
            if number not in tally.dropped_lines:
                clean.write(line if number in tally.inner_lines else line.rstrip(b"\r\n") + b"\n")
