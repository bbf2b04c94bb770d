"""Print how each model of a night stands beside the others, as Markdown: what docs/models.md shows.

python -m training.compare --shop shops/online_retail.yml --run-date 2011-11-30

Read from the night's run in MLflow; nothing is fitted.
"""

import sys
from datetime import date
from typing import Any

import numpy as np

import steps
from settings import Settings
from shop import Shop
from training import bootstrap, tracking
from training.train import GAINS_FILE, NIGHT_FILE, SLICES_FILE, label

OF_LISTS = ("coverage", "novelty", "diversity", "gini", "popularity_lift", "same_list")  # metrics that no purchase is asked for


def compare(settings: Settings, shop: Shop, run_date: date) -> str:
    """Tables per task: every candidate's metrics on the same later window, the best by the deciding metric first.

    Of recommendations also what the lists are like, and the deciding metric by slices.

    Raises:
        StepError: a task of the night was not trained.
    """
    return "\n\n".join(_table(settings, shop, run_date, name) for name in shop.task_names)


def _table(settings: Settings, shop: Shop, run_date: date, name: str) -> str:
    store = tracking.Store(settings, shop.name, name)
    run_id = store.finished(stage="night", run_date=run_date.isoformat())
    if run_id is None:
        raise steps.StepError(f"no finished training of {name} for {run_date}: run `python -m training.train {name}` first")
    tags = store.tags(run_id)
    title = f"### {name}, night of {run_date}"
    if tags["is_trained"] != "True":
        return f"{title}\n\n{tags['result']}"
    night, gains = store.read_json(run_id, NIGHT_FILE), store.read_arrays(run_id, GAINS_FILE)["gains"]
    order = sorted(range(len(gains)), key=lambda candidate: -gains[candidate].mean())
    candidates = [night["candidates"][place] for place in order]
    gained = ["", *(_gain(gains[order[0]] - gains[place]) for place in order[1:])]
    users = f"{gains.shape[1]} users, labels after {night['cutoffs']['test']}"
    parts = [title, f"{users}. {tags.get('decision', 'Not decided yet')}.", _metrics(candidates, night["metric"], gained)]
    if name == "recommendations":
        parts += [_metrics_of_lists(candidates), _slices(store, candidates, night["metric"])]
    return "\n\n".join(parts)


def _metrics(candidates: list[dict[str, Any]], decides: str, gained: list[str]) -> str:
    names = [name for name in candidates[0]["test"] if not name.startswith(OF_LISTS) and not name.endswith(("_low", "_high"))]
    rows = [[label(each), *_values(each, names), gain] for each, gain in zip(candidates, gained, strict=True)]
    return _markdown(["model", *names, f"{decides}, gain of the best (95 %)"], rows)


def _metrics_of_lists(candidates: list[dict[str, Any]]) -> str:
    names = [name for name in candidates[0]["test"] if name.startswith(OF_LISTS)]
    return _markdown(["what the lists are like", *names], [[label(each), *_values(each, names)] for each in candidates])


def _slices(store: tracking.Store, candidates: list[dict[str, Any]], decides: str) -> str:
    """The deciding metric and its interval by kinds of users and of items."""
    tables = [store.read_table(each["run_id"], SLICES_FILE) for each in candidates]
    rows = [
        [same[0]["slice"], str(same[0]["users"]), *(_with_interval(row, decides) for row in same)] for same in zip(*tables, strict=True)
    ]
    return _markdown([f"{decides} (95 %)", "users", *(label(each) for each in candidates)], rows)


def _with_interval(row: dict[str, Any], metric: str) -> str:
    if not row["users"]:
        return ""
    return f"{row[metric]:.4f} ({row[f'{metric}_low']:.4f} … {row[f'{metric}_high']:.4f})"


def _values(candidate: dict[str, Any], names: list[str]) -> list[str]:
    return [f"{candidate['test'][name]:.4f}" for name in names]


def _markdown(header: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "|---|" + "---:|" * (len(header) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _gain(differences: np.ndarray) -> str:
    low, high = bootstrap.interval_of_mean(differences)
    return f"{differences.mean():.4f} ({low:.4f} … {high:.4f})"


def main() -> None:
    steps.run(steps.arguments(__doc__), lambda settings, shop, run_date, options: compare(settings, shop, run_date))


if __name__ == "__main__":
    sys.exit(main())
