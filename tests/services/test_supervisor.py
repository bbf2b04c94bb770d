"""The supervisor with stand-ins for the services: who starts when, who is started again, and who is given up."""

import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from services import environment, health, processes, roster, supervisor, tidy
from services.roster import Service
from services.supervisor import Supervisor
from settings import Settings
from tests.services.test_processes import FAMILY, is_running

RUNS = "import time; time.sleep(60)"
ENDS = "raise SystemExit('no store')"


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The services that give no answer; a test changes it."""
    names: list[str] = []
    monkeypatch.setattr(health, "missing", lambda since=0: list(names))
    return names


@pytest.fixture
def notices(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """What the stand-in for the notice has said so far, in the supervisor's log."""
    monkeypatch.setattr(roster, "notice", lambda settings, name: Service("notice", [sys.executable, "-c", f"print('told of {name}')"], {}))
    log = roster.log_file(fresh, roster.SUPERVISOR)
    return lambda: log.read_text() if log.exists() else ""


@pytest.fixture
def watching(fresh: Settings, silent: list[str]) -> Iterator[Callable[..., Supervisor]]:
    """Makes a supervisor of stand-ins; what it started is ended when the test is over."""
    environment.logs(fresh).mkdir(parents=True)

    def make(needs: dict[str, tuple[str, ...]] | None = None, **programs: str) -> Supervisor:
        return Supervisor(
            fresh, [Service(name, [sys.executable, "-c", text], {}, (needs or {}).get(name, ())) for name, text in programs.items()]
        )

    yield make
    processes.stop([service for service in processes.recorded(environment.services_file(fresh)) if service.pid != os.getpid()])


def recorded(settings: Settings) -> dict[str, processes.Started]:
    return {service.name: service for service in processes.recorded(environment.services_file(settings))}


def wait_for_end(started: processes.Started) -> None:
    deadline = time.monotonic() + 20
    while started.is_alive:
        assert time.monotonic() < deadline, f"{started.name} did not end"
        time.sleep(0.02)


def test_a_service_starts_when_what_it_needs_answers(fresh: Settings, watching: Callable[..., Supervisor], silent: list[str]) -> None:
    silent.append("api")
    watched = watching({"scheduler": ("api",)}, scheduler=RUNS, api=RUNS)
    watched.look(0)
    watched.look(1)
    assert set(recorded(fresh)) == {"supervisor", "api"}
    silent.clear()
    watched.look(2)
    assert set(recorded(fresh)) == {"supervisor", "scheduler", "api"}


def test_a_killed_service_is_started_again_after_its_delay_and_without_what_it_left(
    fresh: Settings, watching: Callable[..., Supervisor]
) -> None:
    watched = watching(scheduler=FAMILY)
    watched.look(0)
    first = recorded(fresh)["scheduler"]
    deadline = time.monotonic() + 20
    while len(children := psutil.Process(first.pid).children()) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    in_group = next(child for child in children if os.getpgid(child.pid) == first.pid)
    in_session = next(child for child in children if child != in_group)
    os.kill(first.pid, signal.SIGKILL)
    wait_for_end(first)
    watched.look(100)
    assert not is_running(in_group.pid)
    assert recorded(fresh)["scheduler"].deaths == 1
    watched.look(101)
    assert recorded(fresh)["scheduler"].pid == first.pid
    watched.look(102)
    again = recorded(fresh)["scheduler"]
    assert again.is_alive and (again.pid, again.deaths) != (first.pid, 0)
    in_session.kill()  # nothing tells that it was ours once its parent is gone


def test_a_service_that_ends_again_and_again_is_given_up_and_the_others_run_on(
    fresh: Settings, watching: Callable[..., Supervisor], notices: Callable[[], str]
) -> None:
    watched = watching(docs=ENDS, mlflow=RUNS)
    starts = []
    for now in range(0, 200):
        watched.look(now)
        docs = recorded(fresh)["docs"]
        if docs.pid not in [pid for _, pid in starts]:
            starts.append((now, docs.pid))
            wait_for_end(docs)
    assert [moment for moment, _ in starts] == [0, 3, 8, 17, 34]  # found ended a second after each start: 2, 4, 8 and 16 s of delay
    assert (docs.deaths, docs.is_given_up) == (supervisor.MAX_DEATHS, True)
    assert recorded(fresh)["mlflow"].is_alive and not recorded(fresh)["mlflow"].deaths
    deadline = time.monotonic() + 20
    while "told of docs\n" not in notices():
        assert time.monotonic() < deadline, "nobody was told"
        time.sleep(0.02)
    assert notices() == "told of docs\n", "once"


