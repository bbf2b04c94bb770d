"""The tasks by name, loaded from the night's warehouse."""

from datetime import date

import steps
import warehouse
from settings import Settings
from shop import Shop
from training.predictions import PredictionTask
from training.recommendations import RecommendationTask

Task = RecommendationTask | PredictionTask


def load(settings: Settings, shop: Shop, run_date: date, name: str) -> Task:
    """Read all that a task needs; the warehouse is closed again when this returns.

    Raises:
        StepError: the shop declares no such task, the night has no warehouse yet, a feature is of a type that no model takes,
            or a target's SQL cannot be run.
    """
    targets = {target.name: target for target in shop.predictions.targets}
    if name not in shop.task_names:
        raise steps.StepError(f"shop {shop.name} has no task {name}; its tasks are {', '.join(shop.task_names)}")
    with warehouse.reader(settings, shop, run_date) as connection:
        if name == "recommendations":
            return RecommendationTask.load(connection, shop, run_date)
        return PredictionTask.load(connection, targets[name], run_date, shop.predictions.snapshot_count)
