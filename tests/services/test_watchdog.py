"""A step that hangs is ended with all that it has started; one that works, however silently, is left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from services.watchdog import ENDED, HANGS, watch
from settings import PROJECT_ROOT

# deaf to SIGTERM, with one child in its group and another in a session of its own, as a pool of workers may be
HANGING = """
import pathlib, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
children = subprocess.Popen(sleep), subprocess.Popen(sleep, start_new_session=True)
pathlib.Path(sys.argv[1]).write_text(" ".join(str(child.pid) for child in children))
time.sleep(60)
"""
BUSY = "import time\nwhile time.process_time() < 1.5: pass"
SHOP = """
{name: tiny, title: Tiny, timezone: Europe/Berlin, currency: EUR, sources: [{name: web, format: csv, files: "{date}.csv",
event_type: {default: product_viewed}, columns: {event_at: at, user_id: user, item_id: item}}]}
"""


def python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def watched(command: list[str], hang_seconds: float = 0.5) -> int:
    return watch(command, hang_seconds, poll_seconds=0.05, grace_seconds=0.2)


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def until(happens, what: str) -> None:
    deadline = time.monotonic() + 120
    while not happens():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@pytest.mark.parametrize(("program", "code"), [("pass", 0), ("raise SystemExit(3)", 3), ("import os; os.kill(os.getpid(), 9)", 137)])
def test_the_exit_code_is_passed_on(program: str, code: int, capfd: pytest.CaptureFixture) -> None:
    assert watched(python(program), hang_seconds=30) == code
    assert ("by the kernel for want of memory" in capfd.readouterr().err) == (code == 137)


def test_a_hanging_step_is_ended_with_all_that_it_started(tmp_path: Path, capfd: pytest.CaptureFixture) -> None:
    pids = tmp_path / "pids"
    assert watched(python(HANGING, str(pids)), hang_seconds=3) == HANGS
    assert [pid for pid in map(int, pids.read_text().split()) if is_running(pid)] == []
    assert "hangs: next to no processor time for 0.05 minutes (NIGHTCART_HANG_MINUTES); it is ended" in capfd.readouterr().err


def test_a_step_that_works_in_silence_does_not_hang() -> None:
    assert watched(python(BUSY), hang_seconds=0.5) == 0


@pytest.fixture
def land(tmp_path: Path):
    """Starts the landing of a small shop under the watchdog, with a fault."""
    (tmp_path / "tiny.yml").write_text(SHOP)
    (tmp_path / "data" / "tiny" / "landing").mkdir(parents=True)
    (tmp_path / "data" / "tiny" / "landing" / "2026-01-05.csv").write_text("at,user,item\n2026-01-05T10:00:00Z,anna,a\n")
    command = [sys.executable, "-m", "services.watchdog", "ingestion.land", "--shop", str(tmp_path / "tiny.yml")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTCART_")}
    environment |= {"NIGHTCART_DATA": str(tmp_path / "data"), "NIGHTCART_HMAC_KEY": "00" * 32}

    def start(**more: str) -> subprocess.Popen:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment | more, **streams)

    return start


@pytest.fixture
def holder(tmp_path: Path):
    """The process that holds the small shop's lock now, once there is one."""
    lock = tmp_path / "data" / "tiny" / "lock"

    def held_by() -> int:
        until(lambda: lock.exists() and "process" in lock.read_text(), "nobody took the lock")
        return int(lock.read_text().split("process ")[1].split(",")[0])

    return held_by


def test_a_hanging_landing_fails_and_lands_at_the_next_try(land) -> None:
    hangs = land(NIGHTCART_FAULT="hang:land.begun", NIGHTCART_HANG_MINUTES="0.05")
    said = hangs.communicate(timeout=120)[0]
    assert hangs.returncode == HANGS, said
    assert "watchdog: ingestion.land hangs" in said
    again = land()
    assert "land tiny 2026-01-05: read 1 = landed 1" in again.communicate(timeout=120)[0]
    assert again.returncode == 0


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_no_step_outlives_its_watchdog(land, holder, how: signal.Signals) -> None:
    hangs = land(NIGHTCART_FAULT="hang:land.begun")
    step = holder()
    assert step != hangs.pid and is_running(step)
    hangs.send_signal(how)
    assert hangs.wait(60) == (ENDED if how is signal.SIGTERM else -signal.SIGKILL)
    until(lambda: not is_running(step), "the step lives on, and holds the lock")
    hangs.stdout.close()
