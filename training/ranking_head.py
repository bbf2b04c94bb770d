"""How much a user's own traces of an item, the item's recent popularity and a model's score count in a ranking.

A log-linear choice model: the chance that a user's next purchase is item i is the softmax over all items of

    w_model · score(user, i) + Σ w_trace · trace(user, i) + Σ w_popularity · popularity(i)

Its few weights are fitted to what people bought in one window (McFadden, Conditional logit analysis of qualitative
choice behavior, 1974). The model knows which items go together; this head knows whether a shop's customers buy the same
again, soon or late, after a view, a cart or an order, and how fast fashions pass.
"""

from collections.abc import Callable

import numpy as np

from training import ranking
from training.history import History

FITTED_USERS = 1_000  # more would sharpen a dozen weights by nothing
FITTED_CELLS = 10_000_000  # users times items: of a large catalogue fewer users, each of whom says more
RIDGE = 1e-3
LARGEST_STEPS = 12

Weights = dict[str, float]


def traces(history: History) -> dict[str, np.ndarray]:
    """(rows,) each: what a user did with an item, as numbers whose weighted sum the head makes."""
    return {
        "seen": np.ones(len(history.item), np.float32),
        "within_7_days": history.decay(7),
        "within_30_days": history.decay(30),
        "weight": np.log1p(history.weight),
        "views": np.log1p(history.view_count),
        "carts": np.log1p(history.cart_count),
        "purchases": np.log1p(history.purchase_count),
    }


def popularities(history: History) -> dict[str, np.ndarray]:
    """(items,) each: the logarithm of how many people touched an item, lately and in the long run."""
    items = len(history.catalogue)
    return {
        f"popular_{days}_days": np.log(0.5 + np.bincount(history.item, history.decay(days), items)).astype(np.float32) for days in (7, 120)
    }


def own_values(history: History, weights: Weights) -> np.ndarray:
    """(rows,) what a user's traces of an item add to that item's score."""
    return sum(weights[name] * values for name, values in traces(history).items())


def item_values(history: History, weights: Weights) -> np.ndarray:
    """(items,) what an item's popularity adds to its score for everybody."""
    return sum(weights[name] * values for name, values in popularities(history).items())


def fit(history: History, model_scores: Callable[[np.ndarray], np.ndarray], start: Weights | None = None) -> Weights:
    """The weights under which what was bought in the window after `history` is most likely, each user counting the same.

    Args:
        model_scores: (users,) indices to (users, items) scores of the model.
        start: weights to begin at; fewer steps when they are close.

    Damped Newton steps on a concave function: a handful suffices.
    """
    names = [*traces(history), *popularities(history), "model"]
    most = max(1, min(FITTED_USERS, FITTED_CELLS // max(1, len(history.catalogue))))
    users = history.buyers[:: max(1, len(history.buyers) // most)]
    weights = np.array([(start or {}).get(name, 0.0) for name in names])
    value, slope, curvature = _likelihood(history, model_scores, users, weights)
    for _ in range(LARGEST_STEPS):
        step = np.linalg.solve(curvature, slope)
        for _ in range(10):
            new = _likelihood(history, model_scores, users, weights + step)
            if new[0] >= value:
                break
            step = step / 2
        gain = new[0] - value
        if gain <= 0:
            break
        weights, (value, slope, curvature) = weights + step, new
        if gain < 1e-4:
            break
    return {name: round(float(weight), 6) for name, weight in zip(names, weights, strict=True)}


def _likelihood(
    history: History, model_scores: Callable[[np.ndarray], np.ndarray], users: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Mean log likelihood per user less the ridge, its slope and its negated second derivative."""
    own = [history.matrix(values) for values in traces(history).values()]
    shared = [values[None, :] for values in popularities(history).values()]
    value, slope, curvature = 0.0, np.zeros(len(weights)), np.zeros((len(weights), len(weights)))
    for block in ranking.blocks(users, len(weights) * shared[0].shape[1]):
        scored = model_scores(block)
        features = np.stack(
            [*(matrix[block].toarray() for matrix in own), *(np.broadcast_to(each, scored.shape) for each in shared), scored]
        )
        share, log_share = _shares(np.tensordot(weights.astype(np.float32), features, axes=1), history, block)
        chosen = (history.bought[block].toarray() / np.diff(history.bought.indptr)[block][:, None]).astype(np.float32)
        mean = np.einsum("ui,kui->ku", share, features)
        value += float((chosen * log_share).sum())
        slope += np.einsum("ui,kui->k", chosen, features) - mean.sum(axis=1)
        spread = (features * np.sqrt(share)).reshape(len(weights), -1)
        curvature += spread @ spread.T - mean @ mean.T
    count = max(len(users), 1)
    return (
        value / count - RIDGE / 2 * float(weights @ weights),
        slope / count - RIDGE * weights,
        curvature / count + RIDGE * np.eye(len(weights)),
    )


def _shares(scores: np.ndarray, history: History, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Softmax over the items that could be shown, and its logarithm (0 where it could not); both (users, items)."""
    is_open = np.broadcast_to(history.is_recommendable, scores.shape) & ~history.excluded[users].toarray()
    scores = np.where(is_open, scores, -np.inf)
    scores = scores - scores.max(axis=1, keepdims=True, initial=np.finfo(np.float32).min)
    share = np.exp(scores)
    total = share.sum(axis=1, keepdims=True)
    return share / total, np.where(is_open, scores - np.log(total), 0)
