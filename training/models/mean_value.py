"""The predictor of amounts that knows nobody: the same for all, the mean of the training rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from training import arrays
from training.features import Features
from training.models.predictor import Predictor


@dataclass(frozen=True)
class Params:
    pass


class Model(Predictor):
    """What any other predictor of amounts has to beat."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.mean = 0.0

    def fit(self, features: Features, outcome: np.ndarray) -> Self:
        self.mean = float(outcome.mean())
        return self

    @classmethod
    def tuned(cls, params: Params, training: tuple[Features, np.ndarray], validation: tuple[Features, np.ndarray]) -> "Model":
        return cls(params).fit(*training)

    def predict(self, features: Features) -> np.ndarray:
        return np.full(len(features), self.mean)

    def contributions(self, features: Features, reference: Features) -> np.ndarray:
        return np.zeros((len(features), len(features.names)))

    def save(self, folder: Path) -> None:
        arrays.save_json(folder / "mean_value.json", {"mean": self.mean})

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        model = cls(params)
        model.mean = arrays.load_json(folder / "mean_value.json")["mean"]
        return model
