"""Intervals of means, and of the mean difference between two models that were judged on the same units."""

import numpy as np

CELLS = 4_000_000  # of a matrix of resamples by units that is in memory at a time
MOST_AT_A_TIME = 200


def interval_of_mean(differences: np.ndarray, level: float = 0.95, resamples: int = 2_000, seed: int = 7) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of paired differences.

    Args:
        differences: (units,) one per user or row: first model minus second.

    Returns:
        (low, high); both are the mean where fewer than two units leave nothing to draw from.
    """
    low, high = intervals_of_means(np.asarray(differences, dtype=float)[:, None], level, resamples, seed)
    return float(low[0]), float(high[0])


def intervals_of_means(values: np.ndarray, level: float = 0.95, resamples: int = 2_000, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Percentile bootstrap intervals of the means of several columns, all from the same resamples of the units.

    Args:
        values: (units, columns)

    Returns:
        (columns,) low and (columns,) high; both are the mean where fewer than two units leave nothing to draw from.

    Efron and Tibshirani, An introduction to the bootstrap, 1993.
    """
    units = len(values)
    if units < 2:
        mean = values.mean(axis=0) if units else np.zeros(values.shape[1])
        return mean, mean
    random = np.random.default_rng(seed)
    block = max(1, min(MOST_AT_A_TIME, CELLS // units))
    means = []
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = random.integers(0, units, (rows, units)) + np.arange(rows)[:, None] * units
        times = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units)
        means.append(times @ values / units)
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail], axis=0)
    return low, high
