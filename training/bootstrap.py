"""The interval of a mean difference between two models that were judged on the same units."""

import numpy as np

BLOCK = 200  # resamples drawn at a time: bounds the memory


def interval_of_mean(differences: np.ndarray, level: float = 0.95, resamples: int = 2_000, seed: int = 7) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean of paired differences.

    Args:
        differences: (units,) one per user or row: first model minus second.

    Returns:
        (low, high); both are the mean where fewer than two units leave nothing to draw from.

    Efron and Tibshirani, An introduction to the bootstrap, 1993.
    """
    if len(differences) < 2:
        mean = float(np.mean(differences)) if len(differences) else 0.0
        return mean, mean
    random = np.random.default_rng(seed)
    means = []
    for start in range(0, resamples, BLOCK):
        drawn = random.integers(0, len(differences), (min(BLOCK, resamples - start), len(differences)))
        means.append(differences[drawn].mean(axis=1))
    tail = (1 - level) / 2
    low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
    return float(low), float(high)
