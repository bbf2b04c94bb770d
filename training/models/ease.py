"""EASE: the linear item-to-item weights that rebuild everybody's history best when no item may stand for itself.

One inverse of an items × items matrix gives them, so the catalogue must fit in memory; beyond `MOST_ITEMS` it is no candidate. A user's
score is the sum of the weights of the own items, and the head adds what an item says for itself.

Steck, Embarrassingly shallow autoencoders for sparse data, 2019.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy import linalg, sparse

import steps
from training import arrays
from training.history import History
from training.models.history_sum import HistorySum

MOST_ITEMS = 10_000  # of a candidate: 0.4 GB a matrix, and half a minute for each inverse
MOST_FITTED = 2 * MOST_ITEMS  # a champion goes on scoring while the catalogue grows, until a training replaces it


@dataclass(frozen=True)
class Params:
    ridge: float = 100.0  # what weights cost; more for sparser histories
    half_life_days: float = 30.0  # how fast an item of the history fades in the user's sum
    least_weight: float = 0.1  # what the oldest item still counts
    head: dict[str, float] = field(default_factory=dict)  # set by `tuned`; empty: the model's score alone


class Model(HistorySum):
    """Sums of item-to-item weights, plus the head's terms."""

    TRIED: ClassVar[dict[str, tuple[float, ...]]] = {"ridge": (20.0, 500.0), "half_life_days": (7.0, 120.0)}
    FITTED = frozenset({"ridge"})

    def __init__(self, params: Params) -> None:
        self.params = params
        self.weights = np.empty((0, 0), np.float32)  # (items, items) row: an item of the history; 0 on the diagonal

    @classmethod
    def shortfall(cls, history: History) -> str | None:
        items = len(history.catalogue)
        return f"{items} items, of which {MOST_ITEMS} fit" if items > MOST_ITEMS else None

    def fit(self, history: History) -> Self:
        if len(history.catalogue) > MOST_FITTED:
            raise steps.StepError(f"ease: {len(history.catalogue)} items, of which {MOST_FITTED} fit")
        touched = history.matrix(np.ones(len(history.item)))
        gram = (touched.T @ touched).toarray()
        gram[np.diag_indices_from(gram)] += self.params.ridge
        inverse = linalg.inv(gram, overwrite_a=True, check_finite=False)
        self.weights = -inverse / np.diag(inverse)
        np.fill_diagonal(self.weights, 0)
        return self

    def with_params(self, **changes: Any) -> Self:
        model = type(self)(replace(self.params, **changes))
        model.weights = self.weights
        return model

    def model_scores(self, query: sparse.csr_array) -> np.ndarray:
        return query @ self.weights

    def likeness(self, touched: np.ndarray, shown: np.ndarray) -> np.ndarray:
        return self.weights[np.ix_(touched, shown)]

    def save(self, folder: Path) -> None:
        arrays.save(folder / "weights.npz", weights=self.weights)

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        model = cls(params)
        model.weights = arrays.load(folder / "weights.npz")["weights"]
        return model
