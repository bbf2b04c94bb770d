"""How good lists of recommendations are: pure functions of what was listed and what was then bought.

Everywhere: `listed` is (users, n) item indices, best first, -1 where a list is shorter; `is_hit` is (users, n) whether
the item at a place was bought; `bought_count` is (users,) how many items a user bought in the window, at least 1.
Each per-user function returns (users,) values from 0 to 1.
"""

import numpy as np


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
