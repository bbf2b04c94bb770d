"""The top K of users among stored vectors, by the index that a night uses; each run is a process of its own.

python -m benchmarks.recommenders.top_lists vectors.npz

The last line printed is one JSON object. Recall is against exact lists of evenly chosen users, others than those by whom the index chose.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from training import arrays, item_index, ranking

K, JUDGED = 100, 999


def measured(file: Path) -> dict[str, float]:
    stored = arrays.load(file)
    items, queries = stored["items"], stored["queries"]
    ones = np.ones(len(stored["own_items"]), bool)
    own = sparse.csr_array((ones, stored["own_items"], stored["own_offsets"]), shape=(len(queries), len(items)))
    began = time.monotonic()
    index = item_index.ItemIndex.of(items)
    built = time.monotonic()
    probes, said = index.probes(queries, K)
    chosen = time.monotonic()
    listed, _ = index.search(queries, K, probes, own)
    done = time.monotonic()
    if listed.min() < 0 or own[np.repeat(np.arange(len(queries)), K), listed.ravel()].any():
        sys.exit("a list is short or shows what its user has touched")
    del index
    rows = np.linspace(0, len(queries) - 1, min(JUDGED, len(queries))).astype(int)
    before = time.monotonic()
    recall = float(np.mean([_recall(listed[block], _exact(queries, items, own, block)) for block in ranking.blocks(rows, len(items))]))
    exact_seconds = (time.monotonic() - before) * len(queries) / len(rows)
    return {
        "items": len(items), "dimensions": items.shape[1], "users": len(queries), "cores": len(os.sched_getaffinity(0)),
        "lists_looked_into": probes, "recall_at_100": round(recall, 5), "recall_that_the_index_says": round(said, 5),
        "building_seconds": round(built - began, 2), "choosing_seconds": round(chosen - built, 2),
        "searching_seconds": round(done - chosen, 2), "seconds": round(done - began, 2), "exact_seconds": round(exact_seconds, 1),
    }  # fmt: skip


def _exact(queries: np.ndarray, items: np.ndarray, own: sparse.csr_array, users: np.ndarray) -> np.ndarray:
    scores = queries[users] @ items.T
    scores[own[users].nonzero()] = -np.inf
    return ranking.best(scores, K)[0]


def _recall(listed: np.ndarray, exact: np.ndarray) -> float:
    return float(np.mean([len(set(found) & set(wanted)) / K for found, wanted in zip(listed.tolist(), exact.tolist(), strict=True)]))


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]))))
