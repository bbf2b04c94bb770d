"""One of the night's models on Gowalla, by the night's own choice: tuned on the validation window, fitted on train, judged once.

python -m benchmarks.recommenders.ours spectral
python -m benchmarks.recommenders.ours spectral --params '{"rank": 512}' --window validation    # leaves the test unread

The last line printed is one JSON object: the figures, with seconds of tuning, of fitting and of the top 100 for all users.
"""

import argparse
import json
import logging
import time

import numpy as np

from benchmarks.recommenders import gowalla
from training.recipes import Recipe

LISTED = 100


def measured(model: str, is_quick: bool, params: dict[str, object] | None, cutoff: str = "test") -> dict[str, object]:
    task = gowalla.task(is_quick)
    began = time.monotonic()
    recipe = Recipe(model, params) if params is not None else task.tuned(Recipe.default(model))[0]
    tuned = time.monotonic()
    fitted = task.fitted(recipe, cutoff)
    done = time.monotonic()
    window = task.histories[cutoff]
    lists = fitted.recommend(window, np.arange(len(window.user_keys)), LISTED, with_reasons=False)
    listed = time.monotonic()
    if lists.item[:, 0].min() < 0:
        raise SystemExit(f"{model}: a user has no list")
    seconds = {"tuning_seconds": tuned - began, "fit_seconds": done - tuned, "top_100_seconds": listed - done}
    metrics = task.judged(fitted, cutoff).metrics
    return {
        "name": model,
        "recall_at_20": metrics["recall_at_20"],
        "ndcg_at_20": metrics["ndcg_at_20"],
        **{name: round(value, 2) for name, value in seconds.items()},
        "factors": recipe.params.get("rank"),
        "params": recipe.params,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--quick", action="store_true", help="the first users alone")
    parser.add_argument("--params", type=json.loads, help="of the recipe, as JSON, instead of tuning")
    parser.add_argument("--window", choices=("validation", "test"), default="test", help="what is judged on (default: %(default)s)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    print(json.dumps(measured(options.model, options.quick, options.params, options.window)))


if __name__ == "__main__":
    main()
