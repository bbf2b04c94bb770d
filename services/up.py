"""Start Airflow (scheduler, DAG processor, UI), MLflow's UI, the explorer and the warehouse's documentation, on loopback only, with logins.

    python -m services.up        # `python -m services.down` stops exactly what this started

The nightly DAGs are switched off until an operator switches them on in the UI: from then on each shop's night runs by
itself at the hour in its shop file. NIGHTCART_AIRFLOW_PORT (8080), NIGHTCART_MLFLOW_PORT (5000), NIGHTCART_DOCS_PORT (8081)
and NIGHTCART_EXPLORER_PORT (8082) choose other ports.
"""

import logging
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import steps
from services import environment, health, keys, processes, setup
from settings import PROJECT_ROOT, Settings

log = logging.getLogger("up")

PATIENCE_SECONDS = 180  # a first start on two slow cores takes one minute
POLL_SECONDS = 1


@dataclass(frozen=True)
class Service:
    """What is to be started: its name (and log's name), its command and its environment."""

    name: str
    command: list[str]
    environment: dict[str, str]


def services(settings: Settings) -> list[Service]:
    """All services, in the order in which they are started. Airflow's log servers stay closed: the UI reads the files."""
    airflow, mlflow = environment.airflow(settings), environment.mlflow(settings)
    return [
        Service("api-server", _module("airflow", "api-server"), airflow),
        Service("scheduler", _module("airflow", "scheduler", "--skip-serve-logs"), airflow),
        Service("dag-processor", _module("airflow", "dag-processor"), airflow),
        Service("mlflow", _module("mlflow", *_mlflow_arguments(settings)), mlflow),
        Service("docs", _module("services.docs"), environment.shared(settings)),
        Service("explorer", _module("explorer"), environment.shared(settings)),
    ]


def up(settings: Settings) -> list[processes.Started]:
    """Start everything and wait until it answers; what all runs already is left as it is.

    Raises:
        StepError: a port is taken, a part of an earlier start is left, or a service ended or did not answer in time (all
            that was started is stopped again).
    """
    file = environment.services_file(settings)
    before = processes.recorded(file)
    if before and all(service.is_alive for service in before):
        return before
    _refuse_leftovers(before)
    for name, port in _ports().items():
        _refuse_taken_port(name, port)
    log.info("starting Airflow, MLflow, the explorer and the documentation: about half a minute")
    started: list[processes.Started] = []
    try:
        for service in services(settings):
            output = log_file(settings, service.name)
            started.append(processes.start(service.name, service.command, service.environment, output, PROJECT_ROOT))
            processes.record(file, started)
        _wait_until_healthy(settings, started)
    except BaseException:  # also Ctrl-C: nothing may stay behind half started
        processes.stop(started)
        file.unlink(missing_ok=True)
        raise
    return started


def _ports() -> dict[str, int]:
    return {
        "NIGHTCART_AIRFLOW_PORT": environment.airflow_port(),
        "NIGHTCART_MLFLOW_PORT": environment.mlflow_port(),
        "NIGHTCART_DOCS_PORT": environment.docs_port(),
        "NIGHTCART_EXPLORER_PORT": environment.explorer_port(),
    }


def log_file(settings: Settings, name: str) -> Path:
    return environment.logs(settings) / f"{name}.log"


def _mlflow_arguments(settings: Settings) -> list[str]:
    port = environment.mlflow_port()
    return [
        "server", "--app-name", "basic-auth", "--host", environment.LOOPBACK, "--port", str(port), "--workers", "1",
        "--backend-store-uri", settings.mlflow_tracking_uri,
        "--default-artifact-root", str(settings.mlflow_artifacts), "--no-serve-artifacts",
        "--allowed-hosts", f"{environment.LOOPBACK}:{port},localhost:{port}",
        "--cors-allowed-origins", environment.mlflow_url(),
    ]  # fmt: skip


def _module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def _wait_until_healthy(settings: Settings, started: list[processes.Started]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while missing := health.missing(since=started[0].created):
        for service in started:
            if not service.is_alive:
                raise steps.StepError(f"{service.name} ended: the reason is in {log_file(settings, service.name)}")
        if time.monotonic() > deadline:
            raise steps.StepError(
                f"no answer within {PATIENCE_SECONDS} s from {', '.join(missing)}; see the logs in {environment.logs(settings)}"
            )
        time.sleep(POLL_SECONDS)


def _refuse_leftovers(services: list[processes.Started]) -> None:
    left = [service.name for service in services if processes.members(service)]
    if left:
        raise steps.StepError(f"an earlier start left processes of {', '.join(left)}: `make down` first")


def _refuse_taken_port(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((environment.LOOPBACK, port))
        except OSError as error:
            raise steps.StepError(f"port {port} is taken ({error.strerror}): stop what listens there, or set {name} to another") from error


def addresses(settings: Settings) -> str:
    """What to open in a browser, and the commands that show the passwords."""
    pages = {
        "Airflow": (environment.airflow_url(), keys.AIRFLOW_PASSWORD),
        "MLflow": (environment.mlflow_url(), keys.MLFLOW_PASSWORD),
        "Tables": (environment.docs_url(), keys.DOCS_PASSWORD),
        "Explorer": (environment.explorer_url(), keys.EXPLORER_PASSWORD),
    }
    lines = [
        f"{name:<10}{url}   user {environment.ADMIN}, password: grep {key} {settings.secrets_file}" for name, (url, key) in pages.items()
    ]
    return "\n".join([*lines, f"Logs in {environment.logs(settings)}; `make down` stops everything."])


def main() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        settings = Settings.from_environment()
        setup.prepare(settings)
        up(settings)
    except (steps.StepError, ValueError) as error:
        sys.exit(f"up: {error}")
    print(addresses(settings))


if __name__ == "__main__":
    main()
