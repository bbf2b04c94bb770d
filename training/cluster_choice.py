"""Into how many groups people fall: as many as come out alike from either half of them, and lie apart."""

import numpy as np

from training import backend

FEWEST, MOST = 4, 10  # groups tried
CHOICE_USERS = 10_000  # enough to choose by
SILHOUETTE_USERS = 2_000  # the silhouette compares every pair
WIN = 1.05  # another number than the night before must be better by so much


def best_count(points: np.ndarray, smallest: int, before: int | None = None) -> int:
    """The number of groups with the highest stability times silhouette (Rousseeuw, 1987).

    Stability is the adjusted Rand index of two partitions of the same people, each learned from one half of them
    (Ben-Hur, Elisseeff and Guyon, 2002). Counts whose smallest group would be too small are none.

    Args:
        points: (users, columns).
        smallest: users that every group has to have.
        before: the night before's number; it stays unless another is clearly better.
    """
    sample = points[np.random.default_rng(backend.SEED).permutation(len(points))[:CHOICE_USERS]]
    share = len(points) / max(len(sample), 1)
    kinds = len(np.unique(sample, axis=0))  # people who are all alike cannot be told apart
    partitions = {count: partition(sample, count) for count in range(FEWEST, min(MOST, kinds) + 1)}
    qualities = {
        count: _quality(sample, member)
        for count, member in partitions.items()
        if np.bincount(member, minlength=count).min() * share >= smallest
    }
    if not qualities:
        return _fewer(sample, min(FEWEST - 1, kinds), smallest / share)
    best = max(qualities, key=qualities.get)
    return before if before in qualities and qualities[best] < WIN * qualities[before] else best


def partition(points: np.ndarray, count: int, start: np.ndarray | None = None) -> np.ndarray:
    """(users,) group from 0 by k-means, from given centres (count, columns) or from the best of four beginnings."""
    return _fitted(points, count, start).labels_


def _fitted(points: np.ndarray, count: int, start: np.ndarray | None = None):
    from sklearn.cluster import KMeans

    beginning = {"n_init": 4} if start is None else {"init": start, "n_init": 1}
    return KMeans(count, random_state=backend.SEED, **beginning).fit(points)


def _quality(points: np.ndarray, member: np.ndarray) -> float:
    from sklearn.metrics import adjusted_rand_score, silhouette_score

    count = member.max() + 1
    one, other = (_fitted(half, count).predict(points) for half in (points[::2], points[1::2]))
    shown = slice(SILHOUETTE_USERS)
    if len(np.unique(member[shown])) < 2:
        return -1.0
    silhouette = float(silhouette_score(points[shown], member[shown]))
    return round(silhouette * max(float(adjusted_rand_score(one, other)), 0), 6)


def _fewer(points: np.ndarray, most: int, smallest: float) -> int:
    """The largest number of groups up to `most` that are all large enough; 1 where none are."""
    for count in range(most, 1, -1):
        if np.bincount(partition(points, count), minlength=count).min() >= smallest:
            return count
    return 1
