"""How good lists of recommendations are: pure functions of what was listed and what was then bought.

Everywhere: `listed` is (users, n) item indices, best first, -1 where a list is shorter; `is_hit` is (users, n) whether
the item at a place was bought; `bought_count` is (users,) how many items a user bought in the window, at least 1.
Accuracy is (users,) values from 0 to 1; what else can be said of lists is below it.
"""

import numpy as np
from scipy import sparse


def recall_at_k(is_hit: np.ndarray, bought_count: np.ndarray, k: int) -> np.ndarray:
    """Share of the bought items that are among the first k."""
    return is_hit[:, :k].sum(axis=1) / bought_count


def ndcg_at_k(is_hit: np.ndarray, bought_count: np.ndarray, k: int) -> np.ndarray:
    """Hits among the first k, each worth 1 / log2(place + 1), against the best that k places allow.

    Järvelin and Kekäläinen, Cumulated gain-based evaluation of IR techniques, 2002.
    """
    discounts = 1 / np.log2(np.arange(2, k + 2))
    gained = is_hit[:, :k] @ discounts[: is_hit.shape[1]]
    possible = np.cumsum(discounts)[np.minimum(bought_count, k).astype(int) - 1]
    return gained / possible


def hit_rate_at_k(is_hit: np.ndarray, k: int) -> np.ndarray:
    """1 where at least one of the first k was bought."""
    return is_hit[:, :k].any(axis=1).astype(float)


def coverage_at_k(listed: np.ndarray, k: int, recommendable_count: int) -> float:
    """Share of the recommendable items that stand in at least one user's first k."""
    shown = np.unique(listed[:, :k])
    return float((shown >= 0).sum() / recommendable_count) if recommendable_count else 0.0


def reciprocal_rank_at_k(is_hit: np.ndarray, k: int) -> np.ndarray:
    """1 / place of the first hit among the first k; 0 without one. Its mean is the MRR."""
    first = is_hit[:, :k]
    if not first.shape[1]:  # nothing could be listed
        return np.zeros(len(first))
    return np.where(first.any(axis=1), 1 / (1 + first.argmax(axis=1)), 0.0)


def novelty_at_k(listed: np.ndarray, user_count: np.ndarray, users: int, k: int) -> np.ndarray:
    """(users,) mean surprise in bits of the first k items: -log2 of the share of all users who know an item.

    Args:
        user_count: (items,) how many of all `users` know each item; nobody counts as one of one user more.

    Castells, Vargas and Wang, Novelty and diversity metrics for recommender systems, 2011.
    """
    surprise = -np.log2((user_count + 1) / (users + 1))
    return _mean_over_list(surprise, listed[:, :k])


def diversity_at_k(listed: np.ndarray, vectors: sparse.csr_array, k: int) -> np.ndarray:
    """(users,) 1 less the mean cosine of all pairs of the first k items; 0 for lists of fewer than two.

    Args:
        vectors: (items, dimensions) rows of length 1, or of zeros.

    Ziegler et al., Improving recommendation lists through topic diversification, 2005 (intra-list similarity).
    """
    diversity = np.zeros(len(listed))
    for user, row in enumerate(listed[:, :k]):
        items = row[row >= 0]
        if len(items) > 1:
            likeness = (vectors[items] @ vectors[items].T).sum() - vectors[items].power(2).sum()
            diversity[user] = 1 - likeness / (len(items) * (len(items) - 1))
    return diversity


def gini_at_k(listed: np.ndarray, k: int, recommendable: np.ndarray) -> float:
    """How unevenly the first k places fall on the recommendable items: 0 all alike, towards 1 all on one.

    Args:
        recommendable: (items,) True for what could be shown.
    """
    shown = listed[:, :k]
    times = np.sort(np.bincount(shown[shown >= 0], minlength=len(recommendable))[recommendable])
    items = len(times)
    if not times.sum():
        return 0.0
    return float(((2 * np.arange(1, items + 1) - items - 1) * times).sum() / (items * times.sum()))


def popularity_lift_at_k(listed: np.ndarray, user_count: np.ndarray, own_popularity: np.ndarray, k: int) -> float:
    """How much more popular the first k items are than what people chose themselves: 0 alike, 1 twice as popular.

    Args:
        user_count: (items,) how many users know each item.
        own_popularity: (users,) mean of that over each user's own items.

    Abdollahpouri et al., The unfairness of popularity bias in recommendation, 2019.
    """
    own = own_popularity.sum()
    return float(_mean_over_list(user_count, listed[:, :k]).sum() / own - 1) if own else 0.0


def _mean_over_list(values: np.ndarray, listed: np.ndarray) -> np.ndarray:
    """(users,) mean of an item's value over the listed places; 0 for an empty list."""
    is_listed = listed >= 0
    return np.where(is_listed, values[listed], 0).sum(axis=1) / np.maximum(is_listed.sum(axis=1), 1)
