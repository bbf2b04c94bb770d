"""What Airflow does to a step that is over its time limit, and what becomes of a step whose Airflow is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from services import environment
from settings import PROJECT_ROOT, Settings

# as airflow.sdk.execution_time.task_runner runs a task with an execution_timeout
TASK = """
import sys
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout
command = sys.argv[1]
operator = BashOperator(task_id="land", bash_command=command)
try:
    with timeout(600):
        operator.subprocess_hook.run_command(["bash", "-c", command])
except AirflowTaskTimeout:
    operator.on_kill()
    sys.exit(7)
"""
SHOP = """
{name: tiny, title: Tiny, timezone: Europe/Berlin, currency: EUR, sources: [{name: web, format: csv, files: "{date}.csv",
event_type: {default: product_viewed}, columns: {event_at: at, user_id: user, item_id: item}}]}
"""


@pytest.fixture
def start_land(tmp_path: Path):
    """Starts a landing that hangs with the lock, as a task of Airflow with a time limit; with the process that holds the lock."""
    (tmp_path / "tiny.yml").write_text(SHOP)
    (tmp_path / "data" / "tiny" / "landing").mkdir(parents=True)
    (tmp_path / "data" / "tiny" / "landing" / "2026-01-05.csv").write_text("at,user,item\n2026-01-05T10:00:00Z,anna,a\n")
    settings = Settings.from_environment({**os.environ, "NIGHTCART_DATA": str(tmp_path / "data")})
    values = environment.airflow(settings) | {"NIGHTCART_FAULT": "hang:land.begun", "NIGHTCART_HMAC_KEY": "00" * 32}
    command = f"exec {sys.executable} -m services.watchdog ingestion.land --shop {tmp_path / 'tiny.yml'}"
    lock = tmp_path / "data" / "tiny" / "lock"

    def start() -> tuple[subprocess.Popen, psutil.Process]:
        task = subprocess.Popen([sys.executable, "-c", TASK, command], cwd=PROJECT_ROOT, env=values, stdout=subprocess.PIPE)
        until(lambda: lock.exists() and "process" in lock.read_text(), "nobody took the lock")
        return task, psutil.Process(int(lock.read_text().split("process ")[1].split(",")[0]))

    return start


def until(happens, what: str) -> None:
    deadline = time.monotonic() + 120
    while not happens():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def is_running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_step_over_its_time_limit_is_ended_and_fails(start_land) -> None:
    task, step = start_land()
    task.send_signal(signal.SIGALRM)  # as Airflow's timer does when the time is over
    assert task.wait(120) == 7
    until(lambda: not is_running(step), "the step lives on, and holds the lock")


def test_a_step_whose_airflow_is_killed_does_not_live_on(start_land) -> None:
    task, step = start_land()
    task.kill()
    task.wait()
    until(lambda: not is_running(step), "the step lives on, and holds the lock")
