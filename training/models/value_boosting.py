"""Gradient boosting for amounts: each tree corrects the logarithm of the expectation, by Poisson deviance."""

from typing import Any

import numpy as np

from training.models import gradient_boosting

Params = gradient_boosting.Params


class Model(gradient_boosting.Model):
    """The expected amount of each row; many amounts may be 0."""

    @staticmethod
    def estimator(**options: Any) -> Any:
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(loss="poisson", **options)

    @staticmethod
    def from_score(score: np.ndarray) -> np.ndarray:
        return np.exp(score)
