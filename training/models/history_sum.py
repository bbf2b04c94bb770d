"""What recommenders share whose score is a sum over the user's own history: the query, the reasons and the head."""

import logging
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse

from training import item_index, ranking_head
from training.history import History
from training.models import indexed_lists
from training.models.recommender import Answers, Lists, Recommender

log = logging.getLogger("training")


class HistorySum(Recommender):
    """Each item of the history adds its weight times its likeness to the item that is scored.

    A small head (`training/ranking_head.py`) weighs that sum against the user's own traces of each item and its recent
    popularity. So the largest term is the true reason, and a user that `fit` never saw is answered without another fit.

    Args:
        params: has at least `half_life_days` and `least_weight`, which say how fast an item of the history fades, and
            `head`, the weights; with an empty head the sum alone decides.
    """

    TRIED: ClassVar[dict[str, tuple[float, ...]]] = {}  # parameters that `tuned` tries in turn, each from the best before
    FITTED: ClassVar[frozenset[str]] = frozenset()  # those of them that need another fit

    @abstractmethod
    def model_scores(self, query: sparse.csr_array) -> np.ndarray:
        """(users, items) float32 sums over `query` (users, items), the weight of each item of the histories."""

    @abstractmethod
    def likeness(self, touched: np.ndarray, shown: np.ndarray) -> np.ndarray:
        """(touched, shown) what an item of a history with weight 1 adds to a shown item's score."""

    def vectors(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(items, dimensions) each, of histories and of shown items, where their dot products are all of the likeness; else None."""
        return None

    @classmethod
    def tuned(cls, params: Any, history: History, judge: Callable[[Recommender], np.ndarray]) -> Self:
        """As of every recommender; a change is taken that gains more than the standard error of its gain: less is chance.

        Breiman et al., Classification and regression trees, 1984 (the one-standard-error rule).
        """
        best = cls(params).fit(history)
        best, value = _better(judge, best, judge(best), best.with_head(history), "with a head")
        for name, values in cls.TRIED.items():
            start = best
            for each in values:
                best, value = _better(judge, best, value, start.changed(history, **{name: each}), f"{name} {each}")
        return best

    def changed(self, history: History, **changes: Any) -> Self:
        """The model with other parameters: fitted anew where these ask for it, with a head where it had one."""
        refitted = self.FITTED & changes.keys()
        model = type(self)(replace(self.params, **changes)).fit(history) if refitted else self.with_params(**changes)
        return model.with_head(history) if self.params.head else model

    def with_head(self, history: History) -> Self:
        """The same model with the head that fits what was bought in the window after `history`."""
        query = self.query(history)
        head = ranking_head.fit(history, lambda users: self.model_scores(query[users]), start=self.params.head)
        return self.with_params(head=head)

    @abstractmethod
    def with_params(self, **changes: Any) -> Self:
        """The same fit, used with other parameters."""

    def recency(self, history: History) -> np.ndarray:
        """(rows,) how much each item of a history counts before it is set in proportion to the others."""
        return self.params.least_weight + history.decay(self.params.half_life_days)

    def query(self, history: History) -> sparse.csr_array:
        """(users, items) the weight of each item in the user's sum; each row has length 1."""
        recency = self.recency(history)
        squares = np.add.reduceat(recency**2, history.offsets[:-1]) if len(recency) else recency
        return history.matrix(recency / np.repeat(np.sqrt(squares), np.diff(history.offsets)))

    def answers(self, history: History) -> "SumAnswers":
        return SumAnswers(self, history)


def _better(judge: Callable, best: HistorySum, value: np.ndarray, model: HistorySum, change: str) -> tuple[HistorySum, np.ndarray]:
    """Of the best so far, whose (users,) values are known, and a changed model: which to go on with, and its values."""
    found = judge(model)
    differences = found - value
    gain, error = differences.mean(), differences.std() / np.sqrt(len(differences))
    name = type(model).__module__.split(".")[-1]
    log.info("%s: %s, %.4f on the validation window, gains %+.4f ± %.4f", name, change, found.mean(), gain, error)
    return (model, found) if gain > error else (best, value)


class SumAnswers(Answers):
    """The sums of one history's users, with the head's terms where the model has a head.

    Args:
        query: (users, items) the weight of each item in the user's sum.
        own: (users, items) what the user's own traces of an item add to its score.
        shared: (items,) what its popularity adds for everybody.
    """

    def __init__(self, model: HistorySum, history: History) -> None:
        super().__init__(history)
        self.model, head = model, model.params.head
        self.query = model.query(history) * np.float32(head["model"] if head else 1.0)
        self.own = history.matrix(ranking_head.own_values(history, head) if head else np.zeros(len(history.item)))
        self.shared = ranking_head.item_values(history, head) if head else np.zeros(len(history.catalogue), np.float32)

    def scores(self, users: np.ndarray) -> np.ndarray:
        scores = self.model.model_scores(self.query[users])
        if self.model.params.head:
            scores = scores + self.own[users].toarray() + self.shared
        return scores

    def lists(self, users: np.ndarray, k: int, with_reasons: bool) -> Lists:
        vectors = self.model.vectors()
        if vectors is None or not item_index.pays(len(users), len(self.history.catalogue)):
            return super().lists(users, k, with_reasons)
        items, values, recall = indexed_lists.best(self, users, k, *vectors)
        log.info("item index: recall at %d %.4f against exact lists of some users", k, recall)
        return Lists(items, values, self.reasons(users, items) if with_reasons else np.full(items.shape, -1, np.int32), recall)

    def reasons(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        history, reasons = self.history, np.full(items.shape, -1, np.int32)
        for row, user in enumerate(users):
            rows, listed = history.rows_of(user), items[row] >= 0
            touched, shown = history.item[rows], items[row, listed]
            terms = self.query.data[rows, None] * self.model.likeness(touched, shown)
            terms += np.where(touched[:, None] == shown[None, :], self.own.data[rows, None], 0)
            reasons[row, listed] = np.where(terms.max(axis=0) > 0, touched[terms.argmax(axis=0)], -1)
        return reasons
