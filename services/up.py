"""Start Airflow (scheduler, DAG processor, triggerer, UI), MLflow's UI, the explorer and the warehouse's documentation under a
supervisor that starts again what ends; on loopback only, with logins.

    python -m services.up        # `python -m services.down` stops exactly what this started

The nightly DAGs are switched off until an operator switches them on in the UI: from then on each shop's night runs by
itself at the hour in its shop file. NIGHTCART_AIRFLOW_PORT (8080), NIGHTCART_MLFLOW_PORT (5000), NIGHTCART_DOCS_PORT (8081)
and NIGHTCART_EXPLORER_PORT (8082) choose other ports.
"""

import logging
import socket
import sys
import time

import steps
from services import down, environment, health, keys, processes, roster, setup
from services.processes import Started
from settings import PROJECT_ROOT, Settings

log = logging.getLogger("up")

PATIENCE_SECONDS = 600  # a first start on two slow cores takes one minute, on two busy ones five
POLL_SECONDS = 1


def up(settings: Settings) -> list[Started]:
    """Start everything and wait until it answers; what runs already is left as it is. The supervisor is the first of what is returned.

    Raises:
        StepError: a port is taken, a part of an earlier start is left, or a service ended or did not answer in time (all
            that was started is stopped again), or one that ran was given up.
    """
    file = environment.services_file(settings)
    before = processes.recorded(file)
    if any(service.is_alive for service in before if service.name == roster.SUPERVISOR):
        _wait_until_healthy(settings, before[0], may_end=True)
        return processes.recorded(file)
    _refuse_leftovers(before)
    for name, port in _ports().items():
        _refuse_taken_port(name, port)
    log.info("starting Airflow, MLflow, the explorer and the documentation: about half a minute")
    file.unlink(missing_ok=True)
    service = roster.supervisor(settings)
    supervisor = processes.start(service.name, service.command, service.environment, roster.log_file(settings, service.name), PROJECT_ROOT)
    try:
        _wait_until_healthy(settings, supervisor, may_end=False)
    except BaseException:  # also Ctrl-C: nothing may stay behind half started
        processes.end_alone(supervisor)
        down.down(settings)
        raise
    return processes.recorded(file)


def _ports() -> dict[str, int]:
    return {
        "NIGHTCART_AIRFLOW_PORT": environment.airflow_port(),
        "NIGHTCART_MLFLOW_PORT": environment.mlflow_port(),
        "NIGHTCART_DOCS_PORT": environment.docs_port(),
        "NIGHTCART_EXPLORER_PORT": environment.explorer_port(),
    }


def _wait_until_healthy(settings: Settings, supervisor: Started, may_end: bool) -> None:
    """Wait until all answer. What had to be started again since it first ran (`may_end`) is no fault, at a first start it is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        missing = health.missing(since=supervisor.created)
        services = processes.recorded(environment.services_file(settings))
        _refuse_ended(settings, [service for service in services if service.is_given_up or (service.deaths and not may_end)])
        _refuse_ended(settings, [] if supervisor.is_alive else [supervisor])
        if not missing:
            return
        if time.monotonic() > deadline:
            raise steps.StepError(
                f"no answer within {PATIENCE_SECONDS} s from {', '.join(missing)}; see the logs in {environment.logs(settings)}"
            )
        time.sleep(POLL_SECONDS)


def _refuse_ended(settings: Settings, services: list[Started]) -> None:
    for service in services:
        what = "ended again and again and was given up (`make down && make up` tries anew)" if service.is_given_up else "ended"
        raise steps.StepError(f"{service.name} {what}: the reason is in {roster.log_file(settings, service.name)}")


def _refuse_leftovers(services: list[Started]) -> None:
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


def restarts(services: list[Started]) -> str:
    """What had to be started again, as a sentence; empty where nothing had to."""
    ended = [f"{service.name} ({service.deaths})" for service in services if service.deaths]
    return f"Started again after it had ended: {', '.join(ended)}." if ended else ""


def main() -> None:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        settings = Settings.from_environment()
        setup.prepare(settings)
        running = up(settings)
    except (steps.StepError, ValueError) as error:
        sys.exit(f"up: {error}")
    print("\n".join(filter(None, [addresses(settings), restarts(running)])))


if __name__ == "__main__":
    main()
