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
from datetime import date

import psutil
import pytest
import yaml

from services import environment, keys, processes
from serving_exports.builds import Builds
from settings import PROJECT_ROOT, Settings, read_secrets
from tests.services.ears import Ears, listening
from tests.services.test_services import ask

pytestmark = pytest.mark.faults

NIGHT, PAST = date(2026, 6, 30), date(2026, 6, 28)
PATIENCE_SECONDS = 900  # some minutes on a machine with nothing else to do
TINY = ("--users", "300", "--items", "90", "--days", "150")


@dataclass
class Airflow:
    """The running services as an operator meets them: commands, and Airflow's own pages."""

    settings: Settings
    environment: dict[str, str]
    token: str = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['NIGHTCART_AIRFLOW_PORT']}"

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", *words],
            cwd=PROJECT_ROOT, env=self.environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

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

    killed: list[str] = field(default_factory=list)
    task: str = ""
    served: str = ""
    states: dict[str, str] = field(default_factory=dict)
    tasks: dict[str, dict] = field(default_factory=dict)
    past: list[str] = field(default_factory=list)
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
def airflow(
    installation: Settings, installed_environment: dict[str, str], ears: Ears, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Airflow]:
    """The services over a tiny shop with one target; its schedule names three days of June, so none is due now."""
    folder = tmp_path_factory.mktemp("shops")
    content = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text()) | {
        "schedule": "0 4 28-30 6 *",
        "publish_by": "06:00",
        "notify": {"webhook": f"http://127.0.0.1:{ears.web_port}/"},
        "audiences": [],
    }
    target = {"name": "purchase_7d", "horizon_days": 7, "label": "is_purchaser", "models": ["base_rate"]}
    content["predictions"] = {"snapshot_every_days": 7, "snapshot_count": 8, "targets": [target]}
    (folder / "demo.yml").write_text(yaml.safe_dump(content))
    airflow = Airflow(installation, installed_environment | {"NIGHTCART_SHOPS": str(folder)})
    airflow.command("ingestion.demo_shop", "--shop", str(folder / "demo.yml"), *TINY)
    try:
        airflow.up()
        wait("the DAG", lambda: "nightly_demo" in {dag["dag_id"] for dag in airflow.ask("dags")["dags"]})
        yield airflow
    finally:
        airflow.command("services.down")


@pytest.fixture(scope="module")
def told(airflow: Airflow, installation: Settings, ears: Ears) -> Told:
    """A night that is killed with all that runs it and goes on; then a past night; then the look at the clock for two nights."""
    told = Told()
    builds = Builds(installation.paths("demo").serving)
    airflow.ask("dags/nightly_demo", {"is_paused": False}, "PATCH")
    night = airflow.trigger("nightly_demo", NIGHT)

    told.task = wait("a step in the midst of the night", lambda: (line := step_of(installation)) and "features" in line and line)
    everything = members(installation)
    told.killed = [process.name() for process in everything]
    for process in sorted(everything, key=lambda process: process.pid):  # the supervisor is the oldest: it starts nobody any more
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(everything, timeout=30)
    airflow.up()
    told.states["night"] = airflow.end_of("nightly_demo", night)
    told.tasks = airflow.tasks("nightly_demo", night)
    told.served = builds.current()

    morning = f"{PAST.year}-{PAST.month:02}-{PAST.day + 1:02}"  # on which the night of PAST was due
    airflow.command(
        "services.environment", "airflow", "backfill", "create", "--dag-id", "nightly_demo",
        "--from-date", morning, "--to-date", f"{morning}T23:59:59", "--max-active-runs", "1",
    )  # fmt: skip
    backfilled = wait("the backfill", lambda: airflow.ask("dags/nightly_demo/dagRuns?run_type=backfill")["dag_runs"])
    told.past = [run["logical_date"] for run in backfilled]
    told.states["past"] = airflow.end_of("nightly_demo", backfilled[0]["dag_run_id"])

    for name, day in (("in time", NIGHT), ("late", date(2026, 7, 1))):
        told.states[name] = airflow.end_of("deadline_demo", airflow.trigger("deadline_demo", day))
    told.posts = list(ears.posts)
    return told


def test_the_night_ends_green_without_a_hand_after_everything_was_killed(told: Told, installation: Settings) -> None:
    assert len(told.killed) > 12
    assert told.states["night"] == "success"
    assert {task["state"] for task in told.tasks.values()} == {"success"}
    assert Builds(installation.paths("demo").serving).run_date(told.served) == NIGHT


def test_only_the_task_that_was_killed_was_run_again(told: Told) -> None:
    assert "build features" in told.task
    assert {name: task["try_number"] for name, task in told.tasks.items() if task["try_number"] != 1} == {"build_features": 2}


def test_a_backfilled_night_is_of_its_own_day_and_leaves_what_is_served(told: Told, installation: Settings) -> None:
    assert told.past == [f"{PAST.year}-06-29T02:00:00Z"]
    assert told.states["past"] == "success"
    builds = Builds(installation.paths("demo").serving)
    assert builds.current() == told.served
    assert sorted(builds.run_date(name) for name in builds.ids()) == [PAST, NIGHT]
    assert (installation.paths("demo").nights / PAST.isoformat()).is_dir()


def test_a_late_night_is_told_to_the_webhook_and_one_in_time_is_not(told: Told) -> None:
    assert (told.states["in time"], told.states["late"]) == ("success", "failed")
    late = [post for post in told.posts if post["task"] == "published_in_time"]
    assert [(post["run_date"], post["outcome"]) for post in late] == [("2026-07-01", "was not published by 06:00")]


def test_nobody_was_told_of_the_killed_task_since_it_was_tried_again(told: Told) -> None:
    assert [post for post in told.posts if post["task"] != "published_in_time"] == []


def test_no_secret_is_in_any_log_of_the_night(told: Told, installation: Settings) -> None:
    secrets = read_secrets(installation.secrets_file).values()
    texts = [path.read_text(errors="replace") for path in environment.logs(installation).rglob("*") if path.is_file()]
    assert told.states and len(texts) > 20
    assert not any(secret in text for secret in secrets for text in texts)


def test_what_the_night_made_is_for_nobody_else(told: Told, installation: Settings) -> None:
    serving = installation.paths("demo").serving
    made = [path for path in installation.data.rglob("*") if not path.is_symlink()]
    open_to_all = [path for path in made if path.stat().st_mode & 0o007]
    open_to_group = [path for path in made if path.stat().st_mode & 0o070 and not path.is_relative_to(serving)]
    assert told.states and (open_to_all, open_to_group) == ([], [])
