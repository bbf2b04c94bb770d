"""Processes that outlive the command that started them: how they are started, recognised again, and stopped to the last child."""

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from settings import write_private

CLOCK_TOLERANCE_SECONDS = 2  # psutil derives start times from the boot time, which a clock adjustment moves


@dataclass(frozen=True)
class Started:
    """One service: the leader of a process group, told from a later process of the same number by its start time."""

    name: str
    pid: int
    created: float  # seconds since the epoch
    deaths: int = 0  # how often it has ended by itself since the supervisor started
    is_given_up: bool = False

    @property
    def is_alive(self) -> bool:
        return self.process() is not None

    def process(self) -> psutil.Process | None:
        """The process itself; None where it has ended, even if another has its number now."""
        try:
            return psutil.Process(self.pid) if not _is_anothers_number(self) and _runs(psutil.Process(self.pid)) else None
        except psutil.NoSuchProcess:
            return None


def start(name: str, command: list[str], environment: dict[str, str], log: Path, cwd: Path) -> Started:
    """Start a service in a session of its own, with its output appended to `log` (0600)."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        process = subprocess.Popen(
            command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, umask=0o077
        )
    return Started(name, process.pid, psutil.Process(process.pid).create_time())


def end_alone(service: Started, patience: float = 90) -> int:
    """End the service's own process and leave what it started: SIGTERM, after `patience` seconds SIGKILL. Returns 1 if it ran."""
    process = service.process()
    if process is None:
        return 0
    _signal(process.terminate)
    _, stubborn = psutil.wait_procs([process], timeout=patience)
    for process in stubborn:
        _signal(process.kill)
    psutil.wait_procs(stubborn, timeout=patience)
    return 1


def stop(services: Iterable[Started], patience: float = 30) -> int:
    """End the services with all that they started: SIGTERM, after `patience` seconds SIGKILL. Returns how many processes were ended."""
    found = {process for service in services for process in members(service)}
    for process in found:
        _signal(process.terminate)
    _, stubborn = psutil.wait_procs(found, timeout=patience)
    for process in stubborn:
        _signal(process.kill)
    psutil.wait_procs(stubborn, timeout=patience)
    return len(found)


def members(service: Started) -> set[psutil.Process]:
    """The service's process, its process group (also when its leader has died) and all their descendants.

    A group whose leader is somebody else's process of the same number is not ours: numbers are given again, but never
    while a group still bears them.
    """
    if _is_anothers_number(service):
        return set()
    group = {process for process in psutil.process_iter() if _group(process) == service.pid}
    return {process for process in group | {child for parent in group for child in _children(parent)} if _runs(process)}


def record(file: Path, services: list[Started]) -> None:
    write_private(file, json.dumps([asdict(service) for service in services]))


def recorded(file: Path) -> list[Started]:
    """What `record` wrote; nothing where the file is absent."""
    return [Started(**entry) for entry in json.loads(file.read_text())] if file.exists() else []


def _is_anothers_number(service: Started) -> bool:
    try:
        return abs(psutil.Process(service.pid).create_time() - service.created) >= CLOCK_TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return False


def _runs(process: psutil.Process) -> bool:
    """Not so one that has ended and that its parent has not asked after yet."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _group(process: psutil.Process) -> int | None:
    try:
        return os.getpgid(process.pid)
    except ProcessLookupError:
        return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(send: object) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return  # it ended by itself
