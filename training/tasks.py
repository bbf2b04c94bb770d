"""The tasks by name, loaded from the night's warehouse."""

from datetime import date

import warehouse
from settings import Settings
from shop import Shop
from training.predictions import PredictionTask
from training.recommendations import RecommendationTask
from training.targets import TARGETS

NAMES = ("recommendations", *TARGETS)

Task = RecommendationTask | PredictionTask


def load(settings: Settings, shop: Shop, run_date: date, name: str) -> Task:
    """Read all that a task needs; the warehouse is closed again when this returns.

    Raises:
        StepError: the night has no warehouse yet, or a feature is of a type that no model takes.
    """
    with warehouse.reader(settings, shop, run_date) as connection:
        if name == "recommendations":
            return RecommendationTask.load(connection, shop, run_date)
        return PredictionTask.load(connection, TARGETS[name], run_date)
