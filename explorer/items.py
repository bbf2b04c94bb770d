"""An item: what is known of it, what goes with it, and who is shown it."""

import streamlit as st

from explorer import view as views
from explorer.view import MOST_ROWS, View, as_text, facts, link, section


def page(view: View) -> None:
    st.title("An item")
    item = views.asked_for("item", "item_id, or words of its title", "00387")
    if not item:
        st.markdown("For instance:")
        for known in view.ask("select distinct item_id from item_recommendations order by all limit 5")["item_id"].to_pylist():
            st.markdown(link("items", "item", known))
        return
    if not _is_known(view, item):
        _found_by_title(view, item)
        return
    facts(view, "Facts", "item_profiles", "item_id = $item", item=item)
    for relation, heading in (("similar", "Similar"), ("bought_together", "Bought together")):
        _related(view, item, relation, heading)
    _shown_to(view, item)


def _is_known(view: View, item: str) -> bool:
    places = ["item_recommendations", "user_recommendations", *(["item_profiles"] if view.columns("item_profiles") else [])]
    asked = " union all ".join(f"(select 1 from {table} where item_id = $item limit 1)" for table in places)
    return view.ask(asked, item=item).num_rows > 0


def _found_by_title(view: View, words: str) -> None:
    if not view.columns("item_profiles"):
        st.warning(f"No table of this build names an item {words}.")
        return
    found = view.ask(
        "select item_id, title, category, brand from item_profiles where contains(lower(title), lower($words)) order by item_id limit 50",
        words=words,
    )
    if found.num_rows:
        st.table(as_text(found))
        return
    st.warning(f"No item has this id, and no title these words: {words}")


def _related(view: View, item: str, relation: str, heading: str) -> None:
    title, join = view.titles("similar_item_id")
    section(
        view, heading, "item_recommendations",
        f"""
        select rank, similar_item_id, {title} score, support from item_recommendations {join}
        where item_recommendations.item_id = $item and relation = $relation order by rank
        """,
        item=item, relation=relation,
    )  # fmt: skip


def _shown_to(view: View, item: str) -> None:
    section(
        view, "Who it is shown to", "user_recommendations",
        """
        select reason, fallback_level, count(*) as people, min(rank) as best_rank, round(avg(rank), 1) as mean_rank
        from user_recommendations where item_id = $item group by all order by people desc
        """,
        item=item,
    )  # fmt: skip
    people = view.ask(
        f"select user_key, rank, reason, score from user_recommendations where item_id = $item order by rank, user_key limit {MOST_ROWS}",
        item=item,
    )
    if people.num_rows:
        st.dataframe(people, hide_index=True)
        st.markdown(f"The first {people.num_rows:,} of them." if people.num_rows == MOST_ROWS else f"{people.num_rows:,} people.")
    section(
        view, "Shown to people nobody knows", "newcomer_recommendations",
        "select country, rank from newcomer_recommendations where item_id = $item order by country", item=item,
    )  # fmt: skip
