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


def among(value: str, texts: Iterable[str]) -> str:
    """SQL: whether a text is one of several. Not with IN, of which DuckDB makes a join, and a join loses the order of the rows."""
    return f"list_contains({text_list(texts)}, {value})"


def instant(expression: str) -> str:
    """SQL: a TIMESTAMPTZ as ISO 8601 in UTC, in a form whose order as text is that of time."""
    return f"strftime({expression} at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')"
