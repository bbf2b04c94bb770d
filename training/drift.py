"""How the base rate has moved on since the newest answers: a declared correction of calibrated probabilities.

A curve that is calibrated on the newest labelled snapshots is at least a horizon old on the day it is used. The trend of the
log-odds of the rate over the snapshots labelled by then is followed from the middle of those to the newest, and from there on
to that day half-way: in full it would overshoot where a trend ends. Gardner and McKenzie, Forecasting trends in time series,
1985, on damping.
"""

from datetime import date

import numpy as np

from training.calibration import log_odds

DAMPING = 0.5
MOST_SNAPSHOTS, FEWEST_SNAPSHOTS = 8, 4  # that a trend is made of


def shift(days: list[date], positives: np.ndarray, rows: np.ndarray, calibrated: list[date], day: date) -> float:
    """Log-odds to add on `day` to what was calibrated on some of `days`; 0 where too few snapshots show no trend.

    Args:
        days: the as-of days whose answers are known, ascending.
        calibrated: those of them that the curve was fitted on.
        positives: (days,) of the rows of each.
        rows: (days,)
    """
    if len(days) < FEWEST_SNAPSHOTS:
        return 0.0
    ages = np.array([(each - days[-1]).days for each in days[-MOST_SNAPSHOTS:]])
    rates = log_odds((positives[-MOST_SNAPSHOTS:] + 1) / (rows[-MOST_SNAPSHOTS:] + 2))  # one yes and one no added: no rate is 0 or 1
    slope = float(np.polyfit(ages, rates, 1)[0])
    known_days = np.mean([(days[-1] - each).days for each in calibrated])
    return slope * (float(known_days) + DAMPING * (day - days[-1]).days)
