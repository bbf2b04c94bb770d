"""From fitted champions to the rows of predictions/run_date=D/."""

from typing import Any

import numpy as np
import pyarrow as pa

from training import champions, clusters, explanations, prediction_files, tastes
from training.clusters import Earlier
from training.history import History
from training.models.recommender import Recommender
from training.nights import Night
from training.predictions import CalibratedPredictor, PredictionTask
from training.snapshots import Snapshots
from training.tracking import Version

FILES = {"user": "user_predictions", "category": "user_category_predictions"}  # by what a row is of
REASONS = ("because_bought", "because_added", "because_viewed")  # by index into history.EVENT_TYPES


def recommendation_rows(model: Recommender, window: History, rows_a_user: int, champion: Version) -> pa.Table:
    """The best `rows_a_user` items for each user with a history, in order of user and rank."""
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
            **_made_by(champion, len(user)),
        },
    )


def _reasons(window: History, user: np.ndarray, because: np.ndarray) -> np.ndarray:
    """(rows,) in words: what the user did with the item that the recommendation is because of."""
    items = len(window.catalogue)
    owner = np.repeat(np.arange(len(window.user_keys)), np.diff(window.offsets))
    own_row = np.searchsorted(owner * items + window.item, user * items + np.maximum(because, 0))
    event = window.last_event_type[np.minimum(own_row, len(window.item) - 1)]
    return np.where(because >= 0, np.array(REASONS)[event], "popular")


def target_rows(model: CalibratedPredictor, task: PredictionTask, champion: Version) -> tuple[pa.Table, dict[str, float]]:
    """What is predicted of each row of the run date's snapshot, and why; and what moves the predictions most, in words."""
    today = task.data.on([task.run_date])
    count = len(today.user_keys)
    values = explanations.contributions(model.predictor, today.features)
    nothing = {"probability": [None] * count, "expected_value": [None] * count}
    predicted = {task.objective.column: model.predict(today.features).round(6)}
    rows = {
        "user_key": today.user_keys,
        "category": today.categories,
        "target": [task.target.name] * count,
        "horizon_days": [task.target.horizon_days] * count,
        **(nothing | predicted),
        "top_reasons": explanations.top_reasons(values, today.features, today.words),
        **_made_by(champion, count),
    }
    return prediction_files.table(FILES[task.target.per], rows), explanations.importance(values, today.features, today.words)


def cluster_rows(today: Snapshots, window: History, smallest: int, earlier: Earlier) -> pa.Table:
    """The group of each user.

    Args:
        today: everybody's snapshot of the run date.
        window: the histories up to it.
        smallest: users of a group.
        earlier: the groups of the nights before.
    """
    found = clusters.find(today.user_keys, today.features, today.words, tastes.learned(window, today.user_keys), smallest, earlier)
    names = [found.names[number] for number in found.member.tolist()]
    return prediction_files.table("user_clusters", {"user_key": today.user_keys, "cluster_id": found.member, "cluster_name": names})


def model_rows(nights: list[Night]) -> pa.Table:
    """One row per task: the champion, its figure beside the best other baseline's, and the night's decision."""
    rows = [_model_row(night) for night in nights]
    return prediction_files.table("models", {column: [row.get(column) for row in rows] for column in prediction_files.COLUMNS["models"]})


def _model_row(night: Night) -> dict[str, Any]:
    decision = night.tags.get("decision") or night.tags.get("result") or "no training was run for this night"
    row = {"task": night.name, "decision": decision, "degraded": night.degraded or night.notice}
    row["ineligible_reason"] = night.shortfall.code if night.shortfall else None
    if night.champion:
        row |= {"model_name": night.champion.recipe.model, "model_version": str(night.champion.number), "run_id": night.champion.run_id}
    if night.champion and night.record:
        row |= _figures(night.record, night.champion)
    return row


def _figures(record: dict[str, Any], champion: Version) -> dict[str, Any]:
    metric, candidates = record["metric"], record["candidates"]
    sign = 1 if record["higher_is_better"] else -1
    own = [each for each in candidates if champions.same_recipe(each, champion.recipe)]
    others = [each for each in candidates if each["is_baseline"] and each["is_candidate"] and each["model"] != champion.recipe.model]
    best = max(others, key=lambda each: sign * each["test"][metric], default=None)
    test = own[0]["test"] if own else {}
    return {
        "metric": metric,
        "value": test.get(metric),
        "calibration_error": test.get("expected_calibration_error"),
        "calibration_error_limit": test.get("calibration_error_limit"),
        "baseline_name": best["model"] if best else None,
        "baseline_value": best["test"][metric] if best else None,
    }


def _made_by(champion: Version, count: int) -> dict[str, list[str]]:
    return {"model_name": [champion.recipe.model] * count, "model_version": [str(champion.number)] * count}
