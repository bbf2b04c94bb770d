"""What `make up` started: who runs, who answers, who was started again, and who listens where."""

from collections.abc import Iterator

import psutil

from doctor.finding import Finding
from services import environment, health, processes, roster, up
from services.processes import Started
from settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "::ffff:127.0.0.1")


def examine(settings: Settings) -> Iterator[Finding]:
    started = processes.recorded(environment.services_file(settings))
    yield _services(settings, started)
    if started:
        yield _supervisor(settings, started)
        yield _listeners(started)


def _services(settings: Settings, started: list[Started]) -> Finding:
    dead = [service.name for service in started if not service.is_alive]
    silent = health.missing() if started and not dead else []
    found = "not started (make up)" if not started else f"{len(started)} started"
    found += f"; ended: {', '.join(dead)}" if dead else ""
    found += f"; no answer: {', '.join(silent)}" if silent else ""
    return Finding("services", not dead and not silent, found, f"make down && make up; logs in {environment.logs(settings)}")


def _supervisor(settings: Settings, started: list[Started]) -> Finding:
    given_up = [service.name for service in started if service.is_given_up]
    alive = any(service.is_alive for service in started if service.name == roster.SUPERVISOR)
    found = "" if alive else "it has ended: nothing is started again. "
    found += f"given up: {', '.join(given_up)}. " if given_up else ""
    found += up.restarts(started) or "nothing had to be started again"
    log = roster.log_file(settings, given_up[0] if given_up else roster.SUPERVISOR)
    return Finding("supervisor", alive and not given_up, found, f"read {log}, then make down && make up")


def _listeners(started: list[Started]) -> Finding:
    members = {process for service in started for process in processes.members(service)}
    found = sorted({address for process in members for address in _listening(process)})
    outside = [f"{ip}:{port}" for ip, port in found if ip not in LOOPBACK]
    said = f"other machines can reach {', '.join(outside)}" if outside else f"{len(found)}, all on this machine only"
    return Finding("listeners", not outside, said, "make down; unset AIRFLOW_… and MLFLOW_… in this shell and in secrets.env; make up")


def _listening(process: psutil.Process) -> list[tuple[str, int]]:
    try:
        connections = process.net_connections(kind="inet")
    except psutil.NoSuchProcess:
        return []
    return [(line.laddr.ip, line.laddr.port) for line in connections if line.status == psutil.CONN_LISTEN]
