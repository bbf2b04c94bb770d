"""The night's recommenders beside the library `implicit`, on public data.

python -m benchmarks.recommendations            # most of its time is the tuning of all contenders
python -m benchmarks.recommendations --quick    # the first users alone, few factors, no limits

Gowalla follows the LightGCN protocol: all items are candidates, those of train are not shown, Recall@20 and NDCG@20 are means over
the users of the test. Every contender is tuned on a validation window cut from train, fitted on all of train and judged once,
in a process of its own, one after the other, on all cores. On Online Retail and RetailRocket, cut by time, the champion is
chosen as a night chooses it and compared with the baselines on the following four weeks.

Limits, of the full run: on Gowalla the night's own choice reaches Recall@20 0.190 and NDCG@20 0.158, is fitted in no more time than
implicit's iALS with 512 factors, and finds the top 100 of all users in at most 1.5 times the time of implicit with 256 factors,
each divided by its factors. Needs ../shared/data and `.venv/bin/uv pip install -r requirements-benchmarks.txt`.
"""

import argparse
import importlib.util
import json
import sys
from typing import Any

from benchmarks.processes import measured
from benchmarks.recommenders import shops
from training.bootstrap import interval_of_mean
from training.recipes import BASELINES, Recipe

LEAST_RECALL, LEAST_NDCG, MOST_TIMES_A_FACTOR = 0.190, 0.158, 1.5
OURS = ("popularity", "item_knn", "spectral")
THEIRS = ("bm25", "als", "als_256")
DEFAULT = "spectral"  # of ours, the one that is held to the limits
COLUMNS = ("recall_at_20", "ndcg_at_20", "tuning_seconds", "fit_seconds", "top_100_seconds", "gigabytes")


def gowalla(is_quick: bool) -> list[dict[str, Any]]:
    """One row per contender."""
    commands = [("ours", name) for name in OURS] + [("implicit_library", name) for name in THEIRS]
    return [_contender(module, name, is_quick) for module, name in commands]


def _contender(module: str, name: str, is_quick: bool) -> dict[str, Any]:
    # implicit makes threads of its own and asks for one of BLAS
    environment = {"OPENBLAS_NUM_THREADS": "1"} if module == "implicit_library" else None
    run, output = measured(f"benchmarks.recommenders.{module}", name, *(["--quick"] if is_quick else []), environment=environment)
    return json.loads(output.strip().splitlines()[-1]) | {"gigabytes": run.gigabytes}


def times_a_factor(rows: list[dict[str, Any]]) -> float:
    """Time of our lists per factor, over that of implicit's."""
    ours, theirs = (next(row for row in rows if row["name"] == name) for name in (DEFAULT, "implicit als_256"))
    return ours["top_100_seconds"] / ours["factors"] / (theirs["top_100_seconds"] / theirs["factors"])


def faults(rows: list[dict[str, Any]]) -> list[str]:
    """Which limits are not met."""
    by_name = {row["name"]: row for row in rows}
    ours, als, times = by_name[DEFAULT], by_name["implicit als"], times_a_factor(rows)
    limits = {
        f"Recall@20 {ours['recall_at_20']:.4f} < {LEAST_RECALL}": ours["recall_at_20"] >= LEAST_RECALL,
        f"NDCG@20 {ours['ndcg_at_20']:.4f} < {LEAST_NDCG}": ours["ndcg_at_20"] >= LEAST_NDCG,
        f"fit {ours['fit_seconds']} s > implicit's {als['fit_seconds']} s": ours["fit_seconds"] <= als["fit_seconds"],
        f"top 100 takes {times:.2f} times implicit's a factor > {MOST_TIMES_A_FACTOR}": times <= MOST_TIMES_A_FACTOR,
    }
    return [fault for fault, is_met in limits.items() if not is_met]


def by_time(shop: shops.Shop) -> dict[str, Any]:
    """A night's choice and comparison: the best on the validation window against each other on the test window."""
    task = shops.task(shop)
    models = task.models
    recipes = {model: task.tuned(Recipe.default(model)) for model in models}
    validation = {model: task.judged(fitted, "validation").metrics[task.metric] for model, (_, fitted) in recipes.items()}
    judged = {model: task.judged(task.fitted(recipe, "test"), "test") for model, (recipe, _) in recipes.items()}
    champion = max(models, key=lambda model: validation[model])
    gains = {model: judged[champion].gains - judged[model].gains for model in models if model in BASELINES and model != champion}
    return {
        "name": shop.name,
        "users": len(judged[champion].units),
        "metric": task.metric,
        "champion": champion,
        "validation": validation,
        "test": {model: each.metrics[task.metric] for model, each in judged.items()},
        "gain_over": {
            model: [round(float(each.mean()), 4), *(round(bound, 4) for bound in interval_of_mean(each))] for model, each in gains.items()
        },
    }


def print_gowalla(rows: list[dict[str, Any]]) -> None:
    print("| Gowalla | " + " | ".join(COLUMNS) + " |\n|---|" + "---:|" * len(COLUMNS))
    for row in rows:
        print(f"| {row['name']} | " + " | ".join(str(row[column]) for column in COLUMNS) + " |")


def print_shops(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        print(f"\n{row['name']}: {row['users']} users, {row['metric']}, champion by the validation window {row['champion']}")
        for model, value in row["test"].items():
            gain = row["gain_over"].get(model)
            print(f"  {model:<24}{value:.4f}" + (f"   champion's gain {gain[0]:+.4f} ({gain[1]:+.4f} … {gain[2]:+.4f})" if gain else ""))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="the first users alone, without limits")
    is_quick = parser.parse_args().quick
    if not importlib.util.find_spec("implicit"):
        sys.exit("the library to compare with is missing: .venv/bin/uv pip install -r requirements-benchmarks.txt")
    rows = gowalla(is_quick)
    print_gowalla(rows)
    compared = [by_time(shop) for shop in (shops.SHOPS[1:] if is_quick else shops.SHOPS)]
    print_shops(compared)
    found, times = [] if is_quick else faults(rows), round(times_a_factor(rows), 3)
    print(f"\ntop 100 of {DEFAULT}: {times} times implicit's with 256 factors, a factor", *found, sep="\n")
    print(json.dumps({"gowalla": rows, "top_100_times_a_factor": times, "shops": compared, "faults": found}))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
