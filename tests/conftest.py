"""The one tiny shop of a test session, and the one night run over it by the real steps, each a process of its own."""

import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from xdist.scheduler import LoadFileScheduling

import shop as shops
from settings import PROJECT_ROOT, Settings

HMAC_KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
TARGETS = (  # one of each kind, few candidates where the target is not the point
    "purchase_7d",
    {
        "name": "churn_14d", "horizon_days": 14, "label": "is_silent",
        "population": "days_since_last_order + 14 > mean_days_between_orders",
        "outside": "no_purchase_due", "models": ["base_rate", "gradient_boosting"],
    },
    {"name": "value_28d", "horizon_days": 28, "kind": "value", "label": "order_amount", "models": ["mean_value", "value_boosting"]},
    {"name": "category_purchase_7d", "horizon_days": 7, "per": "category", "label": "is_purchaser", "models": ["base_rate"]},
    {"name": "value_90d", "horizon_days": 90, "kind": "value", "label": "order_amount"},  # longer than the shop can know
)  # fmt: skip
TASKS = ("recommendations", "purchase_7d", "churn_14d", "value_28d", "category_purchase_7d", "value_90d")


def steps_of(tasks: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """The steps of a night that trains these tasks, in their order, as `python -m` is called with them."""
    return (
        ("ingestion.land",),
        ("warehouse", "build", "features"),
        *(("training.train", name) for name in tasks),
        ("training.promote", *tasks),
        ("training.score",),
        ("warehouse", "build", "serving"),
        ("serving_exports.publish",),
    )


STEPS = steps_of(TASKS)


# files that look at the tiny shop's night: one process makes it and runs them all
OF_THE_NIGHT = {"tests/test_documentation.py", "tests/test_night.py", "tests/test_rotation.py"}
# files whose cases put their stage back first, so that each may run in any process
CASE_BY_CASE = {"tests/faults/test_kill_matrix.py", "tests/faults/test_random_kills.py"}


class ByFileAndNight(LoadFileScheduling):
    """Each file's tests stay together for its fixtures, and those of the one night in one process."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        if file in CASE_BY_CASE:
            return nodeid
        return "the night" if file in OF_THE_NIGHT else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFileAndNight | None:
    return ByFileAndNight(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    strangers = {item.nodeid.split("::", 1)[0] for item in items if "tiny_shop" in item.fixturenames} - OF_THE_NIGHT
    if strangers:
        raise pytest.UsageError(f"{sorted(strangers)} look at the night too: name them in OF_THE_NIGHT, or it is made twice")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What came of all random kills together, and other figures, as `tests/faults/` recorded them of each test."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, []) if report.when == "call"]
    came: defaultdict[str, Counter] = defaultdict(Counter)
    for name, value in (recorded for report in reports for recorded in report.user_properties):
        if name.startswith("random kills"):
            came[name].update(value)
        elif name.startswith("seconds"):
            terminalreporter.write_line(f"{value} {name}")
    for name, counts in sorted(came.items()):
        terminalreporter.write_line(f"{counts['kills']} {name}: {counts['lost']} lost, {counts['torn']} torn")


@dataclass(frozen=True)
class StepDone:
    """The summary line of a step that ended well, and the seconds it took."""

    summary: str
    seconds: float


@dataclass(frozen=True)
class TinyShop:
    """A demo shop small enough to run a night in a minute, in a data folder of its own."""

    data: Path
    shop_file: Path
    run_date: date

    @property
    def settings(self) -> Settings:
        return Settings.from_environment(self.environment)

    @property
    def shop(self) -> shops.Shop:
        return shops.read(self.shop_file)

    @property
    def folder(self) -> Path:
        return self.data / "demo"

    @property
    def truth(self) -> Path:
        return self.folder / "truth"

    @property
    def environment(self) -> dict[str, str]:
        names = ("PATH", "HOME", "LANG", "TMPDIR")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        return kept | {
            "NIGHTCART_DATA": str(self.data),
            "NIGHTCART_HMAC_KEY": HMAC_KEY,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "MPLBACKEND": "Agg",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1",
        }

    def step(self, module: str, *arguments: str, run_date: date | None = None, **environment: str) -> subprocess.CompletedProcess:
        """Run one step as the night does; the caller looks at the exit code."""
        command = [sys.executable, "-m", module, *arguments, "--shop", str(self.shop_file), "--run-date", str(run_date or self.run_date)]
        return subprocess.run(
            command, cwd=PROJECT_ROOT, env=self.environment | environment, capture_output=True, text=True, timeout=300, check=False
        )

    def night(self) -> dict[tuple[str, ...], "StepDone"]:
        """Run every step of the night; what came of each by its command.

        Raises:
            AssertionError: a step failed; holds what it said.
        """
        steps_done = {}
        for step in STEPS:
            began = time.monotonic()
            done = self.step(*step)
            assert done.returncode == 0, f"{' '.join(step)} failed\n{done.stdout}\n{done.stderr}"
            steps_done[step] = StepDone(done.stdout.strip(), time.monotonic() - began)
        return steps_done

    def published(self) -> duckdb.DuckDBPyConnection:
        """A plain read-only connection to what is published now, as a consumer opens it."""
        return duckdb.connect(str(self.folder / "serving" / "current" / "shop.duckdb"), read_only=True)


@pytest.fixture(scope="session")
def tiny_shop(tmp_path_factory: pytest.TempPathFactory) -> TinyShop:
    """300 users, 90 items and 150 days in landing/, and nothing run yet."""
    root = tmp_path_factory.mktemp("tiny")
    content = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text())
    content["predictions"] = {"snapshot_every_days": 7, "snapshot_count": 8, "targets": list(TARGETS)}
    shop_file = root / "demo.yml"
    shop_file.write_text(yaml.safe_dump(content))
    tiny = TinyShop(root / "data", shop_file, date(2026, 6, 30))
    made = subprocess.run(
        [sys.executable, "-m", "ingestion.demo_shop", "--shop", str(shop_file), "--users", "300", "--items", "90", "--days", "150"],
        cwd=PROJECT_ROOT, env=tiny.environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return tiny


@pytest.fixture(scope="session")
def first_night(tiny_shop: TinyShop) -> dict[tuple[str, ...], StepDone]:
    """What came of each step of the tiny shop's first whole night."""
    return tiny_shop.night()


@pytest.fixture(scope="session")
def published_shop(tiny_shop: TinyShop, first_night: dict[tuple[str, ...], StepDone]) -> TinyShop:
    """The tiny shop after its first night."""
    return tiny_shop
