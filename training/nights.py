"""One task on one night as later steps meet it: its data, its store, its champion, and what training recorded."""

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from settings import Settings
from shop import Shop
from training import champions, tasks, tracking
from training.recommendations import RecommendationTask
from training.shortfall import Shortfall
from training.train import NIGHT_FILE

NO_LISTS = "all lists come from the fall-backs"


@dataclass(frozen=True)
class Night:
    """What `load` found.

    Args:
        name: of the task.
        task: its data, read.
        store: what MLflow holds about it.
        champion: the version in force on this night; None before a first one.
        digest: of the task's data.
        run_id: the night's parent run; None where training was not run.
        tags: of that run.
        record: what training wrote about the comparison; None where the task was not trained.
    """

    name: str
    task: tasks.Task
    store: tracking.Store
    champion: tracking.Version | None
    digest: str
    run_id: str | None
    tags: dict[str, str]
    record: dict[str, Any] | None

    @cached_property
    def shortfall(self) -> Shortfall | None:
        """Why the task has no rows tonight; None where it has."""
        reason = self.task.shortfall_of_score()
        if reason is None and self.champion is None:
            told = self.tags.get("decision") or self.tags.get("result", "it was never trained").removeprefix("not trained: ")
            reason = Shortfall(self.tags.get("shortfall") or "not_trained", told)
        return reason

    @property
    def degraded(self) -> str | None:
        """The shortfall as a sentence of the manifest."""
        if self.shortfall is None:
            return None
        lacks = NO_LISTS if isinstance(self.task, RecommendationTask) else self.task.objective.words
        return f"{self.name} is switched off: {self.shortfall}; {lacks}"

    @property
    def notice(self) -> str | None:
        """What else the manifest has to say: that MLflow was away, or which models' fits diverged."""
        if self.store.is_away:
            return "MLflow was away: no champion was challenged, and what was measured waits to be handed over"
        failed = (self.record or {}).get("failed")
        return f"{self.name}: {', '.join(failed)} switched off tonight, since the fit diverged" if failed else None


def load(settings: Settings, shop: Shop, run_date: date, name: str) -> Night:
    """Read the task's data and what MLflow holds about the night.

    Raises:
        StepError: the night has no warehouse yet.
    """
    task = tasks.load(settings, shop, run_date, name)
    store = tracking.Store(settings, shop.name, name)
    store.mirror()
    run_id = store.finished(stage="night", run_date=run_date.isoformat())
    tags = store.tags(run_id) if run_id else {}
    record = store.read_json(run_id, NIGHT_FILE) if tags.get("is_trained") == "True" else None
    champion = champions.in_force(store.versions(), store.champion(), run_date)
    return Night(name, task, store, champion, task.digest(), run_id, tags, record)
