"""Score: refit tonight's champions up to the run date and write what they say about every user.

    python -m training.score --shop shops/demo.yml --run-date 2026-06-30

Writes predictions/run_date=D/ whole or not at all. A folder that was made from the same data, code and champions is kept.
"""

import logging
import sys
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

import steps
import warehouse
from settings import Settings
from shop import Shop
from training import champions, clusters, explanations, fingerprint, prediction_files, tasks, tracking
from training.history import History
from training.models.recommender import Recommender
from training.predictions import CalibratedPredictor, PredictionTask
from training.recommendations import RecommendationTask
from training.train import NIGHT_FILE, device

log = logging.getLogger("training")

MARGIN = 10  # rows beyond k, for the caps and exclusions of the serving layer
REASONS = ("because_bought", "because_added", "because_viewed")  # by index into history.EVENT_TYPES
FALL_BACK = {"recommendations": "lists are filled by the fall-backs alone"}


@dataclass(frozen=True)
class Night:
    """One task on the night that is scored: its data, its store, its champion and what training recorded."""

    name: str
    task: tasks.Task
    store: tracking.Store
    champion: tracking.Version | None
    digest: str
    trained: dict[str, Any] | None  # night.json
    tags: dict[str, str]  # of the night's parent run

    @property
    def degraded(self) -> str | None:
        """Why the task has no rows tonight; None where it has."""
        reason = self.task.shortfall_of_score()
        if reason is None and self.champion is None:
            reason = self.tags.get("result", "not trained: no training was run for this night").removeprefix("not trained: ")
        return f"{self.name} is switched off: {reason}; {FALL_BACK.get(self.name, 'no probabilities')}" if reason else None


def score(settings: Settings, shop: Shop, run_date: date, again: bool = False) -> str:
    """Write the night's predictions and return the summary line.

    Args:
        again: refit and write even where the folder was made from the same inputs.

    Raises:
        StepError: the night has no warehouse, a fit diverged, or the shop's lock is held.
    """
    nights = {name: _night(settings, shop, run_date, name) for name in tasks.NAMES}
    inputs = _inputs(shop, run_date, nights)
    target = prediction_files.folder(settings.paths(shop.name).predictions, run_date)
    summary = f"score {shop.name} {run_date}"
    if not again and prediction_files.is_current(target, inputs):
        return f"{summary}: kept {target.name}, made from the same data, code and champions"
    tables = _tables(shop, run_date, nights, again)
    with warehouse.lock(settings, shop, "score"):
        prediction_files.write(target, tables, inputs)
    rows = ", ".join(f"{len(rows)} {name}" for name, rows in tables.items())
    off = "".join(f"; {night.degraded}" for night in nights.values() if night.degraded)
    return f"{summary}: {rows}{off}"


def _night(settings: Settings, shop: Shop, run_date: date, name: str) -> Night:
    store = tracking.Store(settings, shop.name, name)
    task = tasks.load(settings, shop, run_date, name)
    run_id = store.finished(stage="night", run_date=run_date.isoformat())
    tags = store.tags(run_id) if run_id else {}
    trained = store.read_json(run_id, NIGHT_FILE) if tags.get("is_trained") == "True" else None
    champion = champions.in_force(store.versions(), store.champion(), run_date)
    return Night(name, task, store, champion, task.digest(), trained, tags)


def _inputs(shop: Shop, run_date: date, nights: dict[str, Night]) -> dict[str, Any]:
    return {
        "shop": shop.name,
        "run_date": run_date.isoformat(),
        "code_hash": fingerprint.of_code(),
        "k": shop.recommendations.k,
        "margin": MARGIN,
        "datasets": {name: night.digest for name, night in nights.items()},
        "champions": {name: night.champion.number if night.champion else None for name, night in nights.items()},
        "decisions": {name: night.tags.get("decision") for name, night in nights.items()},
    }


def _tables(shop: Shop, run_date: date, nights: dict[str, Night], again: bool) -> dict[str, pa.Table]:
    recommendations, predictions = nights["recommendations"], [night for night in nights.values() if night.name != "recommendations"]
    tables = {"user_recommendations": _recommendations(recommendations, shop.recommendations.k + MARGIN, run_date, again)}
    parts = [_predictions(night, run_date, again) for night in predictions]
    tables["user_predictions"] = pa.concat_tables([prediction_files.empty("user_predictions"), *parts])
    tables["user_clusters"] = _clusters(predictions[0].task)
    tables["models"] = prediction_files.table("models", _columns([_model_row(night) for night in nights.values()], "models"))
    return tables


def _refitted(night: Night, run_date: date, again: bool) -> Any:
    """The champion's recipe fitted up to the run date; the stored fit where the same one was made before."""
    tags = {
        "stage": "score",
        "run_date": run_date.isoformat(),
        "model": night.champion.recipe.model,
        "refit_key": fingerprint.of_values(
            task=night.name, digest=night.digest, code=fingerprint.of_code(), recipe=night.champion.recipe.to_json()
        ),
    }
    if not again and (run_id := night.store.finished(stage="score", refit_key=tags["refit_key"])):
        log.info("%s: loaded the fit of run %s", night.name, run_id)
        return _loaded(night, night.store.model_folder(run_id))
    parent = night.store.finished(stage="night", run_date=run_date.isoformat())
    with night.store.run(f"{tags['model']}, score", tags, parent) as run:
        fitted = night.task.fitted(night.champion.recipe, "score")
        run.log_dataset(night.store.name, night.digest)
        run.log(params={"model": night.champion.recipe.model, **night.champion.recipe.params}, tags={"device": device()})
        run.log_model(fitted)
    return fitted


