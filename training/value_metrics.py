"""How good expected amounts are: pure functions of `outcome` (rows,) from 0 up and `expected` (rows,) above 0."""

import numpy as np

SMALLEST = 1e-6  # an expectation of 0 that turns out wrong would cost infinity


def poisson_deviances(outcome: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """(rows,) deviance of each row, smallest on average where the expectation is right, in the unit of the amounts.

    McCullagh and Nelder, Generalized linear models, 1989. Unlike the absolute error it cannot be gamed by rounding down.
    """
    expected = np.maximum(expected, SMALLEST)
    told = np.zeros(len(outcome))
    some = outcome > 0
    told[some] = outcome[some] * np.log(outcome[some] / expected[some])
    return 2 * (told - outcome + expected)


def root_mean_squared_error(outcome: np.ndarray, expected: np.ndarray) -> float:
    return float(np.sqrt(np.mean((outcome - expected) ** 2)))


def total_bias(outcome: np.ndarray, expected: np.ndarray) -> float:
    """How much of the total is expected too much (above 0) or too little; NaN where the total is 0."""
    return float(expected.sum() / outcome.sum() - 1) if outcome.sum() > 0 else float("nan")


def normalised_gini(outcome: np.ndarray, expected: np.ndarray) -> float:
    """From 0 (an order by chance) to 1 (by the amounts themselves): how well large amounts are put on top; NaN where all are alike.

    Wang, Liu and Miao, A deep probabilistic model for customer lifetime value prediction, 2019.
    """
    best = _gini(outcome, outcome)
    return _gini(outcome, expected) / best if best > 0 else float("nan")


def _gini(outcome: np.ndarray, by: np.ndarray) -> float:
    """Area between the curve of the amounts that the largest expectations hold and the diagonal; equal ones share theirs."""
    if outcome.sum() <= 0:
        return float("nan")
    _, group, count = np.unique(-by, return_inverse=True, return_counts=True)
    held = np.cumsum(np.bincount(group, outcome)) / outcome.sum()
    share = np.cumsum(count) / len(by)
    return float(np.trapezoid(np.concatenate([[0], held]), np.concatenate([[0], share])) - 0.5)
