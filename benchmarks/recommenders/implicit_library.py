"""The recommenders of the library `implicit` on Gowalla: tuned on the validation window, fitted on train, judged once.

python -m benchmarks.recommenders.implicit_library als

`implicit` is a dependency of this benchmark alone: `uv pip install -r requirements-benchmarks.txt`. Its documentation asks
for one BLAS thread, since it makes threads of its own. The last line printed is one JSON object, as that of `ours`.
"""

import argparse
import json
import os
import sys
import time
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks.recommenders import gowalla
from training import ranking_metrics
from training.evaluation import hits
from training.history import History

THREADS = len(os.sched_getaffinity(0))
LISTED, SEED = 100, 7
QUICK_FACTORS = 64
# the settings of iALS that are tried at its best number of factors; Rendle et al., Revisiting the performance of iALS on item
# recommendation benchmarks, 2022, on what matters
ALS_TRIED = tuple({"factors": 512, "regularization": penalty, "alpha": weight} for weight in (1.0, 10.0) for penalty in (0.01, 1.0, 10.0))
ALS_OF_SPEED = {"factors": 256, "regularization": 1.0, "alpha": 1.0, "iterations": 1}  # only its lists are timed
BM25_TRIED = tuple({"K": count, "K1": k1, "B": b} for count in (50, 200) for k1 in (0.5, 1.2) for b in (0.25, 0.75))


def build(name: str, params: dict[str, Any]) -> Any:
    from implicit.cpu.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender

    if name == "bm25":
        return BM25Recommender(**params, num_threads=THREADS)
    return AlternatingLeastSquares(**params, num_threads=THREADS, random_state=SEED)


def matrix(window: History) -> sparse.csr_matrix:
    return sparse.csr_matrix(window.matrix(np.ones(len(window.item))))


def fitted(name: str, params: dict[str, Any], window: History) -> Any:
    model = build(name, params)
    model.fit(matrix(window), show_progress=False)
    return model


def listed(model: Any, window: History, users: np.ndarray, count: int) -> np.ndarray:
    """(users, count) items that the users did not touch, best first."""
    return model.recommend(users, matrix(window)[users], N=count, filter_already_liked_items=True)[0]


def metrics(items: np.ndarray, window: History, users: np.ndarray) -> dict[str, float]:
    is_hit, bought = hits(items, window.bought[users]), np.diff(window.bought.indptr)[users]
    measures = {"recall_at_20": ranking_metrics.recall_at_k, "ndcg_at_20": ranking_metrics.ndcg_at_k}
    return {name: round(float(measure(is_hit, bought, gowalla.K).mean()), 6) for name, measure in measures.items()}


def measured(name: str, is_quick: bool, given: dict[str, Any] | None) -> dict[str, Any]:
    histories = gowalla.task(is_quick).histories
    validation, window = histories["validation"], histories["test"]
    tried = {"bm25": BM25_TRIED, "als": ALS_TRIED, "als_256": (ALS_OF_SPEED,)}[name]
    if given:
        tried = (given,)
    elif is_quick:
        tried = [each | ({"factors": QUICK_FACTORS} if "factors" in each else {}) for each in tried[:2]]

    def value(params: dict[str, Any]) -> float:
        model = fitted(name, params, validation)
        found = metrics(listed(model, validation, validation.buyers, gowalla.K), validation, validation.buyers)
        print(f"{name}: {params}: {found}", file=sys.stderr, flush=True)
        return found["ndcg_at_20"]

    began = time.monotonic()
    params = max(tried, key=value) if len(tried) > 1 else tried[0]
    tuned = time.monotonic()
    model = fitted(name, params, window)
    done = time.monotonic()
    users = np.arange(len(window.user_keys))
    items = listed(model, window, users, LISTED)
    seconds = {"tuning_seconds": tuned - began, "fit_seconds": done - tuned, "top_100_seconds": time.monotonic() - done}
    return {
        "name": f"implicit {name}",
        **metrics(items[:, : gowalla.K], window, users),
        **{key: round(each, 2) for key, each in seconds.items()},
        "factors": params.get("factors"),
        "params": params,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=("als", "als_256", "bm25"))
    parser.add_argument("--quick", action="store_true", help="the first users alone, few factors, two settings")
    parser.add_argument("--params", type=json.loads, help="of the model, as JSON, instead of tuning")
    options = parser.parse_args()
    print(json.dumps(measured(options.name, options.quick, options.params)))


if __name__ == "__main__":
    main()