def _loaded(night: Night, folder: Any) -> Any:
    recipe = night.champion.recipe
    if isinstance(night.task, RecommendationTask):
        return recipe.model_class.load(recipe.model_params, folder)
    return CalibratedPredictor.load(recipe, folder)


def _recommendations(night: Night, rows_a_user: int, run_date: date, again: bool) -> pa.Table:
    if night.degraded:
        return prediction_files.empty("user_recommendations")
    model: Recommender = _refitted(night, run_date, again)
    window: History = night.task.histories["score"]
    lists = model.recommend(window, np.arange(len(window.user_keys)), rows_a_user)
    user, place = np.nonzero(lists.item >= 0)
    because = lists.because_of[user, place]
    items = window.catalogue.item_ids
    return prediction_files.table(
        "user_recommendations",
        {
            "user_key": window.user_keys[user],
            "rank": place + 1,
            "item_id": items[lists.item[user, place]],
            "score": lists.score[user, place],
            "reason": _reasons(window, user, because),
            "reason_item_id": pa.array(items[because], mask=because < 0),
            "model_name": [night.champion.recipe.model] * len(user),
            "model_version": [str(night.champion.number)] * len(user),
        },
    )


def _reasons(window: History, user: np.ndarray, because: np.ndarray) -> np.ndarray:
    """(rows,) in words: what the user did with the item that the recommendation is because of."""
    width = len(window.catalogue)
    owner = np.repeat(np.arange(len(window.user_keys)), np.diff(window.offsets))
    own_row = np.searchsorted(owner * width + window.item, user * width + because)
    event = window.last_event_type[np.minimum(own_row, len(window.item) - 1)]
    return np.where(because >= 0, np.array(REASONS)[event], "popular")


def _predictions(night: Night, run_date: date, again: bool) -> pa.Table:
    if night.degraded:
        return prediction_files.empty("user_predictions")
    model: CalibratedPredictor = _refitted(night, run_date, again)
    today = night.task.data.on([run_date])
    count, target = len(today.user_keys), night.task.target
    return prediction_files.table(
        "user_predictions",
        {
            "user_key": today.user_keys,
            "target": [target.name] * count,
            "horizon_days": [target.horizon_days] * count,
            "probability": model.predict(today.features).round(6),
            "expected_value": [None] * count,
            "top_reasons": explanations.top_reasons(model.predictor, today.features, today.words),
            "model_name": [night.champion.recipe.model] * count,
            "model_version": [str(night.champion.number)] * count,
        },
    )


def _clusters(task: PredictionTask) -> pa.Table:
    today = task.data.on([task.run_date])
    found = clusters.find(today.features, today.words)
    return prediction_files.table(
        "user_clusters",
        {
            "user_key": today.user_keys,
            "cluster_id": found.member,
            "cluster_name": [found.names[number - 1] for number in found.member],
        },
    )


def _model_row(night: Night) -> dict[str, Any]:
    """One row of models.parquet: the champion, its figure beside the best other baseline's, and the night's decision."""
    champion = night.champion
    row = dict.fromkeys(prediction_files.COLUMNS["models"]) | {"task": night.name, "degraded": night.degraded}
    row["decision"] = night.tags.get("decision") or night.tags.get("result") or "no training was run for this night"
    if champion:
        row |= {"model_name": champion.recipe.model, "model_version": str(champion.number), "run_id": champion.run_id}
    if champion and night.trained:
        row |= _figures(night.trained, champion)
    return row


def _figures(trained: dict[str, Any], champion: tracking.Version) -> dict[str, Any]:
    metric, candidates = trained["metric"], trained["candidates"]
    sign = 1 if trained["higher_is_better"] else -1
    own = [each for each in candidates if champions.same_recipe(each, champion.recipe)]
    others = [each for each in candidates if each["is_baseline"] and each["is_candidate"] and each["model"] != champion.recipe.model]
    best = max(others, key=lambda each: sign * each["test"][metric], default=None)
    return {
        "metric": metric,
        "value": own[0]["test"][metric] if own else None,
        "baseline_name": best["model"] if best else None,
        "baseline_value": best["test"][metric] if best else None,
    }


def _columns(rows: list[dict[str, Any]], name: str) -> dict[str, list[Any]]:
    return {column: [row[column] for row in rows] for column in prediction_files.COLUMNS[name]}


def main() -> None:
    parser = steps.arguments(__doc__)
    parser.add_argument("--again", action="store_true", help="refit and write even where nothing has changed")
    steps.run(parser, lambda settings, shop, run_date, options: score(settings, shop, run_date, options.again))


if __name__ == "__main__":
    sys.exit(main())
