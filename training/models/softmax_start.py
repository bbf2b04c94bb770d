"""Where the vectors of softmax_factorization start: drawn at random, at the spectral ones, or at those of an earlier fit."""

from typing import TYPE_CHECKING

import keras
import numpy as np
from scipy import sparse

from training import backend
from training.history import Catalogue, History
from training.models import spectral
from training.models.softmax_network import HiddenItemSoftmax, compiled
from training.models.softmax_training import Histories

if TYPE_CHECKING:
    from training.models.softmax_factorization import Params

PRICE_GROUPS = 10
SHARPNESS = tuple(2.0**power for power in range(-1, 9))  # what spectral scores are multiplied by to be logits: the likeliest
SHARPENED_USERS = 64  # by whom it is chosen


def started(params: "Params", history: History, histories: Histories) -> tuple[HiddenItemSoftmax, sparse.csr_array]:
    """The network of the whole catalogue, and (items, items) the neighbours that are added to its scores."""
    items = len(history.catalogue)
    if params.start == "spectral":
        return _spectral(params, history, histories)
    codes = side_codes(history.catalogue) if params.side_features else {}
    network = _network(params, items, params.dimensions, codes)
    touched = np.bincount(history.item, minlength=items)
    network.bias.assign(np.log((touched + 1) / (touched.sum() + items)))
    return network, sparse.csr_array((items, items), dtype=np.float32)


def _network(params: "Params", items: int, dimensions: int, codes: dict[str, np.ndarray]) -> HiddenItemSoftmax:
    sides = {name: int(values.max(initial=0)) + 1 for name, values in codes.items()}
    has_bias = params.start != "spectral"  # whose scores hold what popularity adds
    network = HiddenItemSoftmax(items, items, dimensions, sides, params.dropout, has_bias, dtype=backend.precision())
    network.build()
    for weight, values in zip(network.codes, codes.values(), strict=True):
        weight.assign(values)
    return compiled(network, params.learning_rate, params.weight_decay)


def _spectral(params: "Params", history: History, histories: Histories) -> tuple[HiddenItemSoftmax, sparse.csr_array]:
    """Spectral's vectors and neighbours, all made so sharp that hidden items are likeliest."""
    base = spectral.Model(
        spectral.Params(rank=params.dimensions, half_life_days=params.half_life_days, least_weight=params.least_weight)
    ).fit(history)
    network = _network(params, len(history.catalogue), base.of_shown.shape[1], {})
    network.own.assign(base.of_shown)
    length = np.einsum("ir,ir->i", base.of_shown, base.of_shown)
    scale = np.einsum("ir,ir->i", base.of_history, base.of_shown) / np.where(length > 0, length, 1)
    batch = next(histories.batches(np.random.default_rng(backend.SEED), SHARPENED_USERS, params.hidden_share))
    losses = []
    for sharpness in SHARPNESS:
        network.history_scale.assign(scale * sharpness)
        losses.append(network.test_on_batch(batch, return_dict=True)["loss"])
    sharpness = SHARPNESS[int(np.argmin(losses))]
    network.history_scale.assign(scale * sharpness)
    return network, base.near * np.float32(sharpness)


def take_over(network: HiddenItemSoftmax, item_ids: np.ndarray, vectors: np.ndarray, their_ids: np.ndarray) -> None:
    """Let the items that an earlier fit knew start at its vectors; both ids ascend."""
    own = np.array(keras.ops.convert_to_numpy(network.own))
    place = np.searchsorted(their_ids, item_ids).clip(max=len(their_ids) - 1)
    is_known = their_ids[place] == item_ids
    own[is_known] = vectors[place[is_known]]
    network.own.assign(own)


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
