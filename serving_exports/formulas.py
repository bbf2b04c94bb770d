"""Texts that a spreadsheet would run as a formula when it opens a CSV: an apostrophe before them makes them texts again."""

import pyarrow
import pyarrow.compute

from serving_exports.tables import Column, quoted

BEGINNING = r"^([=+\-@\t\r\n])"


def columns_of_csv(columns: list[Column]) -> str:
    """The select list of a table whose texts are safe to open in a spreadsheet."""
    return ", ".join(_safe(column) if column.type == "VARCHAR" else quoted(column.name) for column in columns)


def neutralized(table: pyarrow.Table) -> pyarrow.Table:
    """The same table, its texts safe to open in a spreadsheet."""
    for place, field in enumerate(table.schema):
        if pyarrow.types.is_string(field.type) or pyarrow.types.is_large_string(field.type):
            safe = pyarrow.compute.replace_substring_regex(table[place], BEGINNING, r"'\1")
            table = table.set_column(place, field.name, safe)
    return table


def _safe(column: Column) -> str:
    name = quoted(column.name)
    return f"regexp_replace({name}, '{BEGINNING}', '''\\1') as {name}"
