"""The predictor that knows nobody: the same probability for all, the share of positives among the training rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from training import arrays
from training.features import Features
from training.models.predictor import Predictor


@dataclass(frozen=True)
class Params:
    prior_rows: float = 2.0  # rows of rate one half added, so that no rate is 0 or 1


class Model(Predictor):
    """What any other predictor has to beat."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.rate = 0.5

    def fit(self, features: Features, outcome: np.ndarray) -> Self:
        self.rate = float((outcome.sum() + self.params.prior_rows / 2) / (len(outcome) + self.params.prior_rows))
        return self

    @classmethod
    def tuned(cls, params: Params, training: tuple[Features, np.ndarray], validation: tuple[Features, np.ndarray]) -> "Model":
        return cls(params).fit(*training)

    def predict(self, features: Features) -> np.ndarray:
        return np.full(len(features), self.rate)

    def contributions(self, features: Features, reference: Features) -> np.ndarray:
        return np.zeros((len(features), len(features.names)))

    def save(self, folder: Path) -> None:
        arrays.save_json(folder / "base_rate.json", {"rate": self.rate})

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        model = cls(params)
        model.rate = arrays.load_json(folder / "base_rate.json")["rate"]
        return model
