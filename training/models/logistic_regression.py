"""Logistic regression: one weight per feature."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from training import arrays
from training.features import Features
from training.models.predictor import Predictor
from training.preprocessing import Encoder
from training.probability_metrics import log_losses

STRENGTHS_TRIED = (0.003, 0.03, 0.3)


@dataclass(frozen=True)
class Params:
    inverse_penalty: float = 0.03  # scikit-learn's C: smaller is smoother


class Model(Predictor):
    """Weights on the places of numbers, their squares, and the words that a row has, with an L2 penalty."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.encoder: Encoder | None = None
        self.weights = np.empty(0)  # (columns,)
        self.shift = 0.0

    def fit(self, features: Features, outcome: np.ndarray) -> Self:
        self.encoder = Encoder.fitted(features)
        self._learn(_regression(), self._columns(features), outcome)
        return self

    @classmethod
    def tuned(cls, params: Params, training: tuple[Features, np.ndarray], validation: tuple[Features, np.ndarray]) -> "Model":
        models = [cls(replace(params, inverse_penalty=each)) for each in STRENGTHS_TRIED]
        models[0].encoder = Encoder.fitted(training[0])
        columns, regression = models[0]._columns(training[0]), _regression(warm_start=True)
        for model in models:
            model.encoder = models[0].encoder
            # from the smoothest on, each begins where the one before ended: the weights are near already
            model._learn(regression, columns, training[1])
        return min(models, key=lambda model: log_losses(validation[1], model.predict(validation[0])).mean())

    def _learn(self, regression: Any, columns: np.ndarray, outcome: np.ndarray) -> None:
        from threadpoolctl import threadpool_limits

        regression.C = self.params.inverse_penalty
        # beside another task of the night a second thread mostly waits, spinning; and sums of one do not depend on the machine
        with threadpool_limits(1, user_api="blas"):
            fitted = regression.fit(columns, outcome)
        self.weights, self.shift = fitted.coef_[0].copy(), float(fitted.intercept_[0])

    def _columns(self, features: Features) -> np.ndarray:
        places = self.encoder.numbers(features)
        return np.concatenate([places, places**2, self.encoder.indicators(features)], axis=1).astype(np.float64)

    def predict(self, features: Features) -> np.ndarray:
        return 1 / (1 + np.exp(-(self._columns(features) @ self.weights + self.shift)))

    def contributions(self, features: Features, reference: Features) -> np.ndarray:
        """Exact: each column belongs to one feature, and the log-odds are their sum."""
        effect = (self._columns(features) - self._columns(reference)) * self.weights
        numbers = self.encoder.feature_of_numbers
        feature = np.concatenate([numbers, numbers, self.encoder.feature_of_indicators])
        result = np.zeros((len(features), len(features.names)))
        np.add.at(result.T, feature, effect.T)
        return result

    def save(self, folder: Path) -> None:
        arrays.save(folder / "encoder.npz", **self.encoder.to_arrays())
        arrays.save(folder / "weights.npz", weights=self.weights, shift=np.array(self.shift))

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        stored = arrays.load(folder / "weights.npz")
        model = cls(params)
        model.encoder = Encoder.from_arrays(arrays.load(folder / "encoder.npz"))
        model.weights, model.shift = stored["weights"], float(stored["shift"])
        return model


def _regression(**options: Any) -> Any:
    from sklearn.linear_model import LogisticRegression

    # many rows, few columns: Newton steps with a Cholesky factor take a tenth of the default's time
    return LogisticRegression(solver="newton-cholesky", max_iter=100, **options)
