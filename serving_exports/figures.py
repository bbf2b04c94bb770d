"""The figures of the report: one function per section, each a few queries on a build's own database, attached as `serving`.

They also run on builds that the audit refused, so nulls in a key and numbers that are none must not stop them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import duckdb

import metrics
from serving_exports import tables
from serving_exports.charts import TREND_DAYS, Bar, LineChart, bars, every_day, line_chart, trailing_means, trailing_ratios

CHART_DAYS = 90
PROBABILITY_BINS = 20
TOP_ITEMS = 10


@dataclass(frozen=True)
class Section:
    """What a section shows, or, for a build that breaks the contract, why it cannot."""

    content: object = None
    fault: str = ""


@dataclass(frozen=True)
class Kpi:
    """One KPI in daily_kpis: its last day, its mean over the last seven days and over the seven before, its chart."""

    label: str
    unit: str  # count, money or share
    description: str
    last: float | None
    mean: float | None
    mean_before: float | None
    chart: LineChart

    @property
    def change(self) -> float | None:
        """Relative change of the weekly mean; None where there is nothing to compare with."""
        return self.mean / self.mean_before - 1 if self.mean is not None and self.mean_before else None


@dataclass(frozen=True)
class Recommendations:
    """Where the rows of user_recommendations come from, how widely they spread over the items, and the lists of newcomers."""

    rows: int
    people: int
    items: int
    by_level: list[Bar]
    by_reason: list[Bar]
    by_treatment: list[Bar]
    top_items: list[Bar]
    newcomer_lists: int
    by_newcomer_level: list[Bar]


@dataclass(frozen=True)
class Target:
    """One target of user_predictions for the eligible: `bins` of the probability are equally wide, from 0 to 1."""

    name: str
    horizon_days: int
    people: int
    mean: float | None
    median: float | None
    highest: float | None
    mean_value: float | None
    bins: list[Bar]


@dataclass(frozen=True)
class People:
    """Who the people are: counts by segment and by lifecycle, and why some are not eligible."""

    count: int
    by_segment: list[Bar]
    by_lifecycle: list[Bar]
    ineligible: list[Bar]


def section(figures: Callable, *arguments: object) -> Section:
    """`figures(*arguments)`, or the sentence of DuckDB that says which table or column is not there."""
    try:
        return Section(figures(*arguments))
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        return Section(fault=str(error).splitlines()[0])


def kpis(connection: duckdb.DuckDBPyConnection, run_date: date) -> list[Kpi]:
    """Every KPI of models/metrics.yml that daily_kpis has, in the order of that file, over the last days up to the night's."""
    columns = {column.name: column for column in tables.columns(connection, "serving", "daily_kpis")}
    shown_metrics = [metric for metric in metrics.read() if metric.name in columns]
    names = ", ".join(["date", *(metric.name for metric in shown_metrics)])
    rows = connection.execute(f"select {names} from serving.daily_kpis where date is not null order by date").fetchall()
    dates, *values = zip(*rows, strict=True) if rows else [()] * (1 + len(shown_metrics))
    known_days = max(1, (run_date - min(dates, default=run_date)).days + 1)
    shown = min(known_days, CHART_DAYS)
    lead = min(known_days - shown, TREND_DAYS - 1)
    series = {
        metric.name: every_day(zip(dates, of_metric, strict=True), run_date, shown + lead)
        for metric, of_metric in zip(shown_metrics, values, strict=True)
    }
    return [_kpi(metric, columns[metric.name].description, series, lead) for metric in shown_metrics]


def _kpi(metric: metrics.Metric, description: str, series: dict[str, list[tuple[date, float | None]]], lead: int) -> Kpi:
    daily = series[metric.name]
    weekly = _weekly(metric, {name: [value for _, value in days] for name, days in series.items()})
    before = weekly[-1 - TREND_DAYS] if len(weekly) > TREND_DAYS else None
    return Kpi(metric.label, metric.unit, description, daily[-1][1], weekly[-1], before, line_chart(daily, lead, weekly))


def _weekly(metric: metrics.Metric, values: dict[str, list[float | None]]) -> list[float | None]:
    """A KPI over the week up to each day: its daily mean, or, of a ratio whose parts are known, the ratio of the whole week."""
    if metric.ratio and set(metric.ratio) <= values.keys():
        return trailing_ratios(*(values[name] for name in metric.ratio), TREND_DAYS)
    return trailing_means(values[metric.name], TREND_DAYS)


def recommendations(connection: duckdb.DuckDBPyConnection) -> Recommendations:
    rows, people, items = connection.execute(
        "select count(*), count(distinct user_key), count(distinct item_id) from serving.user_recommendations"
    ).fetchone()
    return Recommendations(
        rows,
        people,
        items,
        by_level=_counts(connection, "serving.user_recommendations", "fallback_level", order="1"),
        by_reason=_counts(connection, "serving.user_recommendations", "reason"),
        by_treatment=_counts(connection, "(select distinct user_key, treatment from serving.user_recommendations)", "treatment"),
        top_items=_counts(connection, "serving.user_recommendations", "item_id", limit=TOP_ITEMS),
        newcomer_lists=connection.execute("select count(distinct country) from serving.newcomer_recommendations").fetchone()[0],
        by_newcomer_level=_counts(connection, "serving.newcomer_recommendations", "fallback_level", order="1"),
    )


def people(connection: duckdb.DuckDBPyConnection) -> People:
    return People(
        connection.execute("select count(*) from serving.user_segments").fetchone()[0],
        by_segment=_counts(connection, "serving.user_segments", "segment"),
        by_lifecycle=_counts(connection, "serving.user_segments", "lifecycle"),
        ineligible=_counts(
            connection,
            "(select distinct user_key, ineligible_reason from serving.user_predictions where not is_eligible)",
            "ineligible_reason",
        ),
    )


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
    return [Target(*row, bins=_probability_bins(connection, row[0])) for row in rows]


def _probability_bins(connection: duckdb.DuckDBPyConnection, target: str) -> list[Bar]:
    counts = dict(
        connection.execute(
            """
            select cast(least(floor(probability * $bins), $bins - 1) as integer) as bin, count(*) from serving.user_predictions
            where is_eligible and target = $target and probability between 0 and 1
            group by bin
            """,
            {"bins": PROBABILITY_BINS, "target": target},
        ).fetchall()
    )
    width = 100 // PROBABILITY_BINS
    return bars([(f"{place * width}–{(place + 1) * width} %", counts.get(place, 0)) for place in range(PROBABILITY_BINS)])


def _counts(
    connection: duckdb.DuckDBPyConnection, relation: str, column: str, order: str = "2 desc, 1", limit: int | None = None
) -> list[Bar]:
    """Rows by the values of a column; the largest first unless `order` says otherwise."""
    rows = connection.execute(
        f"select coalesce(cast({column} as varchar), 'none'), count(*) from {relation} group by 1 order by {order}"
    ).fetchall()
    return bars(rows)[:limit]
