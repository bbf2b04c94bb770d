"""Item-to-item neighbours: what people who touched the same items touched besides."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Self

import numpy as np
from scipy import sparse

from training import arrays
from training.history import History
from training.models import neighbours
from training.models.recommender import Answers, Recommender

OWN_WEIGHTS_TRIED = (0.0, 1.0, 4.0, 16.0)
HALF_LIVES_TRIED = (7.0, 30.0, 1_000.0)
BM25_K1, BM25_B = 0.5, 0.25  # how soon more of the same counts less, and how much the length of an item's list of people counts


@dataclass(frozen=True)
class Params:
    weighting: str = "cosine"  # or bm25, in which people with few items say more
    neighbours: int = 100  # kept per item
    own_weight: float = 1.0  # likeness of an item to itself: how much a user's own items come back
    half_life_days: float = 30.0  # how fast a user's own history fades, beside the shop's own half-life in `weight`


class Model(Recommender):
    """Likeness of items over the people who touched them; a user's score is the sum over the own history.

    Sarwar et al., Item-based collaborative filtering recommendation algorithms, 2001; Robertson and Zaragoza, The
    probabilistic relevance framework: BM25 and beyond, 2009, with items as documents and people as words.
    """

    def __init__(self, params: Params) -> None:
        self.params = params
        self.likeness = sparse.csr_array((0, 0), dtype=np.float32)  # (items, items) row: an item; entries: its neighbours

    def fit(self, history: History) -> Self:
        weighted = history.matrix({"cosine": _cosine, "bm25": _bm25}[self.params.weighting](history))
        self.likeness = neighbours.strongest(weighted, weighted, self.params.neighbours)
        return self

    @classmethod
    def tuned(cls, params: Params, history: History, judge: Callable[[Recommender], np.ndarray]) -> "Model":
        fitted = max(
            (cls(replace(params, weighting=each)).fit(history) for each in ("cosine", "bm25")), key=lambda model: judge(model).mean()
        )
        grid = product(OWN_WEIGHTS_TRIED, HALF_LIVES_TRIED)
        models = [fitted.with_params(replace(fitted.params, own_weight=own, half_life_days=half_life)) for own, half_life in grid]
        return max(models, key=lambda model: judge(model).mean())

    def with_params(self, params: Params) -> "Model":
        """The same neighbours, used otherwise."""
        model = Model(params)
        model.likeness = self.likeness
        return model

    def answers(self, history: History) -> "KnnAnswers":
        return KnnAnswers(self, history)

    def save(self, folder: Path) -> None:
        rows = self.likeness
        arrays.save(folder / "likeness.npz", data=rows.data, indices=rows.indices, indptr=rows.indptr, items=np.array(rows.shape[0]))

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        stored = arrays.load(folder / "likeness.npz")
        model = cls(params)
        items = int(stored["items"])
        model.likeness = sparse.csr_array((stored["data"], stored["indices"], stored["indptr"]), shape=(items, items))
        return model


class KnnAnswers(Answers):
    """Sums over each user's own items of how much the item counts times its likeness."""

    def __init__(self, model: Model, history: History) -> None:
        super().__init__(history)
        self.query = history.matrix(history.weight * history.decay(model.params.half_life_days))
        own = sparse.eye_array(model.likeness.shape[0], format="csr", dtype=np.float32) * model.params.own_weight
        self.likeness = (model.likeness + own).tocsr()  # row: an item that could be shown
        self.transposed = self.likeness.T.tocsr()

    def scores(self, users: np.ndarray) -> np.ndarray:
        scores = (self.query[users] @ self.transposed).toarray()
        return np.where(scores > 0, scores, -np.inf).astype(np.float32)

    def reasons(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        query, reasons = self.query[users], np.full(items.shape, -1, np.int32)
        for place in range(items.shape[1]):
            listed = np.flatnonzero(items[:, place] >= 0)
            terms = query[listed].multiply(self.likeness[items[listed, place]]).tocsr()
            reasons[listed, place] = np.where(terms.max(axis=1).toarray().ravel() > 0, terms.argmax(axis=1), -1)
        return reasons


def _cosine(history: History) -> np.ndarray:
    """(rows,) such that the sum over people of products of two items' weights is their cosine."""
    touched = np.bincount(history.item, minlength=len(history.catalogue))
    return 1 / np.sqrt(touched[history.item])


def _bm25(history: History) -> np.ndarray:
    """(rows,) BM25 of a person in an item's list of people; an item is like itself by 1 in the mean."""
    touched = np.bincount(history.item, minlength=len(history.catalogue))
    length = 1 - BM25_B + BM25_B * touched / max(touched.mean(), 1)
    rarity = np.log(len(touched)) - np.log1p(np.diff(history.offsets))
    weight = np.repeat(np.maximum(rarity, 0), np.diff(history.offsets)) * (BM25_K1 + 1) / (BM25_K1 * length[history.item] + 1)
    own = np.bincount(history.item, weight**2, len(touched))
    return weight / np.sqrt(max(own[touched > 0].mean(), np.finfo(float).tiny)) if len(weight) else weight
