"""How softmax_factorization learns: from histories of which some items are hidden, over the whole catalogue or samples of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.history import History
from training.models.lazy_rows import LazyRows

if TYPE_CHECKING:
    from training.models.softmax_factorization import Params

SEED = 7
MOST_WHOLE = 60_000  # items that a softmax runs over whole; of more, each batch draws a sample
DAMPED = 0.75  # exponent of an item's people in how often it is drawn: popular items are the ones to be told apart


@dataclass(frozen=True)
class Histories:
    """Histories of at least two items, the heaviest items first.

    Args:
        item: (users, longest) indices into the catalogue; padded with the first item, so that no other is touched.
        weight: (users, longest) how much each counts, 0 where padded.
    """

    item: np.ndarray
    weight: np.ndarray

    @classmethod
    def of(cls, history: History, recency: np.ndarray, longest: int) -> "Histories":
        """Args: recency: (rows,) how much each user-item row counts."""
        user = np.repeat(np.arange(len(history.user_keys)), np.diff(history.offsets))
        order = np.lexsort((-history.weight, user))
        place = np.arange(len(order)) - history.offsets[user]
        kept = (place < longest) & (np.diff(history.offsets)[user] > 1)
        _, row = np.unique(user[kept], return_inverse=True)
        shape = (int(row.max(initial=-1)) + 1, int(place[kept].max(initial=0)) + 1)
        item, weight = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
        item[row, place[kept]], weight[row, place[kept]] = history.item[order][kept], recency[order][kept]
        item = np.where(np.arange(shape[1]) < np.bincount(row, minlength=shape[0])[:, None], item, item[:, :1])
        return cls(item, weight)

    def batches(self, random: np.random.Generator, users: int, hidden_share: float) -> Iterator[dict[str, np.ndarray]]:
        """Everybody once, in an order drawn anew, each with other items hidden; what is seen of a history has length 1."""
        order = random.permutation(len(self.item))
        for start in range(0, len(order), users):
            rows = order[start : start + users]
            weight = self.weight[rows]
            hidden = (random.random(weight.shape) < hidden_share) & (weight > 0)
            seen = np.where(hidden, 0, weight)
            seen /= np.sqrt((seen**2).sum(axis=1, keepdims=True)) + 1e-6
            yield {"item": self.item[rows], "weight": seen.astype(np.float32), "hidden": hidden.astype(np.float32)}


class Training:
    """What of a fit goes on from epoch to epoch.

    Args:
        network: a HiddenItemSoftmax of the whole catalogue; it is trained.
        touched: (items,) how many people touched each.
    """

    def __init__(self, params: "Params", network: Any, histories: Histories, touched: np.ndarray) -> None:
        self.params, self.network, self.histories = params, network, histories
        self.random = np.random.default_rng(SEED)
        self.sample = SampledCatalogue(params, network, histories, touched) if len(touched) > MOST_WHOLE else None

    def epochs(self, count: int) -> list[float]:
        """Train so many epochs more, and the mean loss of each."""
        losses = [float(np.mean([self._step(batch) for batch in self._batches()])) for _ in range(count)]
        if self.sample:
            self.sample.hand_over(self.network)
        return losses

    def _batches(self) -> Iterator[dict[str, np.ndarray]]:
        return self.histories.batches(self.random, self.params.batch_users, self.params.hidden_share)

    def _step(self, batch: dict[str, np.ndarray]) -> float:
        if self.sample:
            return self.sample.step(batch, self.random)
        return float(self.network.train_on_batch(batch, return_dict=True)["loss"])


class SampledCatalogue:
    """Training steps on a sample of the catalogue, whose cost does not grow with it.

    Args:
        network: of the whole catalogue, where the sampled one starts.
        touched: (items,) how many people touched each.
    """

    def __init__(self, params: "Params", network: Any, histories: Histories, touched: np.ndarray) -> None:
        from training.models import softmax_network

        self.draws = params.sampled_items
        chance = (touched + 1.0) ** DAMPED
        self.expected = self.draws * chance / chance.sum()
        self.bounds = np.cumsum(chance) / chance.sum()
        rows = self.draws + min(params.batch_users, len(histories.item)) * histories.item.shape[1]
        self.small = softmax_network.compiled(network.sampled(rows, self.draws), params.learning_rate, params.weight_decay)
        self.tables = network.row_arrays()
        self.rows = LazyRows(self.small.of_rows, self.tables, self.small.optimizer)

    def step(self, batch: dict[str, np.ndarray], random: np.random.Generator) -> float:
        """One step on the items of a batch and on items drawn anew, and its loss."""
        places = np.searchsorted(self.bounds, random.random(self.draws)).clip(max=len(self.bounds) - 1)
        drawn, counts = np.unique(places, return_counts=True)
        items = np.concatenate([drawn, np.setdiff1d(batch["item"], drawn)])
        stands_for = np.zeros(self.small.rows, np.float32)
        stands_for[: len(drawn)] = counts / self.expected[drawn]
        self.rows.take_in(items)
        self.small.stands_for.assign(stands_for)
        order = np.argsort(items)
        batch = batch | {"item": order[np.searchsorted(items, batch["item"], sorter=order)].astype(np.int32)}
        loss = float(self.small.train_on_batch(batch, return_dict=True)["loss"])
        self.rows.put_back(items)
        return loss

    def hand_over(self, network: Any) -> None:
        """Give what was learned to the network of the whole catalogue."""
        for theirs, table in zip(network.of_rows, self.tables, strict=True):
            theirs.assign(table)
        for theirs, ours in zip(network.tables, self.small.tables, strict=True):
            theirs.assign(ours)
