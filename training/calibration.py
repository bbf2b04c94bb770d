"""Making probabilities mean what they say, on rows that the model was not fitted on."""

from dataclasses import dataclass

import numpy as np

from training.probability_metrics import SMALLEST

POSITIVES_FOR_ISOTONIC = 1_000  # below this, a curve of two numbers is steadier than a staircase


@dataclass(frozen=True)
class Calibrator:
    """A rising curve from a model's probability to a calibrated one: straight lines between marks, on the log-odds scale.

    Args:
        marks: (n,) log-odds of the model, ascending.
        levels: (n,) calibrated log-odds at the marks.
        drift: log-odds added after that, for how the base rate has moved on since (training/drift.py).
    """

    marks: np.ndarray
    levels: np.ndarray
    drift: float = 0.0

    def apply(self, probability: np.ndarray) -> np.ndarray:
        """(rows,) calibrated probabilities."""
        return _sigmoid(np.interp(log_odds(probability), self.marks, self.levels) + self.drift)


def fit(outcome: np.ndarray, probability: np.ndarray) -> Calibrator:
    """Isotonic regression where there are positives enough, else Platt's two numbers.

    Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates, 2002;
    Platt, Probabilistic outputs for support vector machines, 1999.
    """
    return _isotonic(outcome, probability) if outcome.sum() >= POSITIVES_FOR_ISOTONIC else _platt(outcome, probability)


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
