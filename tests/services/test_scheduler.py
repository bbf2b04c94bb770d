"""A real night through the real scheduler, with everything killed in the midst of it; then a past night, and a late one.

One night, one restart and one backfill of a tiny shop: the tests look at what came of them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pytest
import yaml

from ingestion.demo_shop import DemoShop, make
from services import environment, keys, processes
from serving_exports.builds import Builds
from settings import PROJECT_ROOT, Settings, read_secrets
from tests.services.ears import Ears, listening
from tests.services.test_services import ask

pytestmark = pytest.mark.faults

PATIENCE_SECONDS = 900  # some minutes on a machine with nothing else to do
BERLIN = ZoneInfo("Europe/Berlin")


@dataclass(frozen=True)
class Calendar:
    """The night that Airflow starts by itself as soon as the DAG is switched on: it was due an hour or two ago, and missed.

    Of a DAG without runs, Airflow makes up for what was due within the last tenth of its period.
    """

    due: datetime  # full hour, in Berlin

    @property
    def night(self) -> date:
        return self.due.date() - timedelta(days=1)

    @property
    def past(self) -> date:
        """An earlier night, with files of its own."""
        return self.night - timedelta(days=2)

    @property
    def past_due(self) -> datetime:
        return (self.due - timedelta(days=2)).astimezone(UTC)


@dataclass
class Airflow:
    """The running services as an operator meets them: commands, and Airflow's own pages."""

    settings: Settings
    environment: dict[str, str]
    token: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['NIGHTCART_AIRFLOW_PORT']}"

    def call(self, *words: str) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=PROJECT_ROOT, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip

    def command(self, *words: str) -> None:
        done = self.call(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"

    def backfill(self, day: date) -> None:
        """Ask for the nights due on a day; Airflow over SQLite refuses, and undoes, that where another process writes, and says so."""

        def asked() -> bool:
            done = self.call(
                "services.environment", "airflow", "backfill", "create", "--dag-id", "nightly_demo",
                "--from-date", f"{day}T00:00:00", "--to-date", f"{day}T23:59:59", "--max-active-runs", "1",
            )  # fmt: skip
            assert done.returncode == 0 or "database is locked" in done.stderr, done.stderr
            return done.returncode == 0

        wait("a backfill that is accepted", asked)

    def up(self) -> None:
        self.command("services.up")
        password = read_secrets(self.settings.secrets_file)[keys.AIRFLOW_PASSWORD]
        status, token = ask(f"{self.url}/auth/token", {"username": "admin", "password": password})
        assert status == 201, token
        self.token = json.loads(token)["access_token"]

    def ask(self, path: str, body: dict | None = None, method: str | None = None) -> dict:
        status, answer = ask(f"{self.url}/api/v2/{path}", body, method, Authorization=f"Bearer {self.token}")
        assert status < 300, f"{path}: {status} {answer}"
        return json.loads(answer)

    def trigger(self, dag_id: str, day: date) -> str:
        return self.ask(f"dags/{dag_id}/dagRuns", {"logical_date": None, "conf": {"run_date": day.isoformat()}})["dag_run_id"]

    def run_of(self, dag_id: str, kind: str) -> dict:
        """The one run of that kind, once it is there."""
        runs = wait(f"a {kind} run of {dag_id}", lambda: self.ask(f"dags/{dag_id}/dagRuns?run_type={kind}")["dag_runs"])
        (run,) = runs
        return run

    def state(self, dag_id: str, run_id: str) -> str:
        return self.ask(f"dags/{dag_id}/dagRuns/{run_id}")["state"]

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict]:
        listed = self.ask(f"dags/{dag_id}/dagRuns/{run_id}/taskInstances")["task_instances"]
        return {task["task_id"]: task for task in listed}

    def end_of(self, dag_id: str, run_id: str) -> str:
        def ended() -> str | None:
            state = self.state(dag_id, run_id)
            return state if state in ("success", "failed") else None

        return wait(f"the end of {dag_id}", ended)


@dataclass
class Told:
    """What happened."""

    killed: list[str] = field(default_factory=list)  # command lines
    task: str = ""
    served: str = ""
    states: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, dict] = field(default_factory=dict)
    past_logical_date: str = ""
    posts: list[dict] = field(default_factory=list)


