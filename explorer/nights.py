"""Two nights beside each other: what is in the tables, how the shop did, who moved, and how much the lists changed."""

import streamlit as st

from explorer.view import View, as_text
from serving_exports import published


def page(view: View) -> None:
    st.title("Two nights")
    manifest = view.builds.manifest(view.folder.name)
    st.markdown(f"This build: night **{manifest['run_date']}**, `{manifest['build_id']}`, days in {manifest['timezone']}.")
    for sentence in manifest["degraded"]:
        st.warning(sentence)
    others = [build for build in reversed(view.builds.ids()) if build != view.folder.name]
    if not others:
        st.info("There is no other build to compare it with.")
        return
    other = st.selectbox("Compare with", others, format_func=lambda build: f"night {view.builds.run_date(build)}, {build}")
    with published.opened(view.settings, view.folder, before=view.builds.folder(other)) as connection:
        both = View(view.settings, view.shop, view.folder, connection)
        _tables(manifest, view.builds.manifest(other))
        _kpis(both)
        _segments(both)
        _lists(both)
        _probabilities(both)


def _tables(now: dict, before: dict) -> None:
    st.subheader("Rows")
    names = sorted(now["tables"].keys() | before["tables"].keys())
    rows = {name: [manifest["tables"].get(name, {}).get("rows") for manifest in (now, before)] for name in names}
    st.table({"table": names, "now": [rows[name][0] for name in names], "before": [rows[name][1] for name in names]})


def _kpis(both: View) -> None:
    st.subheader("The last day of each night")
    mine, theirs = (
        both.ask(f"select * from {database}.daily_kpis where date = (select max(date) from {database}.daily_kpis)").to_pylist()[0]
        for database in ("shop", "before")
    )
    names = [name for name in mine if name in theirs]
    st.table({"kpi": names, "now": [str(mine[name]) for name in names], "before": [str(theirs[name]) for name in names]})


def _segments(both: View) -> None:
    st.subheader("Who moved")
    moves = both.ask(
        """
        select coalesce(theirs.segment, '(not there)') as before, coalesce(mine.segment, '(not there)') as now, count(*) as people
        from shop.user_segments as mine
        full join before.user_segments as theirs on mine.user_key = theirs.user_key
        where mine.segment is distinct from theirs.segment
        group by all
        order by people desc, before, now
        """
    )
    if moves.num_rows:
        st.table(as_text(moves))
    else:
        st.markdown("nobody")


def _lists(both: View) -> None:
    st.subheader("Recommendations")
    people, kept = both.ask(
        """
        with shared as (
            select mine.user_key, count(theirs.item_id) / count(*) as share
            from shop.user_recommendations as mine
            left join before.user_recommendations as theirs on mine.user_key = theirs.user_key and mine.item_id = theirs.item_id
            where mine.user_key in (select user_key from before.user_recommendations)
            group by mine.user_key
        )
        select count(*) as people, avg(share) as kept from shared
        """
    ).to_pylist()[0].values()  # fmt: skip
    if people:
        st.metric("of each list stood in the list before, on average", f"{kept:.0%}")
    st.markdown(f"{people:,} people have a list in both builds.")


def _probabilities(both: View) -> None:
    st.subheader("Predictions")
    st.table(
        as_text(
            both.ask(
                """
                select
                    mine.target, count(*) as people, avg(mine.probability) as now, avg(theirs.probability) as before,
                    avg(abs(mine.probability - theirs.probability)) as mean_change,
                    corr(mine.probability, theirs.probability) as correlation
                from shop.user_predictions as mine
                inner join before.user_predictions as theirs on mine.user_key = theirs.user_key and mine.target = theirs.target
                where mine.probability is not null and theirs.probability is not null
                group by mine.target
                order by mine.target
                """
            )
        )
    )
