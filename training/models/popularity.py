"""The recommender that knows nobody: what many people touched lately."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from training import arrays
from training.history import History
from training.models.recommender import Answers, Recommender

HALF_LIVES_TRIED = (3.0, 7.0, 14.0, 30.0, 60.0)


@dataclass(frozen=True)
class Params:
    half_life_days: float = 14.0  # a person whose last touch is so old counts half


class Model(Recommender):
    """Time-decayed popularity: the number of people, each fading since their last touch of the item."""

    def __init__(self, params: Params) -> None:
        self.params = params
        self.popularity = np.empty(0, np.float32)  # (items,)

    def fit(self, history: History) -> Self:
        self.popularity = popularity(history, self.params.half_life_days)
        return self

    @classmethod
    def tuned(cls, params: Params, history: History, judge: Callable[[Recommender], np.ndarray]) -> "Model":
        models = [cls(replace(params, half_life_days=each)).fit(history) for each in HALF_LIVES_TRIED]
        return max(models, key=lambda model: judge(model).mean())

    def answers(self, history: History) -> "PopularAnswers":
        return PopularAnswers(self, history)

    def save(self, folder: Path) -> None:
        arrays.save(folder / "popularity.npz", popularity=self.popularity)

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        model = cls(params)
        model.popularity = arrays.load(folder / "popularity.npz")["popularity"]
        return model


class PopularAnswers(Answers):
    """The same for everybody, and without a reason of the user's own."""

    def __init__(self, model: Model, history: History) -> None:
        super().__init__(history)
        self.shared = np.where(model.popularity > 0, model.popularity, -np.inf).astype(np.float32)  # what nobody touched is not popular

    def scores(self, users: np.ndarray) -> np.ndarray:
        return np.tile(self.shared, (len(users), 1))

    def reasons(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        return np.full(items.shape, -1, np.int32)


def popularity(history: History, half_life_days: float) -> np.ndarray:
    """(items,) people who touched each item, faded by the age of their last touch."""
    counted = np.bincount(history.item, weights=history.decay(half_life_days), minlength=len(history.catalogue))
    return counted.astype(np.float32)