def wait(what: str, question: Callable[[], object]) -> object:
    """The first answer that is something; a question is cheap and asked every second."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := question()):
        assert time.monotonic() < deadline, f"waited {PATIENCE_SECONDS} s for {what}"
        time.sleep(1)
    return answer


def members(settings: Settings) -> set[psutil.Process]:
    started = processes.recorded(environment.services_file(settings))
    return {process for service in started for process in processes.members(service)}


def step_of(settings: Settings) -> str | None:
    """The command of a step of the night that runs now."""
    for process in members(settings):
        try:
            line = process.cmdline()
        except psutil.NoSuchProcess:
            continue
        if "--run-date" in line and "-m" in line and line[0] != "bash":
            return " ".join(line[line.index("-m") + 1 :])
    return None


@pytest.fixture(scope="module")
def ears() -> Iterator[Ears]:
    with listening() as ears:
        yield ears


@pytest.fixture(scope="module")
def calendar() -> Calendar:
    return Calendar((datetime.now(BERLIN) - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0))


@pytest.fixture(scope="module")
def airflow(
    installation: Settings, installed_environment: dict[str, str], ears: Ears, calendar: Calendar, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    """The services over a tiny shop with one target, whose files end on the day of the night that was missed."""
    folder = tmp_path_factory.mktemp("shops")
    content = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text()) | {
        "schedule": f"0 {calendar.due.hour} * * *",
        "publish_by": f"{calendar.due.hour:02}:30",
        "notify": {"webhook": f"http://127.0.0.1:{ears.web_port}/"},
        "audiences": [],
    }
    target = {"name": "purchase_7d", "horizon_days": 7, "label": "is_purchaser", "models": ["base_rate"]}
    content["predictions"] = {"snapshot_every_days": 7, "snapshot_count": 8, "targets": [target]}
    (folder / "demo.yml").write_text(yaml.safe_dump(content))
    paths = installation.paths("demo")
    paths.root.mkdir(mode=0o700)
    make(paths.landing, paths.root / "truth", DemoShop(users=300, items=90, days=150, last_day=calendar.night))
    airflow = Airflow(installation, installed_environment | {"NIGHTCART_SHOPS": str(folder)})
    try:
        airflow.up()
        wait("the DAGs", lambda: {dag["dag_id"] for dag in airflow.ask("dags")["dags"]} >= {"nightly_demo", "deadline_demo"})
        yield airflow
    finally:
        airflow.command("services.down")


@pytest.fixture(scope="module")
def told(airflow: Airflow, installation: Settings, ears: Ears, calendar: Calendar) -> Told:
    """A late night that is killed with all that runs it and goes on; then a past night; then the look at the clock again."""
    told = Told()
    builds = Builds(installation.paths("demo").serving)
    airflow.ask("dags/nightly_demo", {"is_paused": False}, "PATCH")
    told.states["late"] = airflow.end_of("deadline_demo", airflow.run_of("deadline_demo", "scheduled")["dag_run_id"])
    night = airflow.run_of("nightly_demo", "scheduled")["dag_run_id"]

    told.task = wait("a step in the midst of the night", lambda: (line := step_of(installation)) and "features" in line and line)
    everything = members(installation)
    told.killed = [" ".join(process.cmdline()) for process in everything]
    for process in sorted(everything, key=lambda process: process.pid):  # the supervisor is the oldest: it starts nobody any more
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(everything, timeout=30)
    airflow.up()
    told.states["night"] = airflow.end_of("nightly_demo", night)
    told.tasks = airflow.tasks("nightly_demo", night)
    told.served = builds.current()

    airflow.backfill(calendar.past_due.date())
    past = airflow.run_of("nightly_demo", "backfill")
    told.past_logical_date = past["logical_date"]
    told.states["past"] = airflow.end_of("nightly_demo", past["dag_run_id"])

    told.states["in time"] = airflow.end_of("deadline_demo", airflow.trigger("deadline_demo", calendar.night))
    told.posts = list(ears.posts)
    return told


def test_the_night_ends_green_without_a_hand_after_everything_was_killed(told: Told, installation: Settings, calendar: Calendar) -> None:
    assert len(told.killed) > 12
    assert told.states["night"] == "success"
    assert {task["state"] for task in told.tasks.values()} == {"success"}
    assert Builds(installation.paths("demo").serving).run_date(told.served) == calendar.night


def test_only_the_task_that_was_killed_was_run_again(told: Told) -> None:
    assert "build features" in told.task
    assert {name: task["try_number"] for name, task in told.tasks.items() if task["try_number"] != 1} == {"build_features": 2}


def test_a_backfilled_night_is_of_its_own_day_and_leaves_what_is_served(told: Told, installation: Settings, calendar: Calendar) -> None:
    assert datetime.fromisoformat(told.past_logical_date) == calendar.past_due
    assert told.states["past"] == "success"
    builds = Builds(installation.paths("demo").serving)
    assert builds.current() == told.served
    assert sorted(builds.run_date(name) for name in builds.ids()) == [calendar.past, calendar.night]
    assert (installation.paths("demo").nights / calendar.past.isoformat()).is_dir()


def test_a_late_night_is_told_to_the_webhook_and_one_in_time_is_not(told: Told, calendar: Calendar) -> None:
    assert (told.states["late"], told.states["in time"]) == ("failed", "success")
    late = [post for post in told.posts if post["task"] == "published_in_time"]
    by = f"{calendar.due.hour:02}:30"
    assert [(post["run_date"], post["outcome"]) for post in late] == [(calendar.night.isoformat(), f"was not published by {by}")]


def test_nobody_was_told_of_the_killed_task_since_it_was_tried_again(told: Told) -> None:
    assert [post for post in told.posts if post["task"] != "published_in_time"] == []


def test_no_secret_is_in_any_log_or_command_line_of_the_night(told: Told, installation: Settings) -> None:
    secrets = read_secrets(installation.secrets_file).values()
    assert not any(secret in line for secret in secrets for line in told.killed)
    texts = [path.read_text(errors="replace") for path in environment.logs(installation).rglob("*") if path.is_file()]
    assert told.states and len(texts) > 20
    assert not any(secret in text for secret in secrets for text in texts)


def test_what_the_night_made_is_for_nobody_else(told: Told, installation: Settings) -> None:
    paths, serving = installation.paths("demo"), installation.paths("demo").serving
    delivered = (paths.landing, paths.root / "truth")  # by this file
    made = [path for path in installation.data.rglob("*") if not path.is_symlink() and not any(map(path.is_relative_to, delivered))]

    def is_for_wider_readers(path: Path) -> bool:
        """The public file of a build, and the way to it for who knows its name."""
        return path.name == "shop_public.duckdb" or (path.parent == serving / "builds" and not path.stat().st_mode & 0o006)

    open_to_all = [path for path in made if path.stat().st_mode & 0o007 and not is_for_wider_readers(path)]
    open_to_group = [path for path in made if path.stat().st_mode & 0o070 and not path.is_relative_to(serving)]
    assert told.states and (open_to_all, open_to_group) == ([], [])
