"""A full or added build of a generated lake's features by the night's own command, and what it took."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from benchmarks.processes import Run, measured
from settings import PROJECT_ROOT

SHOP_FILE = PROJECT_ROOT / "shops" / "demo.yml"
MEGABYTES = re.compile(r" s, ([\d.]+) MB")


@dataclass(frozen=True)
class Build:
    """One build, measured.

    Args:
        process: of the whole command.
        models: seconds of each, as dbt counts them; dbt's start is in none.
        tests_seconds: of all tests of the tables together.
        megabytes: the warehouse's size afterwards.
    """

    process: Run
    models: dict[str, float]
    tests_seconds: float
    megabytes: float

    @property
    def models_seconds(self) -> float:
        return sum(self.models.values())

    @property
    def start_seconds(self) -> float:
        """What is neither model nor test: Python's and dbt's start, reading the project, writing what was done."""
        return self.process.seconds - self.models_seconds - self.tests_seconds


def target_folder(data: Path) -> Path:
    """Where dbt leaves what it made of the features."""
    return data / "demo" / "dbt_target" / "features"


def build(data: Path, run_date: date, *options: str) -> Build:
    """Build one night's features over `data`/demo/lake.

    Raises:
        SystemExit: it failed; its output is printed.
    """
    arguments = ("build", "features", "--shop", SHOP_FILE, "--run-date", run_date, *options)
    process, text = measured("warehouse", *arguments, environment={"NIGHTCART_DATA": str(data)})
    seconds: dict[str, Counter[str]] = {"model": Counter(), "test": Counter()}
    for result in json.loads((target_folder(data) / "run_results.json").read_text())["results"]:
        kind, _, name = result["unique_id"].split(".")[:3]
        seconds[kind][name] += result["execution_time"]
    return Build(process, dict(seconds["model"]), seconds["test"].total(), float(MEGABYTES.search(text)[1]))
