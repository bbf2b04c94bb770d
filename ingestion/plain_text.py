"""Makes plain UTF-8 text, one record after another, of what is compressed, in another encoding, or one JSON array."""

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ingestion.counting import MAX_RECORD_BYTES, FileRefused
from sources import Source

COMPRESSED = (".gz", ".zst")
_BLOCK_BYTES = 1 << 20
_BETWEEN = re.compile(r"[ \t\r\n]*")


def plain_text(source: Source, path: Path, copy: Path) -> Path:
    """`path` itself where it is plain text already, else `copy`, written from it.

    Raises:
        FileRefused: it is not whole, or not what its ending or the shop file says it is.
    """
    is_utf8 = codecs.lookup(source.encoding).name == "utf-8"
    if path.suffix not in COMPRESSED and is_utf8 and source.format != "json":
        return path
    with copy.open("wb") as plain:
        for block in _blocks(source, path, is_utf8):
            plain.write(block)
    return copy


def _blocks(source: Source, path: Path, is_utf8: bool) -> Iterator[bytes]:
    if path.suffix in COMPRESSED and path.stat().st_size == 0:  # gzip reads nothing there, and finds nothing wrong
        raise FileRefused(f"is no whole {path.suffix} file: it is empty")
    try:
        with _opened(path) as file:
            if source.format == "json":
                yield from _elements(file, source.encoding)
            elif is_utf8:
                yield from iter(lambda: file.read(_BLOCK_BYTES), b"")
            else:
                yield from _in_utf8(file, source.encoding)
    except UnicodeDecodeError as error:
        raise FileRefused(f"is not {source.encoding}: {error.reason}") from None
    except (EOFError, OSError, zlib.error) as error:
        if path.suffix not in COMPRESSED:
            raise
        raise FileRefused(f"is no whole {path.suffix} file") from error


def _opened(path: Path) -> BinaryIO:
    if path.suffix == ".gz":
        return gzip.open(path)
    if path.suffix == ".zst":
        import pyarrow  # half a second to import, and most shops have no such file

        return pyarrow.input_stream(str(path), compression="zstd")
    return path.open("rb")


def _in_utf8(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    while block := file.read(_BLOCK_BYTES):
        yield decoder.decode(block).encode()
    yield decoder.decode(b"", final=True).encode()


def _elements(file: BinaryIO, encoding: str) -> Iterator[bytes]:
    """The elements of a JSON array, each on a line, taken one at a time: an array of any length fits into memory."""
    text = _Text(codecs.getreader(encoding)(file, errors="strict"))
    if text.next_character() != "[":
        raise FileRefused("is no JSON array")
    text.skip(1)
    number = 0
    while (character := text.next_character()) != "]":
        if number and character != ",":
            raise FileRefused(f"is no whole JSON array: it breaks off, or lacks a comma, after record {number}")
        if number:
            text.skip(1)
            text.next_character()
        number += 1
        yield text.take_value(number).replace("\r", " ").replace("\n", " ").encode() + b"\n"
    text.skip(1)
    if text.next_character():
        raise FileRefused(f"holds more than one JSON array: something follows after record {number}")


class _Text:
    """The text still to be read; grows as it is needed, and forgets what was taken."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream, self._text, self._at = stream, "", 0
        self._decoder = json.JSONDecoder()

    def next_character(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            self._at = _BETWEEN.match(self._text, self._at).end()
            if self._at < len(self._text):
                return self._text[self._at].removeprefix("\ufeff") or self._without_mark()
            if not self._grow():
                return ""

    def skip(self, count: int) -> None:
        self._at += count

    def take_value(self, number: int) -> str:
        """The next JSON value, as it stands."""
        while True:
            try:
                _, end = self._decoder.raw_decode(self._text, self._at)
            except (ValueError, RecursionError):
                end = None
            # a number may go on in the next block, so a value counts when something follows it
            if end is not None and end < len(self._text):
                value, self._at = self._text[self._at : end], end
                return value
            if len(self._text) - self._at > MAX_RECORD_BYTES + _BLOCK_BYTES:
                raise FileRefused(f"record {number} is not valid JSON, or longer than {MAX_RECORD_BYTES} bytes")
            if not self._grow():
                raise FileRefused(f"record {number} is not valid JSON, or the file breaks off in it")

    def _without_mark(self) -> str:
        self._at += 1
        return self.next_character()

    def _grow(self) -> bool:
        block = self._stream.read(_BLOCK_BYTES)
        self._text, self._at = self._text[self._at :] + block, 0
        return bool(block)
