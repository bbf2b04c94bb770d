"""A million items whose vectors a model found: Gowalla expanded at random into many worlds, factored as `spectral` does.

python -m benchmarks.recommenders.expanded_gowalla vectors.npz

Every user of Gowalla's train has COPIES copies, every item one in each world. A copy prefers few worlds (Dirichlet with CONCENTRATION) and
touches each item of its original in a world of its choice; NOISE of all touches are instead somebody's item in any world. Of the items
that were touched, ITEMS are kept, some eight touches each. It is a stochastic Kronecker product: what is popular, and who likes what,
repeats at two scales (Belletti et al., Scalable realistic recommendation datasets through fractal expansions, 2019).
"""

import sys
from pathlib import Path

import numpy as np
from scipy import sparse

from benchmarks.recommenders import gowalla
from training import arrays
from training.models import spectral

ITEMS, USERS, DIMENSIONS = 1_000_000, 100_000, 128
COPIES, WORLDS, CONCENTRATION, NOISE = 10, 45, 0.05, 0.1
QUICK = (1, 5, 60_000, 5_000)  # copies, worlds, items, users
SEED = 11


def touches(copies: int, worlds: int, items: int) -> sparse.csr_array:
    """(users, items) bool of the expanded history."""
    random = np.random.default_rng(SEED)
    train = gowalla.pairs()[0]
    user = np.repeat(np.arange(train.shape[0] * copies), np.tile(np.diff(train.indptr), copies))
    item = np.tile(train.indices, copies)
    liking = np.cumsum(random.dirichlet(np.full(worlds, CONCENTRATION), train.shape[0] * copies), axis=1)
    world = (random.random(len(user))[:, None] > liking[user, :-1]).sum(axis=1)
    is_noise = random.random(len(user)) < NOISE
    item = np.where(is_noise, random.permutation(item), item)
    world = np.where(is_noise, random.integers(0, worlds, len(user)), world)
    number = world * train.shape[1] + item
    kept = np.sort(random.permutation(np.unique(number))[:items])
    place = np.searchsorted(kept, number).clip(max=len(kept) - 1)
    is_kept = kept[place] == number
    matrix = sparse.csr_array((np.ones(is_kept.sum(), np.float32), (user[is_kept], place[is_kept])), shape=(user[-1] + 1, len(kept)))
    matrix = matrix[np.flatnonzero(np.diff(matrix.indptr))]
    return sparse.csr_array((np.ones(matrix.nnz, bool), matrix.indices, matrix.indptr), shape=matrix.shape)


def save(file: Path, is_quick: bool) -> None:
    """Write the vectors of items and of evenly chosen users, and which items these touched."""
    copies, worlds, items, users = QUICK if is_quick else (COPIES, WORLDS, ITEMS, USERS)
    known = touches(copies, worlds, items)
    history = gowalla.history(known, known)
    model = spectral.Model(spectral.Params(rank=DIMENSIONS, neighbour_weight=0)).fit(history)
    rows = np.linspace(0, known.shape[0] - 1, users).astype(int)
    own = known[rows]
    queries = model.query(history)[rows] @ model.of_history
    arrays.save(file, items=model.of_shown, queries=queries, own_items=own.indices, own_offsets=own.indptr)


if __name__ == "__main__":
    save(Path(sys.argv[1]), "--quick" in sys.argv[2:])
