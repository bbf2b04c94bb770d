"""Gradient boosting for amounts: each tree corrects the logarithm of the expectation, by Poisson deviance."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from training.models import gradient_boosting
from training.value_metrics import poisson_deviances

Params = gradient_boosting.Params


class Model(gradient_boosting.Model):
    """The expected amount of each row; many amounts may be 0."""

    losses_of = staticmethod(poisson_deviances)

    @staticmethod
    def estimator(**options: Any) -> Any:
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(loss="poisson", **options)

    @staticmethod
    def stages(boosted: Any, columns: np.ndarray) -> Iterator[np.ndarray]:
        return boosted.staged_predict(columns)

    @staticmethod
    def from_score(score: np.ndarray) -> np.ndarray:
        return np.exp(score)
