"""Logistic regression: one weight per feature."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

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
        from sklearn.linear_model import LogisticRegression

        self.encoder = Encoder.fitted(features)
        # many rows, few columns: Newton steps with a Cholesky factor take a tenth of the default's time
        regression = LogisticRegression(C=self.params.inverse_penalty, solver="newton-cholesky", max_iter=100)
        fitted = regression.fit(self._columns(features), outcome)
        self.weights, self.shift = fitted.coef_[0], float(fitted.intercept_[0])
        return self

    @classmethod
    def tuned(cls, params: Params, training: tuple[Features, np.ndarray], validation: tuple[Features, np.ndarray]) -> "Model":
        models = [cls(replace(params, inverse_penalty=each)).fit(*training) for each in STRENGTHS_TRIED]
        return min(models, key=lambda model: log_losses(validation[1], model.predict(validation[0])).mean())

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
