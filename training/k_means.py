"""Groups of near vectors, by k-means in two levels: deterministic, and fast for thousands of groups."""

import numpy as np
from scipy import sparse

from training import ranking

TRAINED_A_GROUP, ROUNDS = 40, 5  # of k-means: vectors that it learns from, and how often they are dealt out


def two_levels(vectors: np.ndarray, count: int) -> np.ndarray:
    """(rows,) which of about `count` groups each vector is of, found in two levels, which take less than one."""
    coarse = _nearest(vectors, _centres(vectors, round(count**0.5)))
    member, groups = np.empty(len(vectors), int), 0
    for number in np.unique(coarse):
        rows = np.flatnonzero(coarse == number)
        part = vectors[rows]
        centres = _centres(part, max(1, round(count * len(rows) / len(vectors))))
        member[rows] = groups + _nearest(part, centres)
        groups += len(centres)
    return member


def _centres(vectors: np.ndarray, count: int) -> np.ndarray:
    """(count, dimensions) by k-means over evenly chosen vectors, from evenly chosen ones."""
    learned = vectors[np.unique(np.linspace(0, len(vectors) - 1, min(len(vectors), count * TRAINED_A_GROUP)).astype(int))]
    centres = learned[np.linspace(0, len(learned) - 1, count).astype(int)]
    for _ in range(ROUNDS):
        member = _nearest(learned, centres)
        dealt = sparse.csr_array((np.ones(len(learned), np.float32), (member, np.arange(len(learned)))), shape=(count, len(learned)))
        dealt_count = np.diff(dealt.indptr)[:, None]
        centres = np.where(dealt_count > 0, (dealt @ learned) / np.maximum(dealt_count, 1), centres).astype(np.float32)
    return centres


def _nearest(vectors: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """(rows,) the centre at the least distance."""
    half_squares, size = (centres**2).sum(axis=1) / 2, max(1, ranking.CELLS // len(centres))
    pieces = (vectors[start : start + size] for start in range(0, len(vectors), size))  # slices, which are no copies
    return np.concatenate([np.empty(0, int), *((piece @ centres.T - half_squares).argmax(axis=1) for piece in pieces)])
