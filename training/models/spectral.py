"""Spectral factorization: the strongest directions of who touched what, without a gradient step.

People and items are damped by powers of how often they occur, the leading singular vectors of that matrix are found by
block power iteration, and a power of the singular values weighs them: a filter of the spectrum, which keeps what many
people agree on. A user is the weighted sum of the vectors of the own items.

What the leading directions leave out, that two items are liked by the same few people, a second part adds: the strongest neighbours
of each item, by the one step from an item to its people and on to their items.

Shen et al., How powerful is graph convolution for recommendation?, 2021 (graph filters as a recommender);
Peng et al., Less is more: reweighting important spectral graph features for recommendation, 2022 (weights of directions).
"""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from training import arrays, item_index
from training.history import History
from training.models import neighbours, singular_vectors
from training.models.history_sum import HistorySum

log = logging.getLogger("training")

MOST_WITH_NEIGHBOURS = item_index.EXACT_ITEMS  # a larger catalogue is searched by an index of dot products, which the neighbours are not
LONGEST_HISTORY = 2_000  # of a person who makes neighbours: the pairs grow with its square, and who touched so much says little
SAMPLED_ITEMS = 256  # from which the sizes of the two parts are known


@dataclass(frozen=True)
class Params:
    rank: int = 1024  # singular vectors; a small catalogue has fewer
    iterations: int = 3  # of the power method
    user_exponent: float = 0.3  # how much a person with many items counts less in each of them
    item_exponent: float = 0.4  # the same of items, in what is factored
    history_exponent: float = 0.3  # how much a popular item of a history counts less
    shown_exponent: float = 0.3  # popularity given back to the items that are scored
    filter_exponent: float = 0.0  # of the singular values; at 0 all directions count alike
    neighbours: int = 200  # kept per item
    neighbour_weight: float = 0.7  # of their part, both parts being of the same mean square; at 0 the vectors alone decide
    neighbour_history_exponent: float = 0.9  # how much a popular item of a history says less of its neighbours
    neighbour_shown_exponent: float = 0.3  # and a popular item is less of a neighbour
    half_life_days: float = 30.0  # how fast an item of the history fades in the user's vector
    least_weight: float = 0.1  # what the oldest item still counts
    head: dict[str, float] = field(default_factory=dict)  # set by `tuned`; empty: the model's score alone


