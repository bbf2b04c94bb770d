"""Where runs wait while MLflow is away: a store of the same form on the disk, handed over run by run when MLflow answers again.

    data/mlflow_spool/mlflow.db      the runs
    data/mlflow_spool/artifacts/     their files

A hand-over that is killed goes on where it was: a run that is there already is told by its tag `spooled_from`.
"""

import fcntl
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from settings import Settings

log = logging.getLogger("training")

FROM_TAG = "spooled_from"
PARENT_TAG = "mlflow.parentRunId"


def uri(settings: Settings) -> str:
    return f"sqlite:///{_database(settings)}"


def is_used(settings: Settings) -> bool:
    return _database(settings).exists()


def held(settings: Settings) -> IO[str]:
    """A handle that keeps the spool from being handed over, until it is closed or the process dies."""
    settings.mlflow_spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = _lock_file(settings).open("a")
    fcntl.flock(handle, fcntl.LOCK_SH)
    return handle


@contextmanager
def being_made(settings: Settings) -> Iterator[None]:
    """One process at a time: the first one that uses the spool makes its database."""
    with (settings.mlflow_spool / "making").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def hand_over(settings: Settings, source: Any, target: Any, name: str, experiment: str) -> int:
    """Copy the runs of an experiment out of the spool; how many those were. Nothing is done while a step still writes there.

    Args:
        source, target: clients of the spool and of MLflow.
        name: of the experiment in the spool.
        experiment: its id in MLflow.
    """
    with _lock_file(settings).open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        spooled = source.get_experiment_by_name(name)
        if spooled is None or spooled.lifecycle_stage != "active":
            return 0
        count = _copy_runs(source, target, spooled.experiment_id, experiment)
        source.delete_experiment(spooled.experiment_id)
        if not [each for each in source.search_experiments() if each.name != "Default"]:
            shutil.rmtree(settings.mlflow_spool)
    log.info("%s: %d runs that waited for MLflow were handed over", name, count)
    return count


def _copy_runs(source: Any, target: Any, spooled: str, experiment: str) -> int:
    runs, token = [], None
    while token != "":
        page = source.search_runs([spooled], order_by=["attributes.start_time ASC"], page_token=token)
        runs, token = [*runs, *page], page.token or ""
    copies: dict[str, str] = {}
    for run in sorted(runs, key=lambda run: PARENT_TAG in run.data.tags):  # parents first
        copies[run.info.run_id] = _found(target, experiment, run.info.run_id) or _copied(source, target, experiment, run, copies)
    return len(runs)


def _found(target: Any, experiment: str, run_id: str) -> str | None:
    """The run's copy; one that a killed hand-over left half-made is deleted."""
    for copy in target.search_runs([experiment], f"tags.{FROM_TAG} = '{run_id}'"):
        if copy.info.status != "RUNNING":
            return copy.info.run_id
        target.delete_run(copy.info.run_id)
    return None


def _copied(source: Any, target: Any, experiment: str, run: Any, copies: dict[str, str]) -> str:
    run_id, tags = run.info.run_id, {**run.data.tags, FROM_TAG: run.info.run_id}
    if PARENT_TAG in tags:
        tags[PARENT_TAG] = copies[tags[PARENT_TAG]]
    copy = target.create_run(experiment, start_time=run.info.start_time, tags=tags, run_name=run.info.run_name).info.run_id
    for name, value in run.data.params.items():
        target.log_param(copy, name, value)
    for name in run.data.metrics:
        target.log_batch(copy, metrics=source.get_metric_history(run_id, name))
    if run.inputs.dataset_inputs:
        target.log_inputs(copy, run.inputs.dataset_inputs)
    if source.list_artifacts(run_id):
        with tempfile.TemporaryDirectory() as folder:
            target.log_artifacts(copy, source.download_artifacts(run_id, "", folder))
    status = "KILLED" if run.info.status == "RUNNING" else run.info.status
    target.set_terminated(copy, status, run.info.end_time)
    return copy


def _database(settings: Settings) -> Path:
    return settings.mlflow_spool / "mlflow.db"


def _lock_file(settings: Settings) -> Path:
    return settings.mlflow_spool.with_suffix(".lock")
