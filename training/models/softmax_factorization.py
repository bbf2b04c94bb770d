"""Factorization in Keras: a user is the weighted sum of vectors of the items in the own history.

Learned as a guess: some items of a history are hidden, and the others must tell which, by a softmax over the whole
catalogue. What that cannot know, since a history holds an item once, is when customers buy the same again: a small head
(`training/ranking_head.py`) weighs it against the user's own traces of each item and its recent popularity. All of it is
a sum over the items of the history plus the item's popularity, so the largest term is the true reason, and a user that
`fit` never saw is answered without another fit.

The softmax runs over the whole catalogue where it fits, else over a sample for each batch (`softmax_training.py`). Where the vectors
start, at random, at spectral's or at those of an earlier fit, is said in `softmax_start.py`.

Liang et al., Variational autoencoders for collaborative filtering, 2018 (the multinomial likelihood over hidden items).
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy import sparse

import steps
from training import arrays, backend, divergence
from training.history import History
from training.models.history_sum import HistorySum
from training.models.recommender import Recommender

log = logging.getLogger("training")

EPOCHS_A_CHECK = {"drawn": 5, "spectral": 1}  # between two looks at the validation window, by where the vectors start
PATIENCE = 2  # looks without a better one
MOST_EPOCHS = 30


@dataclass(frozen=True)
class Params:
    dimensions: int = 64
    start: str = "drawn"  # where the vectors start: "drawn" at random, or at "spectral", whose neighbours are then added too
    epochs: int = 15  # set by `tuned`
    hidden_share: float = 0.5  # of a history, hidden and to be guessed
    dropout: float = 0.0  # of a user's vector
    learning_rate: float = 1e-2
    weight_decay: float = 1e-2
    batch_users: int = 512
    sampled_items: int = 8_192  # drawn for each batch where the catalogue is larger than MOST_WHOLE
    longest_history: int = 100  # the heaviest items of a user; bounds the memory of a batch
    half_life_days: float = 30.0  # how fast an item of the history fades in the user's vector
    least_weight: float = 0.1  # what the oldest item still counts
    side_features: bool = True  # vectors of category, brand and price are added to the item's own
    head: dict[str, float] = field(default_factory=dict)  # set by `tuned`; empty: the model's score alone


class Model(HistorySum):
    """Dot products of user and item vectors, plus the head's terms.

    Example:
        >>> model = Model.tuned(Params(), history, judge)
        >>> model.recommend(history, history.buyers, k=10)
    """

    def __init__(self, params: Params) -> None:
        self.params = params
        self.network: Any = None
        self.item_ids = np.empty(0, str)
        self.of_history = self.of_shown = np.empty((0, 0), np.float32)  # (items, dimensions)
        self.near = sparse.csr_array((0, 0), dtype=np.float32)  # (items, items) spectral's neighbours, where it starts there
        self.losses: list[float] = []  # one per epoch

    def fit(self, history: History, earlier: "Model | None" = None) -> Self:
        """Learn from `history`; what an `earlier` fit knows of an item is where its vector starts."""
        self._start(history, earlier)
        return self._train(self.params.epochs)

    @classmethod
    def tuned(cls, params: Params, history: History, judge: Callable[[Recommender], np.ndarray]) -> "Model":
        model = cls(params)
        model._start(history)
        step = EPOCHS_A_CHECK[params.start]
        best_params, best_weights, best_value, checks_since = params, None, -np.inf, 0
        for epochs in range(0 if params.start == "spectral" else step, MOST_EPOCHS + 1, step):
            model._train(step if epochs else 0)
            model.params = replace(model.with_head(history).params, epochs=epochs)
            value = judge(model).mean()
            log.info("softmax_factorization: %d epochs, %.4f on the validation window", epochs, value)
            checks_since += 1
            if value > best_value:
                best_params, best_weights, best_value, checks_since = model.params, model.network.get_weights(), value, 0
            if checks_since == PATIENCE:
                break
        model.params = best_params
        model.network.set_weights(best_weights)
        return model._with_vectors()

    def _start(self, history: History, earlier: "Model | None" = None) -> None:
        backend.start_keras()
        from training.models import softmax_start
        from training.models.softmax_training import Histories, Training

        histories = Histories.of(history, self.recency(history), self.params.longest_history)
        if not len(histories.item):
            raise steps.StepError("softmax_factorization: nobody touched two items, so nothing can be learned")
        self.item_ids = history.catalogue.item_ids
        self.network, self.near = softmax_start.started(self.params, history, histories)
        if earlier is not None:
            softmax_start.take_over(self.network, self.item_ids, earlier.of_shown, earlier.item_ids)
        self.training = Training(self.params, self.network, histories, np.bincount(history.item, minlength=len(self.item_ids)))

    def _train(self, epochs: int) -> Self:
        losses = self.training.epochs(epochs)
        self.losses.extend(round(loss, 6) for loss in losses)
        self._with_vectors()
        divergence.refuse("the loss of softmax_factorization", losses)
        divergence.refuse("an item's vector of softmax_factorization", self.of_history)
        return self

    def _with_vectors(self) -> Self:
        from keras import ops

        self.of_shown = ops.convert_to_numpy(self.network.item_vectors()).astype(np.float32)
        self.of_history = self.of_shown * ops.convert_to_numpy(self.network.history_scale)[:, None]
        return self

    def model_scores(self, query: sparse.csr_array) -> np.ndarray:
        scores = (query @ self.of_history) @ self.of_shown.T
        return scores + query @ self.near if self.near.nnz else scores

    def vectors(self) -> tuple[np.ndarray, np.ndarray] | None:
        return None if self.near.nnz else (self.of_history, self.of_shown)

    def likeness(self, touched: np.ndarray, shown: np.ndarray) -> np.ndarray:
        found = self.of_history[touched] @ self.of_shown[shown].T
        return found + self.near[np.ix_(touched, shown)].toarray() if self.near.nnz else found

    def with_params(self, **changes: Any) -> Self:
        model = type(self)(replace(self.params, **changes))
        for name in ("network", "item_ids", "near", "of_history", "of_shown", "losses"):
            setattr(model, name, getattr(self, name))
        return model

    def save(self, folder: Path) -> None:
        self.network.save(folder / "network.keras")
        arrays.save(
            folder / "catalogue.npz",
            item_ids=self.item_ids,
            near=self.near.data,
            near_items=self.near.indices,
            near_offsets=self.near.indptr,
        )

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        keras = backend.start_keras()
        from training.models import softmax_network  # noqa: F401, so that Keras knows the class that it is to rebuild

        model, stored = cls(params), arrays.load(folder / "catalogue.npz")
        model.item_ids = stored["item_ids"]
        model.near = sparse.csr_array((stored["near"], stored["near_items"], stored["near_offsets"]), shape=(len(model.item_ids),) * 2)
        model.network = keras.saving.load_model(folder / "network.keras", compile=False)
        return model._with_vectors()
