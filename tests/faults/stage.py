"""A tiny shop with a finished night, and the next one at every step: where each kill starts, and what it must come to."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import yaml

from settings import PROJECT_ROOT
from tests.conftest import TinyShop, steps_of
from tests.faults import cheap_steps

NIGHT = date(2026, 6, 30)
NIGHT_BEFORE = NIGHT - timedelta(days=3)  # the machine was off, so that the night lands three files, and may land one of them
TARGET = {"name": "purchase_7d", "horizon_days": 7, "label": "is_purchaser", "models": ["base_rate", "gradient_boosting"]}
STEPS = steps_of(("recommendations", TARGET["name"]))
LONGEST_SECONDS = 600  # of a step; a machine that does much else is no failure
# below these nothing is ever written in place: a file may be one and the same in all copies of the data folder
NEVER_WRITTEN_IN_PLACE = ("cache", "demo/landing", "demo/lake", "demo/quarantine", "demo/predictions", "demo/serving/builds", "demo/truth")
NOT_NEEDED = shutil.ignore_patterns("compiled", "run", "logs")  # what dbt writes for people to read


class Torn(AssertionError):
    """What is served is neither the old build nor a whole new one."""


@dataclass
class Stage:
    """The shop in its one place (MLflow writes down where its files are), put back to any step of the night.

    Args:
        root: a folder of its own.
        seconds: by step, what it took when it last ended by itself.
        outcome: of the uninterrupted night; what every other has to come to.
    """

    root: Path
    seconds: dict[tuple[str, ...], float] = field(default_factory=dict)
    outcome: dict[str, object] = field(default_factory=dict)

    @property
    def shop(self) -> TinyShop:
        return TinyShop(self.root / "data", self.root / "demo.yml", NIGHT)

    @property
    def environment(self) -> dict[str, str]:
        return self.shop.environment | {"NIGHTCART_THREADS": "1"}  # the tables are tiny, and tests run side by side

    @property
    def said(self) -> str:
        """What the last step said."""
        return (self.root / "said").read_text(errors="replace")

    def make(self) -> None:
        """The night before, published; then the night itself, kept as it was before each of its steps."""
        self.write_shop_file()
        size = ("--users", "300", "--items", "60", "--days", "90")
        self.finish(("ingestion.demo_shop", *size), NIGHT)
        for step in STEPS:
            if step[0] not in ("training.train", "training.promote"):  # so that tonight registers its first champions
                self.finish(step, NIGHT_BEFORE)
        for step in STEPS:
            copy(self.shop.data, self.before(step))
            self.finish(step)
        self.outcome = self.state()

    def write_shop_file(self) -> None:
        content = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text())
        content["predictions"] = {"snapshot_every_days": 7, "snapshot_count": 6, "targets": [TARGET]}
        content["audiences"] = [each for each in content["audiences"] if each["id"] == "likely_buyers"]  # others need other targets
        self.shop.shop_file.write_text(yaml.safe_dump(content))

    def before(self, step: tuple[str, ...]) -> Path:
        return self.root / "before" / str(STEPS.index(step))

    def put_back(self, step: tuple[str, ...]) -> None:
        """As if the night had come as far as this step."""
        shutil.rmtree(self.shop.data, ignore_errors=True)
        copy(self.before(step), self.shop.data)

    def run(self, step: tuple[str, ...], fault: str = "", kill_after: float | None = None, run_date: date = NIGHT, **variables: str) -> int:
        """Run a step, with a fault or killed with -9 after so many seconds; its exit code, as `subprocess` gives it."""
        command = (*step, "--shop", str(self.shop.shop_file), *(("--run-date", str(run_date)) if step[0] != "ingestion.demo_shop" else ()))
        began = time.monotonic()
        process = cheap_steps.start(command, self.environment | variables | {"NIGHTCART_FAULT": fault}, self.root / "said")
        process.join(LONGEST_SECONDS if kill_after is None else kill_after)
        if process.is_alive():
            process.kill()
            process.join()
        self.note(step, process.exitcode, began)
        return process.exitcode

    def note(self, step: tuple[str, ...], code: int, began: float) -> None:
        if code == 0:
            self.seconds[step] = time.monotonic() - began

    def finish(self, step: tuple[str, ...], run_date: date = NIGHT, **variables: str) -> None:
        """Run a step to its good end.

        Raises:
            AssertionError: it failed; holds what it said.
        """
        code = self.run(step, run_date=run_date, **variables)
        assert code == 0, f"{' '.join(step)} ended with {code}\n{self.said}"

    def go_on(self, step: tuple[str, ...]) -> None:
        """Run this step and those after it, as the scheduler does after a retry."""
        for later in STEPS[STEPS.index(step) :]:
            self.finish(later)

    def served(self) -> date:
        """The night of the build that is served, after every byte of it was looked at, and a reader's query answered.

        Raises:
            Torn: it is not whole.
        """
        build = (self.shop.folder / "serving" / "current").resolve()
        try:
            manifest = json.loads((build / "manifest.json").read_text())
            found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in build.iterdir() if file.name != "manifest.json"}
            with self.shop.published() as connection:
                nights = connection.execute(
                    "select distinct recommendations.run_date, run_manifest.run_date, run_manifest.build_id"
                    " from user_recommendations as recommendations inner join user_segments using (user_key) cross join run_manifest"
                ).fetchall()
        except (OSError, ValueError, duckdb.Error) as error:
            raise Torn(f"{build}: {error}") from error
        night = date.fromisoformat(manifest["run_date"])
        if found != {name: file["sha256"] for name, file in manifest["files"].items()}:
            raise Torn(f"{build}: its files are not those of its manifest")
        if nights != [(night, night, build.name)]:
            raise Torn(f"{build}: a reader found {nights}")
        return night

    def lost(self) -> list[str]:
        """In what the shop differs from the shop after an uninterrupted night; nothing where all is as it must be."""
        state = self.state()
        return sorted(name for name in state.keys() | self.outcome.keys() if state.get(name) != self.outcome.get(name))

    def state(self) -> dict[str, object]:
        """All that a night leaves behind: published tables, the lake and its accounts, predictions, champions, and no leftovers."""
        return self._published() | self._files() | self._champions()

    def _published(self) -> dict[str, object]:
        manifest = json.loads((self.shop.folder / "serving" / "current" / "manifest.json").read_text())
        tables = {f"table {name}": (table["rows"], table["content_hash"]) for name, table in manifest["tables"].items()}
        models = [{name: value for name, value in model.items() if name != "run_id"} for model in manifest["models"]]  # of one fit
        kept = ("shop", "run_date", "degraded", "intake")
        return tables | {"table run_manifest": {name: manifest[name] for name in kept} | {"models": models}}

    def _files(self) -> dict[str, object]:
        """Lake and quarantine byte for byte, predictions but for their run ids, and the names of what lies beside."""
        folder = self.shop.folder
        found = {
            str(file.relative_to(folder)): file for part in ("lake", "quarantine", "predictions") for file in (folder / part).rglob("*")
        }
        hashes = {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in found.items() if file.is_file()}
        named_by_fit = {name for name in hashes if name.startswith("predictions/") and name.endswith(("models.parquet", "manifest.json"))}
        beside = sorted(file.name for part in ("", "serving") for file in (folder / part).iterdir())
        unfinished = [file.name for file in (folder / "serving" / "builds").iterdir() if file.suffix]
        return {name: value for name, value in hashes.items() if name not in named_by_fit} | {"beside": beside, "unfinished": unfinished}

    def _champions(self) -> dict[str, object]:
        """Every version that was ever promoted, and which one is in force."""
        with sqlite3.connect(self.shop.data / "mlflow.db") as store:
            versions = store.execute("select name, version from model_versions order by 1, 2").fetchall()
            aliases = store.execute("select name, alias, version from registered_model_aliases order by 1, 2").fetchall()
        return {"versions": versions, "champions": aliases}


class RealStage(Stage):
    """The same shop under the real trainers, each step a new process of Python, as Airflow starts it."""

    @property
    def environment(self) -> dict[str, str]:
        return self.shop.environment

    def run(self, step: tuple[str, ...], fault: str = "", kill_after: float | None = None, run_date: date = NIGHT, **variables: str) -> int:
        command = [sys.executable, "-m", *step, "--shop", str(self.shop.shop_file)]
        command += ["--run-date", str(run_date)] if step[0] != "ingestion.demo_shop" else []
        began = time.monotonic()
        with (self.root / "said").open("wb") as said:
            environment = self.environment | variables | {"NIGHTCART_FAULT": fault}
            process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=said, stderr=said, start_new_session=True)
            try:
                process.wait(LONGEST_SECONDS if kill_after is None else kill_after)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # and all that it has started
        self.note(step, process.wait(), began)
        return process.returncode


def copy(data: Path, target: Path) -> None:
    """A data folder again; files that nobody writes in place are linked, which takes no time and no room."""

    def copied(file: str, new: str) -> None:
        is_fixed = Path(file).relative_to(data).as_posix().startswith(NEVER_WRITTEN_IN_PLACE)
        (os.link if is_fixed else shutil.copy2)(file, new)

    shutil.copytree(data, target, symlinks=True, ignore=NOT_NEEDED, copy_function=copied)
