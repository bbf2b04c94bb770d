"""What the two kinds of targets do not share: how answers are judged, how a fit is calibrated, and on which scale effects add up."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training import calibration, drift, probability_metrics, value_metrics
from training.calibration import Calibrator
from training.judgement import Judgement


@dataclass(frozen=True)
class Objective:
    """One kind of target.

    Args:
        metric: name of the mean loss that decides; the smallest wins.
        column: of `user_predictions`, that predictions are written to.
        losses: (rows,) outcome and prediction to (rows,) losses.
        calibrated: (rows,) outcome and prediction to a curve.
        judge: (rows,) people, outcome and prediction to what the predictions are worth.
        trend: how much the level has moved on (training/drift.py); None where no trend is followed.
        words: of what has no rows, in a sentence.
    """

    metric: str
    column: str
    losses: Callable[[np.ndarray, np.ndarray], np.ndarray]
    calibrated: Callable[[np.ndarray, np.ndarray], Calibrator]
    judge: Callable[[np.ndarray, np.ndarray, np.ndarray], Judgement]
    trend: Callable[..., float] | None
    words: str


def judge_probabilities(users: np.ndarray, outcome: np.ndarray, probability: np.ndarray) -> Judgement:
    """Log loss, AUC, Brier score and expected calibration error of (rows,) probabilities.

    `calibration_error_limit` is what the error of a perfectly calibrated model on as many rows stays below, 19 times of 20.
    """
    losses = probability_metrics.log_losses(outcome, probability)
    metrics = {
        "log_loss": losses.mean(),
        "auc": probability_metrics.auc(outcome, probability),
        "brier_score": probability_metrics.brier_score(outcome, probability),
        "expected_calibration_error": probability_metrics.expected_calibration_error(outcome, probability),
        "calibration_error_limit": probability_metrics.calibration_band(probability).error_limit,
        "positive_rate": outcome.mean(),
        "mean_probability": probability.mean(),
        "prediction_spread": probability.std(),
    }
    return Judgement(_rounded(metrics), users, -losses, chances=np.column_stack([outcome, probability]))


def judge_values(users: np.ndarray, outcome: np.ndarray, expected: np.ndarray) -> Judgement:
    """Poisson deviance, RMSE, bias of the total and normalised Gini of (rows,) expected amounts."""
    deviances = value_metrics.poisson_deviances(outcome, expected)
    metrics = {
        "poisson_deviance": deviances.mean(),
        "root_mean_squared_error": value_metrics.root_mean_squared_error(outcome, expected),
        "total_bias": value_metrics.total_bias(outcome, expected),
        "normalised_gini": value_metrics.normalised_gini(outcome, expected),
        "mean_value": outcome.mean(),
        "mean_expected_value": expected.mean(),
        "prediction_spread": expected.std(),
    }
    return Judgement(_rounded(metrics), users, -deviances)


def _rounded(metrics: dict[str, float]) -> dict[str, float]:
    return {name: round(float(value), 6) for name, value in metrics.items()}


OBJECTIVES = {
    "probability": Objective(
        metric="log_loss",
        column="probability",
        losses=probability_metrics.log_losses,
        calibrated=calibration.fit,
        judge=judge_probabilities,
        trend=drift.shift,
        words="no probabilities",
    ),
    # amounts of few and long windows have no trend that could be told from noise
    "value": Objective(
        metric="poisson_deviance",
        column="expected_value",
        losses=value_metrics.poisson_deviances,
        calibrated=calibration.fit_amounts,
        judge=judge_values,
        trend=None,
        words="no expected amounts",
    ),
}
