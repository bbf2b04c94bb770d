"""The geometry of the report's charts: numbers in, coordinates out; the template draws them as SVG."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from statistics import fmean

WIDTH, HEIGHT = 320, 92
TREND_DAYS = 7  # shops have weeks: the mean over one shows the trend that single days hide


@dataclass(frozen=True)
class Day:
    """One day of a series: its value (None where there is none), and its place on the chart."""

    date: date
    value: float | None
    x: float
    y: float | None


@dataclass(frozen=True)
class LineChart:
    """A daily series with its trailing mean.

    Args:
        days: one entry per day, the oldest first.
        daily, trend: SVG path data of the values and of their mean over the last seven days.
        area: the trend's path, closed along the bottom.
        top: the value at the upper edge; the lower edge is 0.
    """

    days: list[Day]
    daily: str
    trend: str
    area: str
    top: float
    width: int = WIDTH
    height: int = HEIGHT


@dataclass(frozen=True)
class Bar:
    """One labelled count: `share` of all, and `length` relative to the longest bar (both 0–1)."""

    label: str
    count: int
    share: float
    length: float


def line_chart(series: list[tuple[date, float | None]], lead: int = 0, trend: list[float | None] | None = None) -> LineChart:
    """A chart of `series` (one pair per day, ascending) and of its `trend` (default: its trailing means).

    The first `lead` days are not drawn; they only give the trend of the first drawn days something to look back on. At
    least one more must follow.
    """
    trend = (trend or trailing_means([value for _, value in series], TREND_DAYS))[lead:]
    series = series[lead:]
    top = _round_up(max((value for _, value in series if value is not None), default=0))
    xs = [WIDTH * place / max(len(series) - 1, 1) for place in range(len(series))]
    days = [Day(day, value, x, _height(value, top)) for (day, value), x in zip(series, xs, strict=True)]
    drawn = [(x, _height(value, top)) for x, value in zip(xs, trend, strict=True)]
    known = [(x, y) for x, y in drawn if y is not None]
    area = f"M{known[0][0]:.1f},{HEIGHT} {_path(known).replace('M', 'L', 1)} L{known[-1][0]:.1f},{HEIGHT} Z" if known else ""
    return LineChart(days, _path([(day.x, day.y) for day in days]), _path(drawn), area, top)


def trailing_means(values: list[float | None], days: int) -> list[float | None]:
    """The mean of each value and up to `days` - 1 before it, leaving out unknown ones."""
    windows = [[value for value in values[max(0, end - days) : end] if value is not None] for end in range(1, len(values) + 1)]
    return [fmean(window) if window else None for window in windows]


def trailing_ratios(numerators: list[float | None], denominators: list[float | None], days: int) -> list[float | None]:
    """The ratio of the sums up to each place over `days` days: a day with ten times the visits weighs ten times as much."""
    pairs = zip(trailing_means(numerators, days), trailing_means(denominators, days), strict=True)
    return [above / below if above is not None and below else None for above, below in pairs]


def bars(counts: list[tuple[str, int]]) -> list[Bar]:
    """Bars in the order given."""
    total, longest = sum(count for _, count in counts), max((count for _, count in counts), default=0)
    return [Bar(label, count, count / total if total else 0.0, count / longest if longest else 0.0) for label, count in counts]


def every_day(series: Iterable[tuple[date, float | Decimal | None]], last: date, days: int) -> list[tuple[date, float | None]]:
    """The `days` days up to `last`, each with its value in `series`, or None where it has none (or NaN, or infinity)."""
    known = {day: float(value) for day, value in series if value is not None and math.isfinite(value)}
    window = (last - timedelta(days=back) for back in range(days - 1, -1, -1))
    return [(day, known.get(day)) for day in window]


def _round_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten: an upper edge that reads well."""
    if value <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= value * (1 - 1e-9))


def _height(value: float | None, top: float) -> float | None:
    return None if value is None else HEIGHT * (1 - value / top)


def _path(points: list[tuple[float, float | None]]) -> str:
    """SVG path data; an unknown point interrupts the line."""
    commands, pen_is_down = [], False
    for x, y in points:
        if y is not None:
            commands.append(f"{'L' if pen_is_down else 'M'}{x:.1f},{y:.1f}")
        pen_is_down = y is not None
    return " ".join(commands)
