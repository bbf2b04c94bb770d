"""What all predictors share: two verbs, `fit` and `predict`."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Self

import numpy as np

from training.features import Features


class Predictor(ABC):
    """A model that gives each row of features the probability of a yes, or an expected amount.

    Whatever it does to the features beforehand, it learns from the rows that `fit` is given and from no other.

    Args:
        params: the frozen dataclass beside each model; with the model's name it is the recipe.

    Example:
        >>> model = Model(Params()).fit(features, outcome)
        >>> model.predict(features)  # (rows,) not calibrated
    """

    params: Any

    @abstractmethod
    def fit(self, features: Features, outcome: np.ndarray) -> Self:
        """Learn from features and (rows,) outcomes: 0 and 1, or amounts."""

    @classmethod
    @abstractmethod
    def tuned(cls, params: Any, training: tuple[Features, np.ndarray], validation: tuple[Features, np.ndarray]) -> "Predictor":
        """The fitted model whose parameters have the smallest loss on the validation rows, starting from `params`."""

    @abstractmethod
    def predict(self, features: Features) -> np.ndarray:
        """(rows,) float64 probabilities or amounts."""

    @abstractmethod
    def contributions(self, features: Features, reference: Features) -> np.ndarray:
        """(rows, features) Shapley values of the model's score, the log-odds or the logarithm of the amount, against one reference row."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what `load` needs into an existing folder, without pickle."""

    @classmethod
    @abstractmethod
    def load(cls, params: Any, folder: Path) -> Self: ...
