"""How good probabilities are: pure functions of `outcome` (rows,) 0 or 1 and `probability` (rows,) from 0 to 1."""

from dataclasses import dataclass

import numpy as np

SMALLEST = 1e-7  # a probability of exactly 0 or 1 that turns out wrong costs 16 nats, not infinity


def log_losses(outcome: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """(rows,) surprise in nats, per row."""
    clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return -np.where(outcome == 1, np.log(clipped), np.log1p(-clipped))


def brier_score(outcome: np.ndarray, probability: np.ndarray) -> float:
    """Mean squared distance. Brier, Verification of forecasts expressed in terms of probability, 1950."""
    return float(np.mean((probability - outcome) ** 2))


def auc(outcome: np.ndarray, probability: np.ndarray) -> float:
    """Chance that a positive row ranks above a negative one, ties counting half; NaN where one class is missing."""
    positives = int(outcome.sum())
    negatives = len(outcome) - positives
    if not positives or not negatives:
        return float("nan")
    ranks = _middle_ranks(probability)
    return float((ranks[outcome == 1].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _middle_ranks(values: np.ndarray) -> np.ndarray:
    """(rows,) ranks from 1, equal values sharing the middle of their places."""
    _, group, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[group]


def reliability(outcome: np.ndarray, probability: np.ndarray, bins: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean probability, realised rate and rows of groups of equal size, by ascending probability; each (groups,)."""
    order = np.argsort(probability, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    means = np.array([probability[group].mean() for group in groups])
    rates = np.array([outcome[group].mean() for group in groups])
    return means, rates, np.array([len(group) for group in groups])


def expected_calibration_error(outcome: np.ndarray, probability: np.ndarray, bins: int = 10) -> float:
    """Mean distance of realised rate and mean probability over groups of equal size, weighted by rows.

    Naeini et al., Obtaining well calibrated probabilities using Bayesian binning, 2015, with equal-mass bins.
    """
    means, rates, sizes = reliability(outcome, probability, bins)
    return float(np.average(np.abs(means - rates), weights=sizes))


@dataclass(frozen=True)
class CalibrationBand:
    """What a perfectly calibrated model shows by chance alone, in `level` of all cases.

    Args:
        error_limit: its expected calibration error is not larger.
        low: (groups,) the realised rate of each group of `reliability` is not smaller,
        high: (groups,) nor larger; each group taken by itself.
    """

    error_limit: float
    low: np.ndarray
    high: np.ndarray


def calibration_band(probability: np.ndarray, bins: int = 10, level: float = 0.95, draws: int = 400, seed: int = 7) -> CalibrationBand:
    """The band around the diagonal, by drawing outcomes from the probabilities themselves.

    Bröcker and Smith, Increasing the reliability of reliability diagrams, 2007.
    """
    random = np.random.default_rng(seed)
    groups = [group for group in np.array_split(np.sort(probability, kind="stable"), bins) if len(group)]
    means, sizes = np.array([group.mean() for group in groups]), np.array([len(group) for group in groups])
    rates = np.array([[(random.random(len(group)) < group).mean() for group in groups] for _ in range(draws)])
    errors = np.average(np.abs(rates - means), axis=1, weights=sizes)
    tail = (1 - level) / 2
    low, high = np.quantile(rates, [tail, 1 - tail], axis=0)
    return CalibrationBand(float(np.quantile(errors, level)), low, high)
