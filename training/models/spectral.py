"""Spectral factorization: the strongest directions of who touched what, without a gradient step.

People and items are damped by powers of how often they occur, the leading singular vectors of that matrix are found by
block power iteration, and a power of the singular values weighs them: a filter of the spectrum, which keeps what many
people agree on. A user is the weighted sum of the vectors of the own items.

Shen et al., How powerful is graph convolution for recommendation?, 2021 (graph filters as a recommender);
Peng et al., Less is more: reweighting important spectral graph features for recommendation, 2022 (weights of directions).
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from training import arrays
from training.history import History
from training.models import singular_vectors
from training.models.history_sum import HistorySum


@dataclass(frozen=True)
class Params:
    rank: int = 1024  # singular vectors; a small catalogue has fewer
    iterations: int = 3  # of the power method
    user_exponent: float = 0.3  # how much a person with many items counts less in each of them
    item_exponent: float = 0.4  # the same of items, in what is factored and in a history
    shown_exponent: float = 0.3  # popularity given back to the items that are scored
    filter_exponent: float = 0.0  # of the singular values; at 0 all directions count alike
    half_life_days: float = 30.0  # how fast an item of the history fades in the user's vector
    least_weight: float = 0.1  # what the oldest item still counts
    head: dict[str, float] = field(default_factory=dict)  # set by `tuned`; empty: the model's score alone


class Model(HistorySum):
    """Dot products of the vectors of a history's items and of the items that could be shown.

    Example:
        >>> model = Model.tuned(Params(), history, judge)
        >>> model.recommend(history, history.buyers, k=10)
    """

    TRIED: ClassVar[dict[str, tuple[float, ...]]] = {
        "user_exponent": (0.15, 0.45),
        "item_exponent": (0.3, 0.5),
        "shown_exponent": (0.1, 0.4),
        "filter_exponent": (0.3, 0.7),
        "rank": (64, 256),
        "half_life_days": (7.0, 120.0),
    }
    FITTED = frozenset({"user_exponent", "item_exponent"})

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touches = np.empty(0, np.float32)  # (items,) people who touched each, at least 1
        self.singular_values = np.empty(0, np.float32)  # (rank,) descending
        self.singular_vectors = np.empty((0, 0), np.float32)  # (items, rank)
        self.of_history = self.of_shown = self.singular_vectors  # (items, rank), as the parameters weigh them

    def fit(self, history: History) -> Self:
        params = self.params
        self.touches = np.maximum(np.bincount(history.item, minlength=len(history.catalogue)), 1).astype(np.float32)
        users = np.diff(history.offsets).astype(np.float32) ** -params.user_exponent
        damped = np.repeat(users, np.diff(history.offsets)) * self.touches[history.item] ** -params.item_exponent
        found = singular_vectors.leading(history.matrix(damped), params.rank, params.iterations)
        self.singular_values, self.singular_vectors = found
        return self._weighed()

    def with_params(self, **changes: Any) -> Self:
        model = type(self)(replace(self.params, **changes))
        model.touches, model.singular_values, model.singular_vectors = self.touches, self.singular_values, self.singular_vectors
        return model._weighed()

    def _weighed(self) -> Self:
        params = self.params
        directions = self.singular_vectors[:, : params.rank] * self.singular_values[: params.rank] ** (params.filter_exponent / 2)
        self.of_history = directions * self.touches[:, None] ** -params.item_exponent
        self.of_shown = directions * self.touches[:, None] ** params.shown_exponent
        # an item is like itself by 1 in the mean, so that rounded scores of large and small catalogues are as fine
        own = np.einsum("ir,ir->i", self.of_history, self.of_shown)
        self.of_history = self.of_history / max(float(own.mean()), np.finfo(np.float32).tiny)
        return self

    def model_scores(self, query: sparse.csr_array) -> np.ndarray:
        return (query @ self.of_history) @ self.of_shown.T

    def likeness(self, touched: np.ndarray, shown: np.ndarray) -> np.ndarray:
        return self.of_history[touched] @ self.of_shown[shown].T

    def save(self, folder: Path) -> None:
        arrays.save(
            folder / "spectrum.npz",
            touches=self.touches,
            singular_values=self.singular_values,
            singular_vectors=self.singular_vectors,
        )

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        model = cls(params)
        for name, values in arrays.load(folder / "spectrum.npz").items():
            setattr(model, name, values)
        return model._weighed()
