"""Tune: search for better parameters of a task's models, for the nightly fits of the weeks after.

    python -m training.tune recommendations --shop shops/demo.yml --run-date 2026-06-30

Each trial is what a night does with a model, tuning and fit on the validation window, from other parameters; it is a
nested run in MLflow. The test window of this night, or of any later one, is no part of it. Nights before `run_date` do
not see what is found.
"""

import logging
import sys
from datetime import date
from typing import Any

import steps
from settings import Settings
from shop import Shop
from training import fingerprint, tasks, tracking
from training.recipes import Recipe
from training.search_spaces import SPACES

log = logging.getLogger("training")

NAMES = ("recommendations",)
STAGE, BEST_FILE = "tuning", "best.json"
SEED = 7


def tune(settings: Settings, shop: Shop, run_date: date, name: str, trials: int, minutes: float) -> str:
    """Search every model of the task that has a search space, and return the summary line.

    Args:
        trials: at most, of each model; the first is what a night would start from today.
        minutes: at most, of each model; the trial that is running then is finished.

    Raises:
        StepError: a fit diverged, or the night has no warehouse; nothing is stored then.
    """
    task = tasks.load(settings, shop, run_date, name)
    store = tracking.Store(settings, shop.name, name)
    summary = f"tune {name} {shop.name} {run_date}"
    if reason := task.shortfall():
        return f"{summary}: not tuned, {reason}"
    tags = {"shop": shop.name, "task": name, "run_date": run_date, "git_commit": fingerprint.git_commit()}
    tuned = best_before(store, run_date)
    with store.run(f"tuning {run_date}", {**tags, "stage": STAGE}) as parent:
        parent.log_dataset(store.name, task.digest())
        best = {
            model: _searched(
                store, parent, task, Recipe.default(model).with_params(tuned.get(model, {})), {**tags, "model": model}, trials, minutes
            )
            for model in task.models
            if model in SPACES
        }
        parent.log_json(best, BEST_FILE)
        parent.log(metrics={f"{task.metric}.{model}": found["value"] for model, found in best.items()})
    said = ", ".join(f"{model} {found['first']:.4f} to {found['value']:.4f}" for model, found in best.items())
    return f"{summary}: {task.metric} on labels after {task.cutoffs['validation']}, {said}"


def best_before(store: tracking.Store, run_date: date) -> dict[str, dict[str, Any]]:
    """By model, the parameters that the newest search up to the night found; models without a search are absent."""
    run_id = store.finished_by(run_date, stage=STAGE)
    if run_id is None:
        return {}
    found = store.read_json(run_id, BEST_FILE)
    known = {model: SPACES.get(model, {}) for model in found}
    return {
        model: {name: found[model]["params"][name] for name in names if name in found[model]["params"]} for model, names in known.items()
    }


def _searched(
    store: tracking.Store, parent: tracking.Run, task: tasks.Task, start: Recipe, tags: dict[str, Any], trials: int, minutes: float
) -> dict[str, Any]:
    """The best parameters within the search space and their value, beside the value of `start`."""
    import optuna

    space, sign = SPACES[start.model], 1 if task.higher_is_better else -1

    def value_of(trial: optuna.Trial) -> float:
        params = {name: numbers.suggested(trial, name) for name, numbers in space.items()}
        with store.run(f"{start.model}, trial {trial.number}", {**tags, "stage": "trial"}, parent.id) as run:
            recipe, fitted = task.tuned(start.with_params(params))
            value = task.judged(fitted, "validation").metrics[task.metric]
            run.log({"model": start.model, **recipe.params}, {task.metric: value})
        log.info("%s, trial %d: %s %.4f with %s", start.model, trial.number, task.metric, value, params)
        return sign * value

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=SEED))
    study.enqueue_trial({name: start.params[name] for name in space})
    study.optimize(value_of, n_trials=trials, timeout=60 * minutes)
    return {
        "params": study.best_params,
        "value": sign * study.best_value,
        "first": sign * study.trials[0].value,
        "trials": len(study.trials),
    }


def main() -> None:
    parser = steps.arguments(__doc__)
    parser.add_argument("task", choices=NAMES)
    parser.add_argument("--trials", type=int, default=20, help="at most, of each model (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=60, help="at most, of each model (default: %(default)s)")
    steps.run(
        parser,
        lambda settings, shop, run_date, options: tune(settings, shop, run_date, options.task, options.trials, options.minutes),
    )


if __name__ == "__main__":
    sys.exit(main())
