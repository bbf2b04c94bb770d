"""Why a prediction is what it is: single-feature occlusion.

Each feature of a user is replaced by the population's typical value, and what that does to the log-odds of the model
(before calibration, which only bends the scale) is that feature's effect. Zeiler and Fergus, Visualizing and
understanding convolutional networks, 2014, on columns instead of pixels. Features that matter only together share no
credit under this method: each is replaced alone.
"""

import numpy as np

from training.calibration import log_odds
from training.features import Features
from training.models.predictor import Predictor

REASONS = 3
SMALLEST_EFFECT = 1e-6


def effects(model: Predictor, features: Features) -> np.ndarray:
    """(rows, features) log-odds with the user's own value minus log-odds with the typical one."""
    own = log_odds(model.predict(features))
    result = np.zeros((len(features), len(features.names)))
    for place, name in enumerate(features.names):
        column = features.column(name)
        usual = typical(column)
        differs = np.flatnonzero(_differs(column, usual))
        if len(differs):
            replaced = features.take(differs).with_value(name, usual)
            result[differs, place] = own[differs] - log_odds(model.predict(replaced))
    return result


def typical(column: np.ndarray) -> float | str:
    """The median of numbers, unknown where most are unknown; the most frequent word, the first by alphabet among equals."""
    if column.dtype.kind == "f":
        known = column[np.isfinite(column)]
        return float(np.median(known)) if 2 * len(known) >= len(column) and len(known) else float("nan")
    words, counts = np.unique(column, return_counts=True)
    return str(words[np.argmax(counts)])


def _differs(column: np.ndarray, usual: float | str) -> np.ndarray:
    same = column == usual
    if column.dtype.kind == "f" and np.isnan(usual):
        same = np.isnan(column)
    return ~same


def top_reasons(model: Predictor, features: Features, words: dict[str, str]) -> list[list[str]]:
    """For each row the features with the largest effects, in words: 'days since the last order: 3 (raises)'.

    Fewer than three where fewer have any effect: a model that treats all alike has no reasons.
    """
    effect = effects(model, features)
    order = np.argsort(-np.abs(effect.round(6)), axis=1, kind="stable")[:, :REASONS]
    columns = {name: features.column(name) for name in features.names}
    return [
        [
            f"{words[name]}: {_value(columns[name][row])} ({'raises' if effect[row, place] > 0 else 'lowers'})"
            for place, name in ((place, features.names[place]) for place in order[row])
            if abs(effect[row, place]) > SMALLEST_EFFECT
        ]
        for row in range(len(features))
    ]


def _value(value: float | str) -> str:
    if isinstance(value, str):
        return value or "unknown"
    if not np.isfinite(value):
        return "none"
    return f"{value:.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"
