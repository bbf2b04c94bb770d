"""What a fit was worth on the window after its cut-off."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Judgement:
    """The metrics of one fit, and the single gains behind the deciding one.

    Args:
        metrics: name to value, the same names for every candidate of a task.
        units: (units,) the users that were judged on, the same for every candidate at one cut-off.
        gains: (units,) the deciding metric of each, turned so that higher is better; what a bootstrap draws from.
        chances: (units, 2) outcome and probability, for predictors.
        slices: for recommenders, one row per kind of users or items: `slice`, `users`, and metrics by their names (None where
            nobody is in it); the same names for every candidate.
    """

    metrics: dict[str, float]
    units: np.ndarray
    gains: np.ndarray
    chances: np.ndarray | None = None
    slices: list[dict[str, Any]] = field(default_factory=list)
