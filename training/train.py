"""Train one task: tune the candidates, compare them with the champion, and record all of it in MLflow.

    python -m training.train recommendations --shop shops/demo.yml --run-date 2026-06-30

Candidates are tuned on the validation window, from the parameters that the weekly search (`training.tune`) found last;
they and the champion's recipe are then fitted as of the test cut-off and judged on the same later window. Nothing is
promoted here: `training.promote` reads what this step recorded.
"""

import logging
import platform
import sys
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np

import disk_space
import steps
from faults import fault_point
from settings import Settings
from shop import Shop
from training import champions, divergence, fingerprint, plots, tasks, tracking
from training.divergence import DivergedError
from training.judgement import Judgement
from training.recipes import BASELINES, Recipe
from training.tune import best_before

log = logging.getLogger("training")

NIGHT_FILE, GAINS_FILE, SLICES_FILE = "night.json", "gains.npz", "slices.json"


def train(settings: Settings, shop: Shop, run_date: date, name: str, again: bool = False) -> str:
    """One night of one task, and its summary line.

    Args:
        again: fit even where a finished run of the same data, code and champion exists.

    Raises:
        StepError: every fit diverged, or the night has no warehouse; nothing can be promoted then.
    """
    disk_space.require(f"train {name}", settings.data)
    task = tasks.load(settings, shop, run_date, name)
    store = tracking.Store(settings, shop.name, name)
    champion = champions.before(store.versions(), store.champion(), run_date)
    tuned = best_before(store, run_date)
    tags = night_tags(shop, run_date, name, task, champion, tuned)
    if not again and (run_id := store.finished(stage="night", night_key=tags["night_key"])):
        store.touch(run_id)
        return f"train {name} {shop.name} {run_date}: reused run {run_id}, {store.tags(run_id)['result']}"
    fault_point("train.begun")
    with store.run(f"night {run_date}", {**tags, "stage": "night"}) as night:
        night.log_dataset(f"{shop.name}.{name}", tags["dataset_digest"])
        reason = task.shortfall()
        result = f"not trained: {reason}" if reason else _compared(store, night, task, champion, tuned, tags)
        fault_point("train.compared")
        night.log(tags={"result": result, "is_trained": reason is None, "shortfall": reason.code if reason else ""})
    return f"train {name} {shop.name} {run_date}: {result}"


def night_tags(
    shop: Shop, run_date: date, name: str, task: tasks.Task, champion: tracking.Version | None, tuned: dict[str, dict[str, Any]]
) -> dict[str, str]:
    """What a night's runs are found by, and what they were made of."""
    digest, code = task.digest(), fingerprint.of_code()
    champion_number = champion.number if champion else None
    return {
        "shop": shop.name,
        "task": name,
        "run_date": run_date.isoformat(),
        "dataset_digest": digest,
        "code_hash": code,
        "git_commit": fingerprint.git_commit(),
        "champion_before": str(champion_number or ""),
        "night_key": fingerprint.of_values(task=name, run_date=run_date, digest=digest, code=code, champion=champion_number, tuned=tuned),
    }


def _compared(
    store: tracking.Store,
    night: tracking.Run,
    task: tasks.Task,
    champion: tracking.Version | None,
    tuned: dict[str, dict[str, Any]],
    tags: dict[str, str],
) -> str:
    """Tune, refit and judge every candidate and the champion; the night's result in words."""
    for model, reason in task.skipped.items():
        log.warning("%s is no candidate tonight: %s", model, reason)
    starts = [Recipe.default(model).with_params(tuned.get(model, {})) for model in task.models]
    failed: dict[str, str] = {}
    candidates = _finite({start.model: lambda start=start: _tuned(store, night, task, start, tags) for start in starts}, failed)
    if champion and not task.can_fit(champion.recipe.model):
        log.warning("the champion %s does not fit any more; the best candidate takes its place", champion.recipe.model)
    elif champion:
        _mark_champion(candidates, champion)
    judgements = _finite({label(each): lambda each=each: _tested(store, night, task, each, tags) for each in candidates}, failed)
    champion_diverged = any(each["is_champion"] and "test" not in each for each in candidates)
    candidates = [candidate for candidate in candidates if "test" in candidate]
    if not candidates:
        raise steps.StepError(f"{store.name}: every fit diverged, so nothing is compared: {_told(failed)}")
    record = {
        "metric": task.metric,
        "higher_is_better": task.higher_is_better,
        "cutoffs": {cutoff: day.isoformat() for cutoff, day in task.cutoffs.items()},
        "champion_before": champion.number if champion else None,
        "candidates": candidates,
        "skipped": task.skipped,
        "failed": failed,
        "champion_diverged": champion_diverged,
    }
    night.log_json(record, NIGHT_FILE)
    night.log_arrays(GAINS_FILE, gains=np.stack([judgement.gains for judgement in judgements]))
    values = {label(candidate): candidate["test"][task.metric] for candidate in candidates}
    night.log_figure(plots.comparison(f"Labels after {task.cutoffs['test']}", task.metric, values), "plots/comparison.png")
    night.log(metrics={f"{task.metric}.{label}": value for label, value in values.items()})
    result = f"{task.metric} on {len(judgements[0].units)} users: " + ", ".join(f"{label} {value:.4f}" for label, value in values.items())
    return f"{result}; no candidate tonight: {_told(failed)}" if failed else result