def test_a_service_that_ends_once_a_day_is_never_given_up(fresh: Settings, watching: Callable[..., Supervisor]) -> None:
    watched = watching(docs=ENDS)
    for day in range(7):
        watched.look(86400 * day)
        wait_for_end(recorded(fresh)["docs"])
        watched.look(86400 * day + 10)
    assert (recorded(fresh)["docs"].deaths, recorded(fresh)["docs"].is_given_up) == (7, False)


def test_a_service_that_says_nothing_for_long_is_ended_and_started_again(
    fresh: Settings, watching: Callable[..., Supervisor], silent: list[str]
) -> None:
    watched = watching(mlflow=RUNS)
    watched.look(0)
    first = recorded(fresh)["mlflow"]
    silent.append("mlflow")
    for now in (40, 400, 600):
        watched.look(now)
    silent.clear()
    watched.look(700)  # it answered in between: the clock begins anew
    silent.append("mlflow")
    for now in (800, 1400):
        watched.look(now)
    assert recorded(fresh)["mlflow"] == first and first.is_alive
    watched.look(1431)
    assert not first.is_alive
    watched.look(1434)
    assert recorded(fresh)["mlflow"].is_alive and recorded(fresh)["mlflow"].deaths == 1


def test_a_full_disk_does_not_end_it_and_what_it_started_is_noted_afterwards(
    fresh: Settings, watching: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched, rounds, write = watching(mlflow=RUNS), [], processes.record

    def record(file: Path, services: list[processes.Started]) -> None:
        rounds.append(len(services))
        if len(rounds) == 2:  # the one after the start
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, services)
        if len(services) == 2:
            watched.stop()

    monkeypatch.setattr(processes, "record", record)
    monkeypatch.setattr(supervisor, "POLL_SECONDS", 0.01)
    watched.watch()
    assert rounds == [1, 2, 2]
    assert recorded(fresh)["mlflow"].is_alive


def test_a_log_that_has_grown_is_moved_aside_and_its_service_writes_on(fresh: Settings, watching: Callable[..., Supervisor]) -> None:
    """30 MB within seconds, looked at as often as a supervisor looks in an hour: two files of the limit's size are left."""
    watched = watching(docs="import time\nwhile True:\n print('x' * 999, flush=True)\n time.sleep(1e-4)")
    watched.look(0)
    log = roster.log_file(fresh, "docs")
    aside, now, moved, deadline = log.with_name("docs.log.1"), 0, 0, time.monotonic() + 60
    while moved < 2:
        assert time.monotonic() < deadline, "the log was not moved aside"
        now += supervisor.LOGS_SECONDS
        grown = log.stat().st_size
        if grown > tidy.LOG_BYTES:
            watched.look(now)
            assert log.stat().st_size < grown and aside.stat().st_size > tidy.LOG_BYTES
            moved += 1
        time.sleep(0.05)
    assert aside.stat().st_mode & 0o777 == 0o600
    assert set(aside.read_text().splitlines()[:-1]) == {"x" * 999}, "no gap of zeros, as after a truncation under another offset"
    assert {file.name for file in log.parent.iterdir()} == {"docs.log", "docs.log.1"}


def test_what_is_too_old_is_removed_once_a_week(
    fresh: Settings, watching: Callable[..., Supervisor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster, "tidy", lambda settings: Service("tidy", [sys.executable, "-c", "print('tidied up')"], {}))
    watched = watching()
    watched.look(0)
    log = roster.log_file(fresh, roster.SUPERVISOR)
    assert not log.exists(), "nothing is set up yet"
    setup_file = fresh.data / "setup.json"
    setup_file.touch()
    os.utime(setup_file, (0, time.time() - 8 * 86400))
    watched.look(supervisor.LOGS_SECONDS - 1)
    assert not log.exists(), "it looks every ten minutes"
    watched.look(supervisor.LOGS_SECONDS)
    deadline = time.monotonic() + 20
    while not log.exists() or log.read_text() != "tidied up\n":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_once_told_to_stop_it_starts_nobody_any_more(fresh: Settings, watching: Callable[..., Supervisor]) -> None:
    watched = watching(mlflow=RUNS)
    watched.stop()
    watched.look(0)
    assert set(recorded(fresh)) == {"supervisor"}
