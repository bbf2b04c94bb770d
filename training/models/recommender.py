"""What all recommenders share: two verbs, `fit` and `recommend`, and how a list is made from scores."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from training import divergence, ranking
from training.history import History


@dataclass(frozen=True)
class Lists:
    """What to show whom, best first.

    Args:
        item: (users, k) index into the catalogue, -1 where a list is shorter.
        score: (users, k) rounded to 6 digits, NaN there; comparable within a list only.
        because_of: (users, k) the item of the user's own history that adds most to the score; -1 where none adds anything.
        index_recall: share of the exact lists of some users that the index found; None where every item was scored.
    """

    item: np.ndarray
    score: np.ndarray
    because_of: np.ndarray
    index_recall: float | None = None


class Answers(ABC):
    """What a fitted model says to the users of one history: what takes the whole history is done once, the rest by blocks of users."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.hidden = np.flatnonzero(~history.is_recommendable)

    @abstractmethod
    def scores(self, users: np.ndarray) -> np.ndarray:
        """(users, items) float32; -inf for what the model has nothing to say about."""

    @abstractmethod
    def reasons(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """(users, k) for each of `items` (users, k) the item of the user's history with the largest term, -1 for none."""

    def lists(self, users: np.ndarray, k: int, with_reasons: bool) -> Lists:
        blocks = [self._block(block, k, with_reasons) for block in ranking.blocks(users, len(self.history.catalogue))]
        empty = Lists(np.empty((0, k), np.int32), np.empty((0, k)), np.empty((0, k), np.int32))
        return Lists(*(np.concatenate([getattr(each, name) for each in [empty, *blocks]]) for name in ("item", "score", "because_of")))

    def _block(self, users: np.ndarray, k: int, with_reasons: bool) -> Lists:
        scores = self.scores(users)
        divergence.refuse("a score", scores.max(initial=0))  # -inf is none: there the model has nothing to say
        scores[:, self.hidden] = -np.inf
        scores[self.history.excluded[users].nonzero()] = -np.inf
        items, values = ranking.best(scores, k)
        return Lists(items, values, self.reasons(users, items) if with_reasons else np.full(items.shape, -1, np.int32))


class Recommender(ABC):
    """A model that orders the catalogue for a user from what that user did.

    A user is known only by the history handed to `recommend`, so users that `fit` never saw are answered too.

    Args:
        params: the frozen dataclass beside each model; with the model's name it is the recipe.

    Example:
        >>> model = ItemKnn(ItemKnnParams()).fit(history)
        >>> model.recommend(history, users=np.array([0, 1]), k=10).item
    """

    params: Any

    @classmethod
    def shortfall(cls, history: History) -> str | None:
        """Why the model is no candidate for this history; None where it is."""
        return None

    @abstractmethod
    def fit(self, history: History) -> Self: ...

    @classmethod
    @abstractmethod
    def tuned(cls, params: Any, history: History, judge: Callable[["Recommender"], np.ndarray]) -> "Recommender":
        """The fitted model whose parameters do best on the window after `history`, starting from `params`.

        Args:
            judge: what a model is worth to each of the same (users,), higher is better.
        """

    @abstractmethod
    def answers(self, history: History) -> "Answers":
        """What the model says to the users of a history."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what `load` needs into an existing folder, without pickle."""

    @classmethod
    @abstractmethod
    def load(cls, params: Any, folder: Path) -> Self: ...

    def recommend(self, history: History, users: np.ndarray, k: int, with_reasons: bool = True) -> Lists:
        """The best k recommendable items for each user that no rule of the shop excludes.

        Args:
            users: (n,) indices into `history.user_keys`.
        """
        return self.answers(history).lists(users, k, with_reasons)
