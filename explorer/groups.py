"""A segment or an audience: how large it is, what sets it apart from everybody, and who is in it."""

import io
from collections.abc import Callable

import pyarrow
import pyarrow.csv
import pyarrow.parquet
import streamlit as st

from explorer.view import MOST_ROWS, View, as_text
from serving_exports import formulas, published

KINDS = {"segment": ("user_segments", "segment"), "audience": ("audience_members", "audience_id")}
NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL")


def page(view: View) -> None:
    st.title("A segment or an audience")
    kinds = [kind for kind, (table, _) in KINDS.items() if view.columns(table)]
    if "audience" not in kinds:
        st.markdown("Audiences are not in this build: it has no table audience_members.")
    kind = st.radio("Kind", kinds, horizontal=True)
    table, column = KINDS[kind]
    sizes = view.ask(f"select {column} as name, count(*) as people from {table} group by all order by people desc, name")
    st.bar_chart(sizes, x="name", y="people", horizontal=True, sort="-people", x_label="", y_label="people")
    name = st.selectbox(f"Which {kind}", sizes["name"].to_pylist())
    if name is None:
        st.info(f"There is no {kind} in this build.")
        return
    people = dict(zip(sizes["name"].to_pylist(), sizes["people"].to_pylist(), strict=True))[name]
    everybody = view.ask("select count(*) as people from user_segments")["people"][0].as_py()
    st.metric(name, f"{people:,} people", f"{people / everybody:.1%} of {everybody:,}", delta_color="off", delta_arrow="off")
    if kind == "audience" and view.columns("audiences"):
        st.table(as_text(view.ask("select * from audiences where audience_id = $name", name=name)))
    members = f"from {table} where {column} = $name"
    _traits(view, members, name)
    _members(view, members, name)


def _traits(view: View, members: str, name: str) -> None:
    """Means of the profiles' numbers in the group and of everybody; what differs most stands first."""
    st.subheader("What sets it apart")
    numbers = [column.name for column in view.columns("user_profiles") if column.type.split("(")[0] in NUMBERS]
    means = ", ".join(f"avg({number}) as {number}" for number in numbers)
    group = view.ask(f"select {means} from user_profiles where user_key in (select user_key {members})", name=name).to_pylist()[0]
    everybody = view.ask(f"select {means} from user_profiles").to_pylist()[0]
    traits = [
        {
            "trait": number,
            "mean of the group": group[number],
            "mean of everybody": everybody[number],
            "ratio": group[number] / everybody[number],
        }
        for number in numbers
        if group[number] is not None and everybody[number]
    ]
    if traits:
        traits.sort(key=lambda trait: abs(trait["ratio"] - 1), reverse=True)
        st.table(as_text(pyarrow.Table.from_pylist(traits)))
    else:
        st.markdown("no profiles to compare")


def _members(view: View, members: str, name: str) -> None:
    st.subheader("Members")
    first = view.ask(f"select * {members} order by user_key limit {MOST_ROWS}", name=name)
    st.dataframe(first, hide_index=True)
    if first.num_rows == MOST_ROWS:
        st.markdown(f"The first {MOST_ROWS:,}; the downloads hold all of them.")
    for label, ending, write in (("CSV", "csv", _write_csv), ("Parquet", "parquet", pyarrow.parquet.write_table)):
        content = _file(view, f"select * {members} order by user_key", name, write)
        st.download_button(f"Download all members as {label}", content, f"{name.replace(' ', '_')}.{ending}", on_click="ignore")


def _write_csv(table: pyarrow.Table, file: io.BytesIO) -> None:
    pyarrow.csv.write_csv(formulas.neutralized(table), file)


def _file(view: View, sql: str, name: str, write: Callable[[pyarrow.Table, io.BytesIO], None]) -> Callable[[], bytes]:
    """Writes the whole group only when it is asked for; by then the page's own connection is closed."""

    def content() -> bytes:
        with published.opened(view.settings, view.folder) as connection:
            rows = published.answer(connection, sql, {"name": name}).table
        stream = io.BytesIO()
        write(rows, stream)
        return stream.getvalue()

    return content
