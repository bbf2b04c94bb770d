"""Services are stopped to the last child, and nothing beside them."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from services import processes
from services.processes import Started

SLEEP = "import time; time.sleep(60)"
# a leader with a child in its group and another in a session of its own, as Airflow's steps are
FAMILY = f"""
import subprocess, sys, time
sleep = [sys.executable, "-c", "{SLEEP}"]
children = subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)
print(*[child.pid for child in children], flush=True)
time.sleep(60)
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"


def start(tmp_path: Path, program: str, name: str = "stub") -> Started:
    return processes.start(name, [sys.executable, "-c", program], {}, tmp_path / f"{name}.log", tmp_path)


def first_line(log: Path) -> str:
    deadline = time.monotonic() + 20
    while not log.exists() or "\n" not in log.read_text():
        assert time.monotonic() < deadline, "the stub said nothing"
        time.sleep(0.02)
    return log.read_text().splitlines()[0]


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen]:
    """Somebody else's process."""
    process = subprocess.Popen([sys.executable, "-c", SLEEP])
    yield process
    process.kill()
    process.wait()


def test_a_service_ends_with_its_children_and_with_nobody_else(tmp_path: Path, bystander: subprocess.Popen) -> None:
    service = start(tmp_path, FAMILY)
    children = [int(pid) for pid in first_line(tmp_path / "stub.log").split()]
    assert processes.stop([service]) == 3
    assert not any(is_running(pid) for pid in [service.pid, *children])
    assert bystander.poll() is None


def test_a_group_whose_leader_was_killed_is_still_found(tmp_path: Path) -> None:
    service = start(tmp_path, FAMILY)
    in_group, in_session = (int(pid) for pid in first_line(tmp_path / "stub.log").split())
    psutil.Process(service.pid).kill()
    psutil.wait_procs([psutil.Process(service.pid)], timeout=10)
    assert not service.is_alive
    processes.stop([service])
    assert not is_running(in_group)
    psutil.Process(in_session).kill()  # nothing tells that it was ours once its parent is gone


def test_a_service_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    service = start(tmp_path, STUBBORN)
    first_line(tmp_path / "stub.log")
    processes.stop([service], patience=0.5)
    assert not is_running(service.pid)


def test_a_later_process_of_the_same_number_is_not_ours(bystander: subprocess.Popen) -> None:
    born = psutil.Process(bystander.pid).create_time()
    earlier = Started("scheduler", bystander.pid, born - 3600)
    assert not earlier.is_alive
    assert processes.stop([earlier]) == 0
    assert bystander.poll() is None


def test_what_was_started_is_recognised_from_the_record(tmp_path: Path) -> None:
    service = start(tmp_path, SLEEP)
    processes.record(tmp_path / "services.json", [service])
    (found,) = processes.recorded(tmp_path / "services.json")
    assert found == service
    assert found.is_alive
    processes.stop([found])
    assert not found.is_alive


def test_what_a_service_says_is_for_its_owner_only(tmp_path: Path) -> None:
    service = start(tmp_path, "print('hello')")
    first_line(tmp_path / "stub.log")
    processes.stop([service])
    assert (tmp_path / "stub.log").stat().st_mode & 0o777 == 0o600
