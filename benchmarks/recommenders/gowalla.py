"""The LightGCN benchmark split of Gowalla as the histories that recommenders learn from.

He et al., LightGCN: simplifying and powering graph convolution network for recommendation, 2020.
"""

from datetime import date

import duckdb
import numpy as np
from scipy import sparse

from settings import PROJECT_ROOT
from training.history import Catalogue, History
from training.recommendations import RecommendationTask

FILE = PROJECT_ROOT.parent / "shared" / "data" / "gowalla.parquet"
DAY = date(2010, 10, 31)  # the pairs have no time
# Held out of everybody's train items, as test is; were it of some people only, all others would still say what is popular, and the
# exponents of popularity would be chosen for another problem. Models are judged on some people's, for speed.
VALIDATION_SHARE, VALIDATION_USERS = 0.1, 3_000
QUICK_USERS = 3_000
K = 20
SEED = 1


def task(is_quick: bool = False) -> RecommendationTask:
    """Train cut into what is known and a validation window, and all of train with the test as its window."""
    train, test = pairs(is_quick)
    known, held_out = cut(train)
    return RecommendationTask({"validation": history(known, held_out), "test": history(train, test)}, K)


def pairs(is_quick: bool = False) -> tuple[sparse.csr_array, sparse.csr_array]:
    """(users, items) bool matrices of train and test."""
    with duckdb.connect() as connection:
        columns = connection.execute("select u, i, split from read_parquet(?) order by u, i", [str(FILE)]).fetchnumpy()
    shape = (int(columns["u"].max()) + 1, int(columns["i"].max()) + 1)
    parts = [columns["split"] == name for name in ("train", "test")]
    train, test = (sparse.csr_array((np.ones(part.sum(), bool), (columns["u"][part], columns["i"][part])), shape=shape) for part in parts)
    return (train[:QUICK_USERS], test[:QUICK_USERS]) if is_quick else (train, test)


def cut(train: sparse.csr_array) -> tuple[sparse.csr_array, sparse.csr_array]:
    """What stays of train when a share of each user's items is held out, and what was held out of some users."""
    random = np.random.default_rng(SEED)
    is_held_out = np.zeros(train.nnz, bool)
    for start, end in zip(train.indptr[:-1], train.indptr[1:], strict=True):
        is_held_out[start + random.choice(end - start, max(1, round((end - start) * VALIDATION_SHARE)), replace=False)] = True
    judged = np.zeros(train.shape[0], bool)
    judged[random.choice(train.shape[0], min(VALIDATION_USERS, train.shape[0]), replace=False)] = True
    return _only(train, ~is_held_out), _only(train, is_held_out & np.repeat(judged, np.diff(train.indptr)))


def _only(matrix: sparse.csr_array, chosen: np.ndarray) -> sparse.csr_array:
    offsets = np.concatenate([[0], np.cumsum(chosen)])[matrix.indptr]
    return sparse.csr_array((matrix.data[chosen], matrix.indices[chosen], offsets), shape=matrix.shape)


def history(known: sparse.csr_array, bought: sparse.csr_array) -> History:
    """A history without time and kinds of events, in which what is known may not be shown again."""
    users, items = known.shape
    ones = np.ones(known.nnz, np.float32)
    return History(
        as_of=DAY,
        catalogue=Catalogue(_names(items), np.full(items, ""), np.full(items, ""), np.full(items, np.nan)),
        user_keys=_names(users),
        offsets=known.indptr.astype(np.int64),
        item=known.indices.astype(np.int32),
        weight=ones,
        view_count=ones,
        cart_count=np.zeros_like(ones),
        purchase_count=np.zeros_like(ones),
        age_days=np.zeros_like(ones),
        last_event_type=np.full(known.nnz, 2, np.int8),
        is_recommendable=np.ones(items, bool),
        excluded=known,
        bought=bought,
        bought_by_newcomers=sparse.csr_array((0, items), dtype=bool),  # everybody has a history
        popular=np.empty(0, np.int32),
    )


def _names(count: int) -> np.ndarray:
    return np.array([f"{number:06}" for number in range(count)])