class Model(HistorySum):
    """Dot products of the vectors of a history's items and of the items that could be shown, plus the likeness of neighbours.

    Example:
        >>> model = Model.tuned(Params(), history, judge)
        >>> model.recommend(history, history.buyers, k=10)
    """

    TRIED: ClassVar[dict[str, tuple[float, ...]]] = {
        "user_exponent": (0.15, 0.45),
        "item_exponent": (0.3, 0.5),
        "history_exponent": (0.1, 0.5),
        "shown_exponent": (0.1, 0.4),
        "filter_exponent": (0.3, 0.7),
        "neighbour_weight": (0.0, 1.0),
        "rank": (64, 256),
        "half_life_days": (7.0, 120.0),
    }
    FITTED = frozenset({"user_exponent", "item_exponent", "neighbours", "neighbour_history_exponent", "neighbour_shown_exponent"})

    def __init__(self, params: Params) -> None:
        self.params = params
        self.touches = np.empty(0, np.float32)  # (items,) people who touched each, at least 1
        self.singular_values = np.empty(0, np.float32)  # (rank,) descending
        self.singular_vectors = np.empty((0, 0), np.float32)  # (items, rank)
        self.of_history = self.of_shown = self.singular_vectors  # (items, rank), as the parameters weigh them
        self.neighbours = sparse.csr_array((0, 0), dtype=np.float32)  # (items, items) row: an item of a history
        self.near = self.neighbours  # the same, as the parameters weigh it

    def fit(self, history: History) -> Self:
        params = self.params
        self.touches = np.maximum(np.bincount(history.item, minlength=len(history.catalogue)), 1).astype(np.float32)
        users = np.diff(history.offsets).astype(np.float32) ** -params.user_exponent
        damped = np.repeat(users, np.diff(history.offsets)) * self.touches[history.item] ** -params.item_exponent
        found = singular_vectors.leading(history.matrix(damped), params.rank, params.iterations)
        self.singular_values, self.singular_vectors = found
        self.neighbours = self._neighbours(history)
        return self._weighed()

    def _neighbours(self, history: History) -> sparse.csr_array:
        """(items, items) how alike the strongest neighbours of each item are; without entries where the catalogue is too large."""
        params, items = self.params, len(history.catalogue)
        if items > MOST_WITH_NEIGHBOURS:
            log.info("spectral: %d items, of which %d have neighbours; the vectors alone decide", items, MOST_WITH_NEIGHBOURS)
            return sparse.csr_array((items, items), dtype=np.float32)
        lengths = np.repeat(np.diff(history.offsets), np.diff(history.offsets)).astype(np.float32)
        people = np.where(lengths > LONGEST_HISTORY, 0, lengths**-params.user_exponent)
        exponents = (params.neighbour_history_exponent, params.neighbour_shown_exponent)
        left, right = (history.matrix(people * self.touches[history.item] ** -each) for each in exponents)
        return neighbours.strongest(left, right, params.neighbours)

    def with_params(self, **changes: Any) -> Self:
        model = type(self)(replace(self.params, **changes))
        model.touches, model.singular_values, model.singular_vectors = self.touches, self.singular_values, self.singular_vectors
        model.neighbours = self.neighbours
        return model._weighed()

    def _weighed(self) -> Self:
        params = self.params
        directions = self.singular_vectors[:, : params.rank] * self.singular_values[: params.rank] ** (params.filter_exponent / 2)
        self.of_history = directions * self.touches[:, None] ** -params.history_exponent
        self.of_shown = directions * self.touches[:, None] ** params.shown_exponent
        # an item is like itself by 1 in the mean, so that rounded scores of large and small catalogues are as fine
        own = np.einsum("ir,ir->i", self.of_history, self.of_shown)
        self.of_history = self.of_history / max(float(own.mean()), np.finfo(np.float32).tiny)
        self.near = self.neighbours * self._neighbour_scale()
        self.near.eliminate_zeros()
        return self

    def _neighbour_scale(self) -> np.float32:
        """What makes the neighbours' part `neighbour_weight` times as large as the vectors', by the mean square over what people touch."""
        seen = np.cumsum(self.touches)
        sample = np.searchsorted(seen, (np.arange(SAMPLED_ITEMS) + 0.5) * (seen[-1] / SAMPLED_ITEMS)) if len(seen) else np.empty(0, int)
        of_neighbours = float((self.neighbours[sample].data ** 2).sum())
        of_vectors = float(((self.of_history[sample] @ self.of_shown.T) ** 2).sum()) if of_neighbours else 0.0
        return np.float32(self.params.neighbour_weight * np.sqrt(of_vectors / of_neighbours)) if of_neighbours else np.float32(0)

    def model_scores(self, query: sparse.csr_array) -> np.ndarray:
        scores = (query @ self.of_history) @ self.of_shown.T
        return scores + query @ self.near if self.near.nnz else scores

    def vectors(self) -> tuple[np.ndarray, np.ndarray] | None:
        return None if self.near.nnz else (self.of_history, self.of_shown)

    def likeness(self, touched: np.ndarray, shown: np.ndarray) -> np.ndarray:
        found = self.of_history[touched] @ self.of_shown[shown].T
        return found + self.near[np.ix_(touched, shown)].toarray() if self.near.nnz else found

    def save(self, folder: Path) -> None:
        arrays.save(
            folder / "spectrum.npz",
            touches=self.touches,
            singular_values=self.singular_values,
            singular_vectors=self.singular_vectors,
            neighbours=self.neighbours.data,
            neighbour_items=self.neighbours.indices,
            neighbour_offsets=self.neighbours.indptr,
        )

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        model = cls(params)
        stored = arrays.load(folder / "spectrum.npz")
        for name in ("touches", "singular_values", "singular_vectors"):
            setattr(model, name, stored[name])
        parts = (stored["neighbours"], stored["neighbour_items"], stored["neighbour_offsets"])
        model.neighbours = sparse.csr_array(parts, shape=(len(model.touches),) * 2)
        return model._weighed()