def _finite(fits: dict[str, Callable[[], Any]], failed: dict[str, str]) -> list[Any]:
    """What came of each fit, by its label; one that diverged is left out, and `failed` says why."""
    found = []
    for label, fit in fits.items():
        try:
            found.append(fit())
        except DivergedError as error:
            log.warning("%s is no candidate tonight: %s", label, error)
            failed[label] = str(error)
    return found


def _told(failed: dict[str, str]) -> str:
    return "; ".join(f"{label} ({reason})" for label, reason in failed.items())


def _tuned(store: tracking.Store, night: tracking.Run, task: tasks.Task, start: Recipe, tags: dict[str, str]) -> dict[str, Any]:
    model = start.model
    with store.run(f"{model}, validation", {**tags, "stage": "validation", "model": model}, night.id) as run:
        recipe, fitted = task.tuned(start)
        judgement = task.judged(fitted, "validation")
        _log_fit(run, recipe, fitted, judgement)
    log.info("%s: %s %.4f on validation", model, task.metric, judgement.metrics[task.metric])
    return {
        "model": model,
        "params": recipe.params,
        "validation": judgement.metrics,
        "is_baseline": model in BASELINES,
        "is_candidate": True,
        "is_champion": False,
    }


def _mark_champion(candidates: list[dict[str, Any]], champion: tracking.Version) -> None:
    """Flag the candidate that is the champion's own recipe, or add that recipe where no candidate is."""
    for candidate in candidates:
        if champions.same_recipe(candidate, champion.recipe):
            candidate["is_champion"] = True
            return
    model = champion.recipe.model
    flags = {"is_baseline": model in BASELINES, "is_candidate": False, "is_champion": True}
    candidates.append({"model": model, "params": champion.recipe.params, "validation": None, **flags})


def _tested(store: tracking.Store, night: tracking.Run, task: tasks.Task, candidate: dict[str, Any], tags: dict[str, str]) -> Judgement:
    recipe = Recipe(candidate["model"], candidate["params"])
    stage = {"stage": "test", "model": recipe.model, "is_champion": candidate["is_champion"]}
    with store.run(f"{label(candidate)}, test", {**tags, **stage}, night.id) as run:
        fitted = task.fitted(recipe, "test")
        judgement = task.judged(fitted, "test")
        _log_fit(run, recipe, fitted, judgement)
        fault_point("train.fitted")
        run.log_model(fitted)
        fault_point("train.model_logged")
    log.info("%s: %s %.4f on test", label(candidate), task.metric, judgement.metrics[task.metric])
    candidate["test"], candidate["run_id"] = judgement.metrics, run.id
    return judgement


def _log_fit(run: tracking.Run, recipe: Recipe, fitted: Any, judgement: Judgement) -> None:
    for name, value in judgement.metrics.items():
        divergence.refuse(name, value)
    losses = getattr(fitted, "losses", [])
    run.log(
        params={"model": recipe.model, **recipe.params}, metrics=judgement.metrics, tags={"device": device(), "recipe": recipe.to_json()}
    )
    if losses:
        run.log_curve("training_loss", losses)
        run.log_figure(plots.losses(recipe.model, losses), "plots/losses.png")
    if judgement.chances is not None:
        run.log_figure(plots.reliability(recipe.model, judgement.chances), "plots/reliability.png")
    if judgement.slices:
        run.log_table(judgement.slices, SLICES_FILE)
        run.log_figure(plots.by_depth(recipe.model, judgement.slices[0]), "plots/by_depth.png")


def device() -> str:
    """What Keras computes on where it is loaded, else the processor."""
    keras = sys.modules.get("keras")
    names = keras.distribution.list_devices() if keras else []
    accelerators = [name for name in names if not name.startswith("cpu")]
    return ", ".join(accelerators) or f"cpu ({platform.machine()})"


def label(candidate: dict[str, Any]) -> str:
    """The model's name, or that it is only there as the champion's recipe."""
    return candidate["model"] if candidate["is_candidate"] else f"champion {candidate['model']}"


def main() -> None:
    parser = steps.arguments(__doc__)
    parser.add_argument("task", help="recommendations, or a target of the shop file")
    parser.add_argument("--again", action="store_true", help="fit even where the same data and code were fitted before")
    steps.run(parser, lambda settings, shop, run_date, options: train(settings, shop, run_date, options.task, options.again))


if __name__ == "__main__":
    sys.exit(main())
