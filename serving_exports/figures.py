"""The figures of the report: one function per section, each a few queries on a build's own database, attached as `serving`.

They also run on builds that the audit refused, so nulls in a key and numbers that are none must not stop them.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

import duckdb

from serving_exports import charts, formats, tables
from serving_exports.charts import Bar, Chart, shares

PROBABILITY_BINS = 20
TOP_ITEMS = 10


@dataclass(frozen=True)
class Section:
    """What a section shows, or, for a build that lacks a table or breaks the contract, why it cannot."""

    content: object = None
    fault: str = ""


@dataclass(frozen=True)
class Recommendations:
    """Where the rows of user_recommendations come from, how widely they spread over the items, and the lists of newcomers.

    Args:
        recommendable: items that may be recommended; None where the build has no item_profiles.
        top_share: share of all rows that the ten items recommended most have.
    """

    rows: int
    people: int
    items: int
    recommendable: int | None
    top_share: float
    by_level: list[Bar]
    charts: list[Chart]


@dataclass(frozen=True)
class Target:
    """One target of user_predictions for the eligible."""

    name: str
    horizon_days: int
    people: int
    mean: float | None
    median: float | None
    highest: float | None
    mean_value: float | None
    charts: list[Chart] = field(default_factory=list)


@dataclass(frozen=True)
class People:
    """Who the people are: counts by segment and by lifecycle, who moved, and why some are not eligible."""

    count: int
    charts: list[Chart]
    moves: list[tuple[str, str, int]]
    week: date | None


def section(figures: Callable, *arguments: object) -> Section:
    """`figures(*arguments)`, or the sentence of DuckDB that says which table or column is not there."""
    try:
        return Section(figures(*arguments))
    except duckdb.CatalogException as error:
        return Section(fault=f"not in this build ({str(error).splitlines()[0]})")
    except duckdb.BinderException as error:
        return Section(fault=str(error).splitlines()[0])


def has(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(tables.columns(connection, "serving", table))


def recommendations(connection: duckdb.DuckDBPyConnection) -> Recommendations:
    rows, people, items = connection.execute(
        "select count(*), count(distinct user_key), count(distinct item_id) from serving.user_recommendations"
    ).fetchone()
    newcomer_lists = connection.execute("select count(distinct country) from serving.newcomer_recommendations").fetchone()[0]
    by_level = _counts(connection, "serving.user_recommendations", "fallback_level", order="1")
    by_item = _counts(connection, *_named_items(connection))
    treated = _counts(connection, "(select distinct user_key, treatment from serving.user_recommendations)", "treatment")
    newcomers = _counts(connection, "serving.newcomer_recommendations", "fallback_level", order="1")
    reasons = _counts(connection, "serving.user_recommendations", "reason")
    told = f"{newcomer_lists:,} lists for people of whom nothing is known, by country; rows by level: 2 popular in the country, 3 popular"
    shown = [
        charts.bars("Rows by fall-back level", by_level),
        charts.bars("Rows by the reason given", reasons),
        charts.bars("The items recommended most, with their share of all rows", by_item[:TOP_ITEMS]),
        charts.bars("People by treatment", treated, "people"),
        charts.bars(told, newcomers),
    ]
    top_share = sum(bar.share for bar in by_item[:TOP_ITEMS])
    return Recommendations(rows, people, items, _recommendable(connection), top_share, by_level, shown)


def _named_items(connection: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    """The recommendations with a column that names the item to people: by its title where the build has titles."""
    if not has(connection, "item_profiles"):
        return "serving.user_recommendations", "item_id"
    return (
        "serving.user_recommendations left join serving.item_profiles using (item_id)",
        "item_id || coalesce(' ' || title, '')",
    )


def _recommendable(connection: duckdb.DuckDBPyConnection) -> int | None:
    if not has(connection, "item_profiles"):
        return None
    return connection.execute("select count(*) from serving.item_profiles where is_recommendable").fetchone()[0]


def top_items(connection: duckdb.DuckDBPyConnection) -> list[Chart]:
    """What was bought and looked at most in 30 days."""
    name = "item_id || coalesce(' ' || title, '')"
    made = []
    for column, title in (("purchase_count_30d", "Order lines in 30 days"), ("view_count_30d", "Views in 30 days")):
        rows = connection.execute(
            f"select {name}, {column} from serving.item_profiles where {column} > 0 order by {column} desc, item_id"
        ).fetchall()
        made.append(charts.bars(f"{title}, the ten first items", shares(rows)[:TOP_ITEMS], "times"))
    return made


def people(connection: duckdb.DuckDBPyConnection) -> People:
    count = connection.execute("select count(*) from serving.user_segments").fetchone()[0]
    ineligible = "(select distinct user_key, ineligible_reason from serving.user_predictions where not is_eligible)"
    why = _counts(connection, ineligible, "ineligible_reason")
    shown = [
        charts.bars(
            f"{formats.counted(count, 'person', 'people')} by segment", _counts(connection, "serving.user_segments", "segment"), "people"
        ),
        charts.bars("People by lifecycle", _counts(connection, "serving.user_segments", "lifecycle"), "people"),
        *([charts.bars("Not eligible for a prediction, and why", why, "people")] if why else []),
    ]
    moves = _moves(connection) if has(connection, "segment_migrations") else []
    return People(count, shown, [move[1:] for move in moves], moves[0][0] if moves else None)


def _moves(connection: duckdb.DuckDBPyConnection) -> list[tuple[date, str, str, int]]:
    """The moves between segments of the newest week, the most frequent first."""
    return connection.execute(
        """
        select week, from_segment, to_segment, people from serving.segment_migrations
        where week = (select max(week) from serving.segment_migrations) and from_segment <> to_segment
        order by people desc, from_segment, to_segment
        limit 15
        """
    ).fetchall()


def targets(connection: duckdb.DuckDBPyConnection) -> list[Target]:
    rows = connection.execute(
        """
        select
            coalesce(target, 'none') as target, any_value(horizon_days), count(*),
            avg(probability), median(probability), max(probability), cast(avg(expected_value) as double)
        from serving.user_predictions
        where is_eligible
        group by all
        order by target
        """
    ).fetchall()
    come = outcomes(connection) if has(connection, "prediction_outcomes") else {}
    return [Target(*row, charts=[*_probabilities(connection, row), *come.get(row[0], [])]) for row in rows]


def _probabilities(connection: duckdb.DuckDBPyConnection, target: tuple) -> list[Chart]:
    name, _, people, mean = target[:4]
    if mean is None:
        return []
    counts = dict(
        connection.execute(
            """
            select cast(least(floor(probability * $bins), $bins - 1) as integer) as bin, count(*) from serving.user_predictions
            where is_eligible and target = $target and probability between 0 and 1
            group by bin
            """,
            {"bins": PROBABILITY_BINS, "target": name},
        ).fetchall()
    )
    bins = [(place / PROBABILITY_BINS, (place + 1) / PROBABILITY_BINS, counts.get(place, 0)) for place in range(PROBABILITY_BINS)]
    return [charts.histogram(f"{formats.words(name)}: {people:,} people by probability", bins)]


def outcomes(connection: duckdb.DuckDBPyConnection) -> dict[str, list[Chart]]:
    """By target, what became of an earlier night's predictions."""
    rows = connection.execute(
        """
        select target, scored_date, horizon_days, decile, people, mean_probability, realised_rate, chance_low, chance_high
        from serving.prediction_outcomes
        where realised_rate is not null and mean_probability is not null and chance_low is not null
        order by target, decile
        """
    ).fetchall()
    by_target: dict[str, list[tuple]] = {}
    for row in rows:
        by_target.setdefault(row[0], []).append(row)
    return {
        target: [
            charts.outcomes(
                f"{formats.words(target)}: the predictions of {formats.day(of[0][1])} (strokes) and what happened in the"
                f" {of[0][2]} days after (points), with what chance alone allows (bands)",
                [row[3:] for row in of],
            )
        ]
        for target, of in by_target.items()
    }  # fmt: skip


def _counts(connection: duckdb.DuckDBPyConnection, relation: str, column: str, order: str = "2 desc, 1") -> list[Bar]:
    """Rows by the values of a column; the largest first unless `order` says otherwise."""
    rows = connection.execute(
        f"select coalesce(cast({column} as varchar), 'none'), count(*) from {relation} group by 1 order by {order}"
    ).fetchall()
    return shares(rows)
