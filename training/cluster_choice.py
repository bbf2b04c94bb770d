"""Into how many groups people fall: as many as come out alike from either half of them, and lie apart."""

import numpy as np

from training import backend

FEWEST, MOST = 4, 10  # groups tried
CHOICE_USERS = 10_000  # enough to choose by
SILHOUETTE_USERS = 2_000  # the silhouette compares every pair
WIN = 1.25  # other groups than those of the night before must be better by so much: small shops' qualities vary by a fifth


def best_partition(points: np.ndarray, smallest: int, before: np.ndarray | None = None) -> np.ndarray:
    """(users,) group from 0, by the number of groups with the highest stability times silhouette (Rousseeuw, 1987).

    Stability is the adjusted Rand index of two partitions of the same people, each learned from one half of them
    (Ben-Hur, Elisseeff and Guyon, 2002).

    Args:
        points: (users, columns).
        smallest: users that every group has to have.
        before: (groups, columns) where the groups of the night before stand today. They stay, moved as little as k-means
            moves them, unless one has become too small or others are clearly better.
    """
    sample = points[np.random.default_rng(backend.SEED).permutation(len(points))[:CHOICE_USERS]]
    kinds = len(np.unique(sample, axis=0))  # people who are all alike cannot be told apart
    most = min(MOST, kinds, len(sample) // 2)  # either half has to have as many
    qualities = {}
    for count in range(FEWEST, most + 1):
        member = partition(sample, count)
        if _is_large_enough(member, count, smallest * len(sample) / len(points)):
            qualities[count] = _quality(sample, member)
    if before is not None and len(before) <= most:
        kept = partition(points, len(before), before)
        is_beaten = max(qualities.values(), default=0) >= WIN * _quality(points[:CHOICE_USERS], kept[:CHOICE_USERS])
        if _is_large_enough(kept, len(before), smallest) and not is_beaten:
            return kept
    best_first = sorted(qualities, key=lambda count: -qualities[count])
    for count in [*best_first, *range(min(FEWEST - 1, most), 1, -1)]:
        member = partition(points, count)
        if _is_large_enough(member, count, smallest):
            return member
    return np.zeros(len(points), int)


def _is_large_enough(member: np.ndarray, count: int, smallest: float) -> bool:
    return np.bincount(member, minlength=count).min() >= smallest


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
