"""Print how each model of a night stands beside the others, as Markdown: what docs/models.md shows.

python -m training.compare --shop shops/online_retail.yml --run-date 2011-11-30

Read from the night's run in MLflow; nothing is fitted.
"""

import sys
from datetime import date

import numpy as np

import steps
from settings import Settings
from shop import Shop
from training import bootstrap, tasks, tracking
from training.train import GAINS_FILE, NIGHT_FILE


def compare(settings: Settings, shop: Shop, run_date: date) -> str:
    """A table per task: every candidate's metrics on the same later window, the best by the deciding metric first.

    Raises:
        StepError: a task of the night was not trained.
    """
    return "\n\n".join(_table(settings, shop, run_date, name) for name in tasks.NAMES)


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
    names = list(night["candidates"][0]["test"])
    best, *others = sorted(range(len(gains)), key=lambda candidate: -gains[candidate].mean())
    lines = [f"| model | {' | '.join(names)} | {night['metric']}, gain of the best (95 %) |", "|---|" + "---:|" * (len(names) + 1)]
    for candidate in (best, *others):
        values = [f"{night['candidates'][candidate]['test'][metric]:.4f}" for metric in names]
        gain = "" if candidate == best else _gain(gains[best] - gains[candidate])
        lines.append(f"| {night['candidates'][candidate]['model']} | {' | '.join(values)} | {gain} |")
    users = f"{gains.shape[1]} users, labels after {night['cutoffs']['test']}"
    return f"{title}\n\n{users}. {tags.get('decision', 'Not decided yet')}.\n\n" + "\n".join(lines)


def _gain(differences: np.ndarray) -> str:
    low, high = bootstrap.interval_of_mean(differences)
    return f"{differences.mean():.4f} ({low:.4f} … {high:.4f})"


def main() -> None:
    steps.run(steps.arguments(__doc__), lambda settings, shop, run_date, options: compare(settings, shop, run_date))


if __name__ == "__main__":
    sys.exit(main())
