"""Runs one step of the night as a child and ends it, with all that it has started, when it hangs or nobody waits for it any more.

    python -m services.watchdog training.train recommendations --shop shops/demo.yml --run-date 2026-06-30

Everything behind the name is the command `python -m …`; its output and its exit code are passed on. A step that uses
next to no processor time for `NIGHTCART_HANG_MINUTES` hangs: it fails with exit code 124, and Airflow tries it again. Airflow
ends a step that is over its time limit with SIGTERM, which is passed on; SIGKILL follows for a step that does not end by it.
"""

import ctypes
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import psutil

from services import processes
from settings import Settings

LEAST_SHARE = 0.001  # of one core: idle threads of TensorFlow take a tenth of it; a step that loads, fits or writes a hundred times as much
GRACE_SECONDS = 20  # between SIGTERM and SIGKILL; less than Airflow's two minutes before the next try, which finds the lock free
POLL_SECONDS = 1.0
HANGS, ENDED = 124, 128 + signal.SIGTERM  # exit codes, as timeout(1) and shells give them
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def watch(command: Sequence[str], hang_seconds: float, poll_seconds: float = POLL_SECONDS, grace_seconds: float = GRACE_SECONDS) -> int:
    """Run a command in a session of its own until it ends, hangs, or is to be ended; its exit code, as a shell gives it."""
    waiting = _who_waits()
    child = subprocess.Popen(command, start_new_session=True, preexec_fn=_die_with_the_watchdog)
    step = processes.Started("step", child.pid, psutil.Process(child.pid).create_time())
    name, ended = " ".join(itertools.takewhile(lambda word: not word.startswith("-"), command[2:])), HANGS
    try:
        seen, since = 0.0, time.monotonic()
        while (code := _wait(child, poll_seconds)) is None:
            used, now = _processor_seconds(step), time.monotonic()
            if abs(used - seen) >= LEAST_SHARE * hang_seconds:  # a process that ends takes its seconds with it
                seen, since = used, now
            if now - since >= hang_seconds:
                _say(f"{name} hangs: next to no processor time for {hang_seconds / 60:g} minutes (NIGHTCART_HANG_MINUTES); it is ended")
                break
            if _who_waits() != waiting:
                ended = ENDED
                _say(f"whoever started {name} is gone; it is ended")
                break
    except KeyboardInterrupt:  # SIGINT, or SIGTERM
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # one is enough, and what follows must not be cut short
        code, ended = None, ENDED
    if code is None:
        processes.stop([step], grace_seconds)
        child.wait()
        return ended
    if code == -signal.SIGKILL:
        _say(f"{name} was killed: by somebody, or by the kernel for want of memory (set NIGHTCART_MEMORY_LIMIT lower)")
    return 128 - code if code < 0 else code


def _wait(child: subprocess.Popen, seconds: float) -> int | None:
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _who_waits() -> tuple[int, int | None]:
    """The parent and its parent: Airflow's task runner and what supervises it; another number once one of them has died."""
    parent = os.getppid()
    try:
        return parent, psutil.Process(parent).ppid()
    except psutil.NoSuchProcess:
        return parent, None


def _die_with_the_watchdog() -> None:
    """In the child: no step lives on, with the shop's lock, when the watchdog is killed with -9."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _processor_seconds(step: processes.Started) -> float:
    """Of the step and all that it started, the ended ones too."""
    total = 0.0
    for process in processes.members(step):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue  # it ended meanwhile
        total += times.user + times.system + times.children_user + times.children_system
    return total


def _say(text: str) -> None:
    print(f"watchdog: {text}", file=sys.stderr, flush=True)


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(f"usage: python -m services.watchdog STEP …\n\n{__doc__}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        sys.exit(f"watchdog: {error}")
    sys.exit(watch([sys.executable, "-m", *sys.argv[1:]], settings.hang_minutes * 60))


if __name__ == "__main__":
    main()
