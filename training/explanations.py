"""Why a prediction is what it is: Shapley values against the typical person.

What a person's prediction is above or below that of the typical person of the day (medians, and the most frequent words) is
divided among the features, before calibration, on the scale that effects add up on (log-odds, or the logarithm of an amount).
Shapley, A value for n-person games, 1953; Sundararajan and Najmi, The many Shapley values for model explanation, 2020 (the
"baseline" kind). Each model knows the quickest way to its own: exact for regressions and trees, sampled for networks.
"""

import numpy as np

from training.features import Features
from training.models.predictor import Predictor

REASONS = 3
SMALLEST_EFFECT = 1e-6


def contributions(model: Predictor, features: Features) -> np.ndarray:
    """(rows, features) what each feature adds to the difference from the typical row."""
    return model.contributions(features, typical_row(features))


def typical_row(features: Features) -> Features:
    """One row: what is usual in each column."""
    numeric = np.array([[typical(column) for column in features.numeric.T]]).reshape(1, -1)
    categorical = np.array([[typical(column) for column in features.categorical.T]], dtype=features.categorical.dtype).reshape(1, -1)
    return Features(features.numeric_names, numeric, features.categorical_names, categorical)


def typical(column: np.ndarray) -> float | str:
    """The median of numbers, unknown where most are unknown; the most frequent word, the first by alphabet among equals."""
    if column.dtype.kind == "f":
        known = column[np.isfinite(column)]
        return float(np.median(known)) if 2 * len(known) >= len(column) and len(known) else float("nan")
    words, counts = np.unique(column, return_counts=True)
    return str(words[np.argmax(counts)])


def top_reasons(values: np.ndarray, features: Features, words: dict[str, str]) -> list[list[str]]:
    """For each row the features with the largest contributions, in words: 'days since the last order: 3 (raises)'.

    Fewer than three where fewer have any effect: a model that treats all alike has no reasons.
    """
    order = np.argsort(-np.abs(values.round(6)), axis=1, kind="stable")[:, :REASONS]
    columns = {name: features.column(name) for name in features.names}
    return [
        [
            f"{words[name]}: {_value(columns[name][row])} ({'raises' if values[row, place] > 0 else 'lowers'})"
            for place, name in ((place, features.names[place]) for place in order[row])
            if abs(values[row, place]) > SMALLEST_EFFECT
        ]
        for row in range(len(features))
    ]


def importance(values: np.ndarray, features: Features, words: dict[str, str], most: int = 15) -> dict[str, float]:
    """The features that move predictions most, in words, with their mean absolute contribution, the largest first."""
    mean = np.abs(values).mean(axis=0).round(6) if len(values) else np.zeros(values.shape[1])
    order = np.argsort(-mean, kind="stable")[:most]
    return {words[features.names[place]]: float(mean[place]) for place in order if mean[place] > 0}


def _value(value: float | str) -> str:
    if isinstance(value, str):
        return value or "unknown"
    if not np.isfinite(value):
        return "none"
    return f"{value:.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"
