"""The one way to MLflow: experiments, runs, stored models and the registry. Nothing else imports it.

An experiment and a registered model carry the shop's name: `<shop>.<task>`. A night is one parent run; each fit is a
nested run with its parameters, metrics, plots and model. A version of the registered model is a recipe that was
promoted once; the alias `champion` points at the one in force.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

import steps
from settings import Settings
from training import arrays, away, spool, versions
from training.recipes import Recipe
from training.versions import Version

ALIAS = "champion"
MODEL_FOLDER = "model"
HASHES_TAG = "model_sha256"
FILE_HASH_TAG = "sha256."  # and the file's name: of each file that a later step reads
USED_TAG = "used_at"
FAILURE_TAG = "failure"
NOTE_TAG = "mlflow.note.content"  # what MLflow's page shows as the description
DESCRIPTION = """\
One parent run per night; under it one run per fit, with parameters, metrics and plots beside the baselines' on the same days.
Sort by the tag `run_date` to compare nights. The parent says what was promoted or kept, and why; the champion is the alias of
the registered model of this name.
"""


class Run:
    """One open MLflow run."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self.id = client, run_id

    def log(
        self, params: dict[str, Any] | None = None, metrics: dict[str, float] | None = None, tags: dict[str, Any] | None = None
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        self._client.log_batch(
            self.id,
            metrics=[Metric(name, value, now, 0) for name, value in (metrics or {}).items()],
            params=[Param(name, str(value)) for name, value in (params or {}).items()],
            tags=[RunTag(name, str(value)) for name, value in (tags or {}).items()],
        )

    def log_curve(self, name: str, values: list[float]) -> None:
        """One value per step, from step 1."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self._client.log_batch(self.id, metrics=[Metric(name, value, now, step) for step, value in enumerate(values, 1)])

    def log_dataset(self, name: str, digest: str) -> None:
        from mlflow.entities import Dataset, DatasetInput

        dataset = Dataset(name=name, digest=digest, source_type="warehouse", source=name)
        self._client.log_inputs(self.id, [DatasetInput(dataset)])

    def log_json(self, content: Any, file: str) -> None:
        self._log_file(file, lambda path: arrays.save_json(path, content))

    def log_table(self, rows: list[dict[str, Any]], file: str) -> None:
        """Rows with the same names, as a table that MLflow's pages show; `Store.read_table` reads it."""
        self.log_json({"columns": list(rows[0]), "data": [list(row.values()) for row in rows]}, file)
        self.log(tags={"mlflow.loggedArtifacts": arrays.to_json([{"path": file, "type": "table"}])})

    def log_figure(self, figure: Any, file: str) -> None:
        self._client.log_figure(self.id, figure, file)

    def log_arrays(self, file: str, **values: Any) -> None:
        self._log_file(file, lambda path: arrays.save(path, **values))

    def _log_file(self, file: str, write: Callable[[Path], None]) -> None:
        """Store what `write` writes, and its hash in the database, away from the file."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / file
            write(path)
            self.log(tags={FILE_HASH_TAG + file: arrays.hash_of(path)})
            self._client.log_artifact(self.id, str(path))

    def log_model(self, model: Any) -> None:
        """Store what `model.save` writes, and the hash of each of its files in the database, away from the files."""
        with tempfile.TemporaryDirectory() as folder:
            model.save(Path(folder))
            self.log(tags={HASHES_TAG: arrays.to_json(arrays.hashes(Path(folder)))})
            self._client.log_artifacts(self.id, folder, MODEL_FOLDER)


class Store:
    """What MLflow holds about one task of one shop; made on first use.

    While MLflow is away (`is_away`) runs are written to a spool on the disk, and versions and champion are those last known;
    what waits in the spool is handed over as soon as MLflow answers.

    Example:
        >>> store = Store(settings, "demo", "recommendations")
        >>> with store.run("night 2026-06-30", {"run_date": "2026-06-30"}) as night, store.run("popularity", {}, night.id) as fit:
        ...     fit.log(metrics={"ndcg_at_10": 0.1})
    """

    def __init__(self, settings: Settings, shop_name: str, task: str) -> None:
        self.name = f"{shop_name}.{task}"
        self.is_away = away.is_away(settings)
        self._mirror = settings.paths(shop_name).champions / f"{task}.json"
        self._spool_handle = spool.held(settings) if self.is_away else None
        if self.is_away:
            with spool.being_made(settings):
                self._begin(spool.uri(settings), settings.mlflow_spool / "artifacts" / shop_name / task)
        else:
            settings.data.mkdir(parents=True, exist_ok=True)
            self._begin(settings.mlflow_tracking_uri, settings.mlflow_artifacts / shop_name / task)
            if spool.is_used(settings):
                spool.hand_over(settings, _client(spool.uri(settings)), self._client, self.name, self._experiment)

    def _begin(self, uri: str, artifacts: Path) -> None:
        self._client, self._artifacts = _client(uri), artifacts
        experiment = self._client.get_experiment_by_name(self.name)
        if self.is_away and experiment and experiment.lifecycle_stage == "deleted":
            self._client.restore_experiment(experiment.experiment_id)  # it was handed over, and MLflow is away once more
        self._experiment = (
            experiment.experiment_id
            if experiment
            else self._client.create_experiment(self.name, artifact_location=artifacts.as_uri(), tags={NOTE_TAG: DESCRIPTION})
        )

    @contextmanager
    def run(self, name: str, tags: dict[str, Any], parent: str | None = None) -> Iterator[Run]:
        """An open run; it ends FINISHED, or FAILED when the block raises.

        Why is a tag: of a StepError its words, of another error its kind alone, since its words may hold a row of the data.
        """
        named = {key: str(value) for key, value in tags.items()}
        if parent:
            named["mlflow.parentRunId"] = parent
        run = Run(self._client, self._client.create_run(self._experiment, tags=named, run_name=name).info.run_id)
        try:
            yield run
        except BaseException as error:
            run.log(tags={FAILURE_TAG: str(error) if isinstance(error, steps.StepError) else type(error).__name__})
            self._client.set_terminated(run.id, "FAILED")
            raise
        self.touch(run.id)
        self._client.set_terminated(run.id, "FINISHED")

    def forget(self, before: datetime, night: date) -> int:
        """Give up runs that began before a time, with their files; how many. `services.tidy` removes their rows.

        Those of versions and of searches stay, and those of the night, which may have been made long ago. At most 1,000 at a time.
        """
        if self.is_away:
            return 0
        conditions = [f"attributes.start_time < {before.timestamp() * 1000:.0f}", f"tags.run_date != '{night}'", "tags.stage != 'tuning'"]
        kept = {version.run_id for version in self.versions().values()}
        found = self._client.search_runs([self._experiment], " and ".join(conditions))
        old = [run.info for run in found if run.info.run_id not in kept]
        for run in old:
            self._client.delete_run(run.run_id)
            if (folder := self._artifacts / run.run_id).exists():  # they may hold people's keys, and must not wait for `services.tidy`
                shutil.rmtree(folder)
        return len(old)

    def touch(self, run_id: str) -> None:
        """Note that a finished run stands for the newest one with its tags, having been made or reused just now."""
        self._client.set_tag(run_id, USED_TAG, f"{time.time():.6f}")

    def finished(self, **tags: Any) -> str | None:
        """The id of the finished run with all these tags that was made or reused last."""
        conditions = ["attributes.status = 'FINISHED'", *(f"tags.{name} = '{value}'" for name, value in tags.items())]
        runs = self._client.search_runs([self._experiment], " and ".join(conditions), order_by=[f"tags.{USED_TAG} DESC"], max_results=1)
        return runs[0].info.run_id if runs else None

    def finished_by(self, run_date: date, **tags: Any) -> str | None:
        """The id of the finished run with all these tags whose `run_date` is the last one up to a night; of several, the newest."""
        conditions = ["attributes.status = 'FINISHED'", *(f"tags.{name} = '{value}'" for name, value in tags.items())]
        runs = self._client.search_runs([self._experiment], " and ".join(conditions), order_by=["attributes.start_time DESC"])
        known = [run for run in runs if run.data.tags["run_date"] <= run_date.isoformat()]
        return max(known, key=lambda run: (run.data.tags["run_date"], run.info.start_time)).info.run_id if known else None

    def tags(self, run_id: str) -> dict[str, str]:
        return dict(self._client.get_run(run_id).data.tags)

    def reopen(self, run_id: str) -> Run:
        """A finished run, to add what was found out later."""
        return Run(self._client, run_id)

    def read_json(self, run_id: str, file: str) -> Any:
        with self._checked(run_id, file) as path:
            return arrays.load_json(path)

    def read_table(self, run_id: str, file: str) -> list[dict[str, Any]]:
        content = self.read_json(run_id, file)
        return [dict(zip(content["columns"], row, strict=True)) for row in content["data"]]

    def read_arrays(self, run_id: str, file: str) -> dict[str, Any]:
        with self._checked(run_id, file) as path:
            return arrays.load(path)

    @contextmanager
    def _checked(self, run_id: str, file: str) -> Iterator[Path]:
        """A copy of a stored file.

        Raises:
            ChangedFileError: it is not the one whose hash was recorded.
        """
        with self._fetched(run_id, file) as path:
            arrays.check_file(path, self.tags(run_id).get(FILE_HASH_TAG + file))
            yield path

    @contextmanager
    def stored_model(self, run_id: str) -> Iterator[Path]:
        """A copy of the stored model of a run, as a folder to load from.

        Raises:
            ChangedFileError: its files are not those whose hashes were recorded.
        """
        with self._fetched(run_id, MODEL_FOLDER) as folder:
            arrays.check(folder, arrays.from_json(self.tags(run_id).get(HASHES_TAG, "{}")))
            yield folder

    @contextmanager
    def _fetched(self, run_id: str, path: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(self._client.download_artifacts(run_id, path, folder))

    def drop_array(self, file: str, name: str) -> int:
        """Take one array out of a file of arrays, in every run of the task that has it; how many those were."""
        runs, token = [], None
        while token != "":
            page = self._client.search_runs([self._experiment], page_token=token)
            runs, token = [*runs, *page], page.token or ""
        holding = [
            run.info.run_id for run in runs if any(artifact.path == file for artifact in self._client.list_artifacts(run.info.run_id))
        ]
        stored = {run_id: self.read_arrays(run_id, file) for run_id in holding}
        found = {run_id: values for run_id, values in stored.items() if name in values}
        for run_id, values in found.items():
            self.reopen(run_id).log_arrays(file, **{other: value for other, value in values.items() if other != name})
        return len(found)

    def versions(self) -> dict[int, Version]:
        if self.is_away:
            return versions.read(self._mirror)[0]
        found = self._client.search_model_versions(f"name = '{self.name}'")
        return {version.number: version for version in sorted(map(_version, found), key=lambda version: version.number)}

    def champion(self) -> int | None:
        """The version that the alias points at."""
        if self.is_away:
            return versions.read(self._mirror)[1]
        if not self._client.search_registered_models(f"name = '{self.name}'"):
            return None
        aliases = self._client.get_registered_model(self.name).aliases
        return int(aliases[ALIAS]) if ALIAS in aliases else None

    def register(self, recipe: Recipe, run_date: date, replaces: int | None, run_id: str) -> Version:
        """A new version of the registered model, whose recipe and history are its tags."""
        if not self._client.search_registered_models(f"name = '{self.name}'"):
            self._client.create_registered_model(self.name, description="Each version is a recipe that was champion once.")
        tags = {"recipe": recipe.to_json(), "model": recipe.model, "run_date": run_date.isoformat(), "replaces": str(replaces or "")}
        return _version(self._client.create_model_version(self.name, f"runs:/{run_id}/{MODEL_FOLDER}", run_id, tags=tags))

    def set_champion(self, number: int) -> None:
        self._client.set_registered_model_alias(self.name, ALIAS, str(number))
        self.mirror()

    def mirror(self) -> None:
        """Copy versions and champion to the disk, for the nights on which MLflow is away."""
        if not self.is_away:
            versions.write(self._mirror, self.versions(), self.champion())


def _version(found: Any) -> Version:
    tags = found.tags
    replaces = int(tags["replaces"]) if tags["replaces"] else None
    return Version(int(found.version), Recipe.from_json(tags["recipe"]), date.fromisoformat(tags["run_date"]), replaces, found.run_id)


def _client(uri: str) -> Any:
    """A client of a store: no telemetry, and a server that goes away meanwhile fails in seconds, not in four minutes."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.update(MLFLOW_DISABLE_TELEMETRY="true", DO_NOT_TRACK="true", MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false")
    from mlflow.tracking import MlflowClient

    return MlflowClient(uri, registry_uri=uri)
