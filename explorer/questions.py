"""SQL on the published tables: read-only, nothing else within reach, so many rows and so many seconds at most."""

import streamlit as st

import steps
from explorer.view import View
from serving_exports import published

ROWS, SECONDS = 10_000, 10
EXAMPLE = "select segment, count(*) as people\nfrom user_segments\ngroup by segment\norder by people desc"


def page(view: View) -> None:
    st.title("SQL")
    st.markdown(f"One DuckDB statement on the tables of this build; at most {ROWS:,} rows and {SECONDS} seconds.")
    with st.form("question"):
        sql = st.text_area("Statement", EXAMPLE, height=180)
        is_asked = st.form_submit_button("Run")
    if is_asked:
        _answer(view, sql)
    with st.expander("The tables and their columns"):
        st.dataframe(view.ask(
            "select table_name, column_name, data_type, comment from duckdb_columns() where database_name = 'shop' order by all"
        ), hide_index=True)  # fmt: skip


def _answer(view: View, sql: str) -> None:
    try:
        answer = published.answer(view.connection, sql, rows=ROWS, seconds=SECONDS)
    except steps.StepError as error:
        st.error(str(error))
        return
    st.dataframe(answer.table, hide_index=True)
    st.markdown(f"The first {ROWS:,} rows; there are more." if answer.is_cut else f"{answer.table.num_rows:,} rows")
