"""Score: refit tonight's champions up to the run date and write what they say about every user.

    python -m training.score --shop shops/demo.yml --run-date 2026-06-30

Writes predictions/run_date=D/ whole or not at all. A folder that was made from the same data, code and champions is kept.
"""

import logging
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

import disk_space
import steps
import warehouse
from faults import fault_point
from settings import Settings
from shop import Shop
from training import cluster_memory, fingerprint, nights, plots, prediction_files, prediction_rows, snapshots, tracking
from training.clusters import Earlier
from training.divergence import DivergedError
from training.nights import Night
from training.predictions import CalibratedPredictor
from training.recommendations import RecommendationTask
from training.train import device

log = logging.getLogger("training")

MARGIN = 10  # rows beyond k, for the exclusions of the serving layer
CAPPED_LISTS = 4  # times k where a list may hold only so many of a category or brand: people like few of them


def score(settings: Settings, shop: Shop, run_date: date, again: bool = False) -> str:
    """Write the night's predictions and return the summary line.

    Args:
        again: refit and write even where the folder was made from the same inputs.

    Raises:
        StepError: the night has no warehouse, a fit diverged, or the shop's lock is held.
    """
    predictions = settings.paths(shop.name).predictions
    disk_space.require("score", settings.data, 2 * max(map(disk_space.size, predictions.glob("run_date=*")), default=0))
    found = {name: nights.load(settings, shop, run_date, name) for name in shop.task_names}
    earlier = cluster_memory.load(predictions, run_date)
    inputs = _inputs(shop, run_date, found, earlier)
    target = prediction_files.folder(predictions, run_date)
    summary = f"score {shop.name} {run_date}"
    if not again and prediction_files.is_current(target, inputs):
        return f"{summary}: kept {target.name}, made from the same data, code and champions"
    with warehouse.reader(settings, shop, run_date) as connection:
        everybody = snapshots.of_day(connection, run_date)
    tables = _tables(found, run_date, rows_a_user(shop), again)
    window = found["recommendations"].task.histories["score"]
    tables["user_clusters"] = prediction_rows.cluster_rows(everybody, window, shop.segments.min_people, earlier)
    fault_point("score.computed")
    with warehouse.lock(settings, shop, "score"):
        prediction_files.write(target, tables, inputs)
    counts = ", ".join(f"{len(tables[name])} {name}" for name in prediction_files.COLUMNS)
    notices = dict.fromkeys(filter(None, (night.degraded or night.notice for night in found.values())))
    return "; ".join([f"{summary}: {counts}", *notices])


def rows_a_user(shop: Shop) -> int:
    """How many candidates of the model the serving layer gets for each person."""
    rules = shop.recommendations
    is_capped = rules.max_per_category or rules.max_per_brand
    return max(rules.k + MARGIN, CAPPED_LISTS * rules.k if is_capped else 0)


def _inputs(shop: Shop, run_date: date, found: dict[str, Night], earlier: Earlier) -> dict[str, Any]:
    """Everything that decides what is written."""
    return {
        "shop": shop.name,
        "run_date": run_date.isoformat(),
        "code_hash": fingerprint.of_code(),
        "rows_a_user": rows_a_user(shop),
        "min_people": shop.segments.min_people,
        "earlier_clusters": fingerprint.of_values(**asdict(earlier)),
        "datasets": {name: night.digest for name, night in found.items()},
        "champions": {name: night.champion.number if night.champion else None for name, night in found.items()},
        "decisions": {name: night.tags.get("decision") for name, night in found.items()},
        "notices": {name: night.notice for name, night in found.items()},
    }


def _tables(found: dict[str, Night], run_date: date, rows_a_user: int, again: bool) -> dict[str, pa.Table]:
    tables = {name: prediction_files.empty(name) for name in prediction_files.COLUMNS}
    for night in found.values():
        if night.degraded:
            log.warning("%s", night.degraded)
            continue
        try:
            name, rows = _rows(night, run_date, rows_a_user, again)
        except DivergedError as error:
            raise steps.StepError(
                f"{night.name}: the champion {night.champion.recipe.model} cannot score the night: {error}. Nothing was written, the old"
                f" build is served; if it stays so, point the alias champion of {night.store.name} in MLflow at the version before"
            ) from error
        tables[name] = pa.concat_tables([tables[name], rows])
    tables["models"] = prediction_rows.model_rows(list(found.values()))
    return tables


def _rows(night: Night, run_date: date, rows_a_user: int, again: bool) -> tuple[str, pa.Table]:
    """What the champion says, and the name of the file that it belongs into."""
    model, run = _refitted(night, run_date, again)
    if isinstance(night.task, RecommendationTask):
        rows = prediction_rows.recommendation_rows(model, night.task.histories["score"], rows_a_user, night.champion)
        return "user_recommendations", rows
    rows, importance = prediction_rows.target_rows(model, night.task, night.champion)
    run.log_figure(plots.importance(night.name, importance), "plots/importance.png")
    return prediction_rows.FILES[night.task.target.per], rows


def _refitted(night: Night, run_date: date, again: bool) -> tuple[Any, tracking.Run]:
    """The champion's recipe fitted up to the run date, and its run; the stored fit where the same one was made before."""
    recipe = night.champion.recipe
    key = fingerprint.of_values(task=night.name, digest=night.digest, code=fingerprint.of_code(), recipe=recipe.to_json())
    if not again and (run_id := night.store.finished(stage="score", refit_key=key)):
        log.info("%s: the fit of run %s is used again", night.name, run_id)
        with night.store.stored_model(run_id) as folder:
            return _loaded(night, folder), night.store.reopen(run_id)
    tags = {"stage": "score", "run_date": run_date, "model": recipe.model, "refit_key": key, "git_commit": fingerprint.git_commit()}
    with night.store.run(f"{recipe.model}, score", tags, night.run_id) as run:
        fitted = night.task.fitted(recipe, "score")
        run.log_dataset(night.store.name, night.digest)
        run.log({"model": recipe.model, **recipe.params}, tags={"device": device(), "recipe": recipe.to_json()})
        fault_point("score.fitted")
        run.log_model(fitted)
    return fitted, run


def _loaded(night: Night, folder: Path) -> Any:
    recipe = night.champion.recipe
    if isinstance(night.task, RecommendationTask):
        return recipe.model_class.load(recipe.model_params, folder)
    return CalibratedPredictor.load(recipe, folder)


def main() -> None:
    parser = steps.arguments(__doc__)
    parser.add_argument("--again", action="store_true", help="refit and write even where nothing has changed")
    steps.run(parser, lambda settings, shop, run_date, options: score(settings, shop, run_date, options.again))


if __name__ == "__main__":
    sys.exit(main())
