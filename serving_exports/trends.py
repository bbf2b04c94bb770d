"""Daily series as people read them: every day has a place, and the week behind each day says where it goes."""

import math
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal
from statistics import fmean

TREND_DAYS = 7  # shops have weeks: the mean over one shows the trend that single days hide


def trailing_means(values: list[float | None], days: int) -> list[float | None]:
    """The mean of each value and up to `days` - 1 before it, leaving out unknown ones."""
    windows = [[value for value in values[max(0, end - days) : end] if value is not None] for end in range(1, len(values) + 1)]
    return [fmean(window) if window else None for window in windows]


def trailing_ratios(numerators: list[float | None], denominators: list[float | None], days: int) -> list[float | None]:
    """The ratio of the sums up to each place over `days` days: a day with ten times the visits weighs ten times as much."""
    pairs = zip(trailing_means(numerators, days), trailing_means(denominators, days), strict=True)
    return [above / below if above is not None and below else None for above, below in pairs]


def every_day(series: Iterable[tuple[date, float | Decimal | None]], last: date, days: int) -> list[tuple[date, float | None]]:
    """The `days` days up to `last`, each with its value in `series`, or None where it has none (or NaN, or infinity)."""
    known = {day: float(value) for day, value in series if value is not None and math.isfinite(value)}
    window = (last - timedelta(days=back) for back in range(days - 1, -1, -1))
    return [(day, known.get(day)) for day in window]
