"""The steps of a night in a second instead of ten: what Python and dbt do again for each process is done once.

The fork server of `multiprocessing` has imported all that a step needs, and opened nothing; each step is a fork of it,
with a process id, a memory and a death of its own. Three things are cheaper than at night, and only these: few and quick
candidates are fitted (the stub trainer), what dbt parsed is kept from one call to the next, and dbt's tests of the tables
are left out. `test_real_nights.py` kills whole real nights.
"""

import hashlib
import json
import multiprocessing
import os
import pickle
import runpy
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

from settings import PROJECT_ROOT

THIS = "tests.faults.cheap_steps"
IMPORTED = (
    "dbt.adapters.duckdb.connections", "dbt.cli.main", "ingestion.land", "matplotlib.backends.backend_agg", "mlflow.tracking",
    "mlflow.store.tracking.sqlalchemy_store", "serving_exports.publish", "sklearn.ensemble", "training.models.gradient_boosting",
    "training.models.item_knn", "training.promote", "training.score", "warehouse",
)  # fmt: skip
CANDIDATES = ("popularity", "item_knn")
ASK_ANEW = "FAULTS_ASK_ANEW"  # a variable: whether MLflow answers is asked at every task, as if a minute lay between them


def start(command: tuple[str, ...], environment: dict[str, str], said: Path) -> BaseProcess:
    """Start `python -m` of a command in a fork; what it says on either stream goes to the file `said`."""
    process = _forks().Process(target=_run, args=(command, environment, said), daemon=True)
    process.start()
    return process


def _forks() -> multiprocessing.context.BaseContext:
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([*IMPORTED, THIS])
    return forks


def _run(command: tuple[str, ...], environment: dict[str, str], said: Path) -> None:
    """In the fork: become the command."""
    with said.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(PROJECT_ROOT)
    absent = [module for module in IMPORTED if module not in sys.modules]
    if absent:  # the fork server passes over what it cannot import, and each step would be slow without a word
        sys.exit(f"the fork server has not imported {', '.join(absent)}")
    _use_the_stub_trainer()
    if ASK_ANEW in environment:
        _remember_nothing_of_mlflow()
    _keep_what_dbt_parsed(said.parent)
    module, *arguments = command
    sys.argv = [module, *arguments]
    sys.modules.pop(module, None)  # as in a new process, what is run is not imported yet
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _use_the_stub_trainer() -> None:
    from training.recommendations import RecommendationTask

    RecommendationTask.models = CANDIDATES


def _remember_nothing_of_mlflow() -> None:
    from training import away

    away.REMEMBERED_SECONDS = 0


def _keep_what_dbt_parsed(folder: Path) -> None:
    """dbt parses the project for the same variables once; the build's id enters a model's text only when it is compiled."""
    from dbt.cli import main
    from dbt.parser.manifest import ManifestLoader

    parsed = ManifestLoader.load

    def load(self: ManifestLoader) -> object:
        told = {name: value for name, value in self.root_project.cli_vars.items() if name != "build_id"}
        file = folder / f"{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()}.manifest"
        if file.exists():
            vars(self.manifest).update(pickle.loads(file.read_bytes()))
            return self.manifest
        manifest = parsed(self)
        written = file.with_suffix(f".{os.getpid()}")  # a kill meanwhile leaves no half of it
        # what is looked up in a manifest is made anew from its fields; a lock is nobody else's
        written.write_bytes(pickle.dumps({name: value for name, value in vars(manifest).items() if not name.startswith("_")}))
        written.replace(file)
        return manifest

    class WithoutTests(main.dbtRunner):
        def invoke(self, arguments: list[str]) -> object:
            return super().invoke([*arguments, "--exclude-resource-type", "test"])

    ManifestLoader.load = load
    main.dbtRunner = WithoutTests
