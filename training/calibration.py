"""Making probabilities and expected amounts mean what they say, on rows that the model was not fitted on."""

from dataclasses import dataclass

import numpy as np

from training.probability_metrics import SMALLEST

POSITIVES_FOR_ISOTONIC = 1_000  # below this, a curve of two numbers is steadier than a staircase


@dataclass(frozen=True)
class Calibrator:
    """A rising curve from what a model says to what is published: straight lines between marks, on the scale that effects add up on.

    Args:
        marks: (n,) log-odds of the model's probability, or logarithms of its amount, ascending.
        levels: (n,) calibrated, on the same scale, at the marks.
        drift: added after that, for how the level has moved on since (training/drift.py).
        is_amount: whether the scale is that of amounts.
    """

    marks: np.ndarray
    levels: np.ndarray
    drift: float = 0.0
    is_amount: bool = False

    def apply(self, predicted: np.ndarray) -> np.ndarray:
        """(rows,) calibrated probabilities or amounts."""
        said = _log(predicted) if self.is_amount else log_odds(predicted)
        meant = np.interp(said, self.marks, self.levels) + self.drift
        return np.exp(meant) if self.is_amount else _sigmoid(meant)


def fit(outcome: np.ndarray, probability: np.ndarray) -> Calibrator:
    """Isotonic regression where there are positives enough, else Platt's two numbers.

    Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, 2002;
    Platt, Probabilistic outputs for support vector machines, 1999.
    """
    return _isotonic(outcome, probability) if outcome.sum() >= POSITIVES_FOR_ISOTONIC else _platt(outcome, probability)


def fit_amounts(outcome: np.ndarray, expected: np.ndarray) -> Calibrator:
    """Slope and shift of the logarithm by Poisson regression: the total comes out right, and so do large and small amounts."""
    inputs = np.column_stack([_log(expected), np.ones(len(outcome))])
    ends = np.array([np.log(SMALLEST), -np.log(SMALLEST)])
    if outcome.sum() <= 0:
        return Calibrator(ends, np.full(2, ends[0]), is_amount=True)
    weights = np.array([1.0, np.log(outcome.sum() / expected.sum())])
    for _ in range(25):
        fitted = np.exp(np.clip(inputs @ weights, *ends))
        curvature = (inputs * fitted[:, None]).T @ inputs + 1e-6 * np.eye(2)
        weights = weights + np.clip(np.linalg.solve(curvature, inputs.T @ (outcome - fitted)), -1, 1)
    if weights[0] <= 0:  # a falling curve would turn the model's order around: then only the level is kept
        weights = np.array([0.0, np.log(outcome.mean())])
    return Calibrator(ends, ends * weights[0] + weights[1], is_amount=True)


def _log(amount: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(amount, SMALLEST))


def log_odds(probability: np.ndarray) -> np.ndarray:
    clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
    return np.log(clipped) - np.log1p(-clipped)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def _platt(outcome: np.ndarray, probability: np.ndarray) -> Calibrator:
    """Slope and shift of the log-odds by Newton steps, with Platt's softened outcomes against certainty."""
    positives = outcome.sum()
    negatives = len(outcome) - positives
    wanted = np.where(outcome == 1, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    inputs = np.column_stack([log_odds(probability), np.ones(len(outcome))])
    weights = np.array([1.0, 0.0])
    for _ in range(25):
        fitted = _sigmoid(inputs @ weights)
        slope = inputs.T @ (wanted - fitted)
        curvature = (inputs * (fitted * (1 - fitted))[:, None]).T @ inputs + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, slope)
        weights = weights + np.clip(step, -1, 1)
    marks = log_odds(np.array([0.0, 1.0]))
    # a falling curve would turn the model's order around: then only the level is kept
    slope, shift = (weights[0], weights[1]) if weights[0] > 0 else (0.0, log_odds(np.array(wanted.mean())))
    return Calibrator(marks, marks * slope + shift)


def _isotonic(outcome: np.ndarray, probability: np.ndarray) -> Calibrator:
    from sklearn.isotonic import IsotonicRegression

    marks = log_odds(probability)
    # one row of each kind at the ends keeps the curve from claiming certainty
    fitted = IsotonicRegression(y_min=1 / (len(outcome) + 2), y_max=1 - 1 / (len(outcome) + 2)).fit(marks, outcome)
    return Calibrator(fitted.X_thresholds_, log_odds(fitted.y_thresholds_))
