"""A person: what the shop knows of them, their groups, what they will do, and what they are shown, each with its reason."""

from uuid import UUID

import streamlit as st

from explorer import view as views
from explorer.view import View, facts, link, section


def page(view: View) -> None:
    st.title("A person")
    text = views.asked_for("user", "user_key", "00000000-0000-0000-0000-000000000000")
    if not text:
        _somebody(view)
        return
    try:
        user = str(UUID(text))
    except ValueError:
        st.error(f"{text} is no user_key. `python -m ingestion.user_key ID` gives the key of a raw id.")
        return
    condition = "user_key = cast($user as uuid)"
    _recommendations(view, user, condition)
    _predictions(view, user, condition)
    _groups(view, user, condition)
    if not facts(view, "Profile", "user_profiles", condition, user=user):
        st.info("Nobody with this key has a profile in this build: a bot, somebody without consent, or nobody at all.")


def _somebody(view: View) -> None:
    st.markdown("For instance:")
    for user in view.ask("select distinct user_key from user_recommendations order by all limit 5")["user_key"].to_pylist():
        st.markdown(link("", "user", str(user)))


def _recommendations(view: View, user: str, condition: str) -> None:
    title, join = view.titles("user_recommendations.item_id")
    section(
        view, "Recommendations", "user_recommendations",
        f"""
        select rank, user_recommendations.item_id, {title} score, reason, reason_item_id, fallback_level, treatment,
            model_name || ' ' || model_version as model
        from user_recommendations {join}
        where {condition} order by rank
        """,
        user=user,
    )  # fmt: skip


def _predictions(view: View, user: str, condition: str) -> None:
    section(
        view, "Predictions", "user_predictions",
        f"""
        select target, horizon_days, probability, expected_value, percentile, top_reasons, ineligible_reason,
            model_name || ' ' || model_version as model
        from user_predictions where {condition} order by target
        """,
        user=user,
    )  # fmt: skip
    section(
        view, "Categories they are likely to buy from", "user_category_predictions",
        f"""
        select target, category, probability, percentile from user_category_predictions
        where {condition} order by probability desc limit 10
        """,
        user=user,
    )  # fmt: skip


def _groups(view: View, user: str, condition: str) -> None:
    section(view, "Segment", "user_segments", f"select * exclude (user_key, run_date) from user_segments where {condition}", user=user)
    section(
        view, "Segments before", "user_segment_history",
        f"select * exclude (user_key) from user_segment_history where {condition} order by all", user=user,
    )  # fmt: skip
    section(
        view, "Audiences", "audience_members",
        f"select * exclude (user_key) from audience_members where {condition} order by all", user=user,
    )  # fmt: skip
