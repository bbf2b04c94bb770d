"""Factorization in Keras: a user is the weighted sum of vectors of the items in the own history.

Learned as a guess: some items of a history are hidden, and the others must tell which, by a softmax over the whole
catalogue. What that cannot know, since a history holds an item once, is when customers buy the same again: a small head
(`training/ranking_head.py`) weighs it against the user's own traces of each item and its recent popularity. All of it is
a sum over the items of the history plus the item's popularity, so the largest term is the true reason, and a user that
`fit` never saw is answered without another fit. The softmax is over all items: a batch needs users × items floats, which
bounds the catalogue at some tens of thousands.

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
from training import backend, divergence
from training.history import Catalogue, History
from training.models.history_sum import HistorySum
from training.models.recommender import Recommender

log = logging.getLogger("training")

EPOCHS_A_CHECK = 5  # between two looks at the validation window
PATIENCE = 2  # looks without a better one
MOST_EPOCHS = 30
PRICE_GROUPS = 10


@dataclass(frozen=True)
class Params:
    dimensions: int = 64
    epochs: int = 15  # set by `tuned`
    hidden_share: float = 0.5  # of a history, hidden and to be guessed
    learning_rate: float = 1e-2
    weight_decay: float = 1e-2
    batch_users: int = 512
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
        self.item_vectors = np.empty((0, 0), np.float32)  # (items, dimensions)
        self.losses: list[float] = []  # one per epoch

    def fit(self, history: History) -> Self:
        self._start(history)
        self._train(self._batches(history), self.params.epochs)
        return self

    @classmethod
    def tuned(cls, params: Params, history: History, judge: Callable[[Recommender], float]) -> "Model":
        model = cls(params)
        model._start(history)
        batches = model._batches(history)
        best_params, best_weights, best_value, checks_since = params, None, -np.inf, 0
        for epochs in range(EPOCHS_A_CHECK, MOST_EPOCHS + 1, EPOCHS_A_CHECK):
            model._train(batches, EPOCHS_A_CHECK)
            model.params = replace(model.with_head(history).params, epochs=epochs)
            value = judge(model)
            log.info("softmax_factorization: %d epochs, %.4f on the validation window", epochs, value)
            checks_since += 1
            if value > best_value:
                best_params, best_weights, best_value, checks_since = model.params, model.network.get_weights(), value, 0
            if checks_since == PATIENCE:
                break
        model.params = best_params
        model.network.set_weights(best_weights)
        return model._with_vectors()

    def _start(self, history: History) -> None:
        keras = backend.start_keras()
        from training.models.softmax_network import HiddenItemSoftmax

        params, items = self.params, len(history.catalogue)
        codes = side_codes(history.catalogue) if params.side_features else {}
        sides = {name: int(values.max(initial=0)) + 1 for name, values in codes.items()}
        self.network = HiddenItemSoftmax(items, params.dimensions, params.hidden_share, sides)
        self.network.build()
        for weight, values in zip(self.network.codes, codes.values(), strict=True):
            weight.assign(values)
        touched = np.bincount(history.item, minlength=items)
        self.network.bias.assign(np.log((touched + 1) / (touched.sum() + items)))
        optimizer = keras.optimizers.AdamW(params.learning_rate, weight_decay=params.weight_decay)
        optimizer.exclude_from_weight_decay(var_names=["bias"])
        self.network.compile(optimizer=optimizer, jit_compile=False)  # compiling takes longer than the training it saves

    def _train(self, batches: dict[str, np.ndarray], epochs: int) -> None:
        if not len(batches["item"]):
            raise steps.StepError("softmax_factorization: nobody touched two items, so nothing can be learned")
        losses = self.network.fit(batches, batch_size=self.params.batch_users, epochs=epochs, verbose=0).history["loss"]
        self.losses.extend(round(float(loss), 6) for loss in losses)
        self._with_vectors()
        divergence.refuse("the loss of softmax_factorization", losses)
        divergence.refuse("an item's vector of softmax_factorization", self.item_vectors)

    def _with_vectors(self) -> Self:
        from keras import ops

        self.item_vectors = ops.convert_to_numpy(self.network.item_vectors()).astype(np.float32)
        return self

    def _batches(self, history: History) -> dict[str, np.ndarray]:
        """Histories of at least two items, padded: `item` (users, longest) and `weight`, 0 where there is none."""
        lengths = np.minimum(np.diff(history.offsets), self.params.longest_history)
        users = np.flatnonzero(lengths > 1)
        width = int(lengths.max(initial=1))
        item, weight = np.zeros((len(users), width), np.int32), np.zeros((len(users), width), np.float32)
        recency = self.recency(history)
        for row, user in enumerate(users):
            rows = history.rows_of(user)
            heaviest = np.argsort(-history.weight[rows], kind="stable")[:width]
            item[row, : len(heaviest)] = history.item[rows][heaviest]
            weight[row, : len(heaviest)] = recency[rows][heaviest]
        return {"item": item, "weight": weight}

    def model_scores(self, query: sparse.csr_array) -> np.ndarray:
        return (query @ self.item_vectors) @ self.item_vectors.T

    def vectors(self) -> tuple[np.ndarray, np.ndarray]:
        return self.item_vectors, self.item_vectors

    def likeness(self, touched: np.ndarray, shown: np.ndarray) -> np.ndarray:
        return self.item_vectors[touched] @ self.item_vectors[shown].T

    def with_params(self, **changes: Any) -> Self:
        model = type(self)(replace(self.params, **changes))
        model.network, model.item_vectors, model.losses = self.network, self.item_vectors, self.losses
        return model

    def save(self, folder: Path) -> None:
        self.network.save(folder / "network.keras")

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        keras = backend.start_keras()
        from training.models import softmax_network  # noqa: F401, so that Keras knows the class that it is to rebuild

        model = cls(params)
        model.network = keras.saving.load_model(folder / "network.keras", compile=False)
        return model._with_vectors()


def side_codes(catalogue: Catalogue) -> dict[str, np.ndarray]:
    """(items,) each: which top category, category, brand and price group an item is of; one that says nothing is left out."""
    top = np.array([path.split(" > ")[0] for path in catalogue.category], dtype=str)
    texts = {"top_category": top, "category": catalogue.category, "brand": catalogue.brand}
    codes = {name: np.unique(values, return_inverse=True)[1].astype(np.int32) for name, values in texts.items()}
    known = catalogue.price[np.isfinite(catalogue.price)]
    if len(known):
        bounds = np.quantile(known, np.linspace(0, 1, PRICE_GROUPS + 1)[1:-1])
        codes["price"] = np.where(np.isfinite(catalogue.price), 1 + np.searchsorted(bounds, catalogue.price), 0).astype(np.int32)
    return {name: values for name, values in codes.items() if values.min(initial=0) != values.max(initial=0)}
