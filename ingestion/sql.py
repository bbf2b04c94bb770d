"""Quoting of what comes from shop files and paths into SQL text; secrets never go this way, they are bound."""

from collections.abc import Iterable
from pathlib import Path


def literal(value: str) -> str:
    """A text as an SQL literal."""
    return "'" + value.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_list(values: Iterable[str | Path]) -> str:
    """Texts as a DuckDB list of literals."""
    return "[" + ", ".join(literal(str(value)) for value in values) + "]"
