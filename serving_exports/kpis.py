"""The report's figures of the shop itself: each KPI over the last days, and the funnel of a week beside the one before."""

from dataclasses import dataclass
from datetime import date

import duckdb

import metrics
from serving_exports import charts, tables
from serving_exports.charts import Chart
from serving_exports.trends import TREND_DAYS, every_day, trailing_means, trailing_ratios

CHART_DAYS = 90
STEPS = {
    "sessions": "Sessions",
    "sessions_with_view": "saw a product",
    "sessions_with_cart": "put one into the cart",
    "sessions_with_order": "ordered",
}


@dataclass(frozen=True)
class Kpi:
    """One KPI in daily_kpis: its last day, its mean over the last seven days and over the seven before, its chart.

    Args:
        unit: count, money or share.
        chart: None where no day has a value.
    """

    label: str
    unit: str
    description: str
    last: float | None
    mean: float | None
    mean_before: float | None
    chart: Chart | None

    @property
    def change(self) -> float | None:
        """Relative change of the weekly mean; None where there is nothing to compare with."""
        return self.mean / self.mean_before - 1 if self.mean is not None and self.mean_before else None


def kpis(connection: duckdb.DuckDBPyConnection, run_date: date, currency: str) -> list[Kpi]:
    """Every KPI of models/metrics.yml that daily_kpis has, in the order of that file, over the last days up to the night's."""
    columns = {column.name: column for column in tables.columns(connection, "serving", "daily_kpis")}
    shown_metrics = [metric for metric in metrics.read() if metric.name in columns]
    names = ", ".join(["date", *(metric.name for metric in shown_metrics)])
    rows = connection.execute(f"select {names} from serving.daily_kpis where date is not null order by date").fetchall()
    dates, *values = zip(*rows, strict=True) if rows else [()] * (1 + len(shown_metrics))
    known_days = max(1, (run_date - min(dates, default=run_date)).days + 1)
    shown = min(known_days, CHART_DAYS)
    lead = min(known_days - shown, TREND_DAYS - 1)  # days that only give the first trends something to look back on
    series = {
        metric.name: every_day(zip(dates, of_metric, strict=True), run_date, shown + lead)
        for metric, of_metric in zip(shown_metrics, values, strict=True)
    }
    return [_kpi(metric, columns[metric.name].description, series, lead, currency) for metric in shown_metrics]


def _kpi(
    metric: metrics.Metric, description: str, series: dict[str, list[tuple[date, float | None]]], lead: int, currency: str
) -> Kpi:  # fmt: skip
    daily = series[metric.name]
    weekly = _weekly(metric, {name: [value for _, value in days] for name, days in series.items()})
    before = weekly[-1 - TREND_DAYS] if len(weekly) > TREND_DAYS else None
    is_known = any(value is not None for value in weekly)
    title = f"{metric.label} per day" if metric.unit != "share" else metric.label
    chart = charts.daily(title, metric.unit, currency, daily[lead:], weekly[lead:]) if is_known else None
    return Kpi(metric.label, metric.unit, description, daily[-1][1], weekly[-1], before, chart)


def _weekly(metric: metrics.Metric, values: dict[str, list[float | None]]) -> list[float | None]:
    """A KPI over the week up to each day: its daily mean, or, of a ratio whose parts are known, the ratio of the whole week."""
    if metric.ratio and set(metric.ratio) <= values.keys():
        return trailing_ratios(*(values[name] for name in metric.ratio), TREND_DAYS)
    return trailing_means(values[metric.name], TREND_DAYS)


def funnel(connection: duckdb.DuckDBPyConnection, run_date: date) -> list[Chart]:
    """Sessions by how far they came, of the week up to the night and of the week before it."""
    sums = ", ".join(f"cast(coalesce(sum({name}), 0) as bigint)" for name in STEPS)
    made = []
    for weeks_back, title in ((0, "The last seven days"), (1, "The seven days before")):
        counts = connection.execute(
            f"""
            select {sums} from serving.daily_kpis
            where date > $run_date - 7 * ($back + 1) and date <= $run_date - 7 * $back
            """,
            {"run_date": run_date, "back": weeks_back},
        ).fetchone()
        bars = [
            charts.Bar(label, count, count / counts[0] if counts[0] else 0.0) for label, count in zip(STEPS.values(), counts, strict=True)
        ]
        made.append(charts.bars(f"{title}: sessions by how far they came", bars, "sessions"))
    return made
