"""What a page of the explorer looks at: one build of one shop, and the few ways in which its rows are shown."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow
import streamlit as st

from serving_exports import published, tables
from serving_exports.builds import Builds
from settings import Settings
from shop import Shop

MOST_ROWS = 1_000  # of a list that is only looked at; downloads are whole


@dataclass(frozen=True)
class View:
    """One build, open for reading.

    Args:
        folder: of the build.
        connection: to its tables, which lie in the database `shop`.
    """

    settings: Settings
    shop: Shop
    folder: Path
    connection: duckdb.DuckDBPyConnection

    @property
    def builds(self) -> Builds:
        return Builds(self.settings.paths(self.shop.name).serving)

    def columns(self, table: str) -> list[tables.Column]:
        return tables.columns(self.connection, "shop", table)

    def ask(self, sql: str, **values: object) -> pyarrow.Table:
        return published.answer(self.connection, sql, values).table

    def titles(self, item_id: str) -> tuple[str, str]:
        """What to select and what to join so that a query that has the column `item_id` also shows the item's title."""
        if not self.columns("item_profiles"):
            return "", ""
        return "item_profiles.title,", f"left join item_profiles on {item_id} = item_profiles.item_id"


def section(view: View, heading: str, table: str, sql: str, **values: object) -> None:
    """A heading and the rows of a query on `table`; says so where the build has no such table, or the query no rows."""
    st.subheader(heading)
    if not view.columns(table):
        st.markdown(f"not in this build: it has no table {table}")
        return
    rows = view.ask(sql, **values)
    if rows.num_rows:
        st.table(as_text(rows))
    else:
        st.markdown("none")


def facts(view: View, heading: str, table: str, condition: str, **values: object) -> bool:
    """One row of `table` with a line per column: its name, value and description; returns whether there is such a row."""
    st.subheader(heading)
    columns = view.columns(table)
    if not columns:
        st.markdown(f"not in this build: it has no table {table}")
        return False
    rows = view.ask(f"select * from {table} where {condition}", **values).to_pylist()
    if not rows:
        st.markdown("none")
        return False
    lines = [{"": column.name, "value": shown(rows[0][column.name]), "what it is": column.description} for column in columns]
    st.table(pyarrow.Table.from_pylist(lines))
    return True


def as_text(rows: pyarrow.Table) -> pyarrow.Table:
    """Rows as they are read by people, every value a text."""
    columns = [pyarrow.array([shown(value) for value in column.to_pylist()]) for column in rows.columns]
    return pyarrow.table(columns, names=rows.column_names)


def shown(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    return str(value)


def link(page: str, name: str, value: str) -> str:
    """An address within the explorer, for Markdown; the first page's is the empty one."""
    return f"[{value}](/{page}?{name}={quote(value)})"


def asked_for(name: str, label: str, example: str) -> str:
    """A text field whose content is also in the page's address, so that what is seen can be sent to a colleague."""
    text = st.text_input(label, value=st.query_params.get(name, ""), placeholder=example, key=f"{name}-field").strip()
    if text:
        st.query_params[name] = text
    return text
