"""What `make up` keeps running: the command of each service, its environment, and who must answer before it starts."""

import sys
from dataclasses import dataclass
from pathlib import Path

from services import environment
from settings import Settings

SUPERVISOR = "supervisor"


@dataclass(frozen=True)
class Service:
    """What is to be started.

    Args:
        name: also its log's, and its own in `health.missing`.
        needs: the services that have to answer before this one starts.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    needs: tuple[str, ...] = ()


def services(settings: Settings) -> list[Service]:
    """All services, in the order in which they are started. Airflow's log servers stay closed: the UI reads the files."""
    airflow, mlflow, shared = environment.airflow(settings), environment.mlflow(settings), environment.shared(settings)
    return [
        Service("api-server", module("airflow", "api-server"), airflow),
        Service("mlflow", module("mlflow", *_mlflow_arguments(settings)), mlflow),
        # tasks tell the API server how they fare: without it each would fail at its start
        Service("scheduler", module("airflow", "scheduler", "--skip-serve-logs"), airflow, ("api-server", "mlflow")),
        Service("dag-processor", module("airflow", "dag-processor"), airflow, ("api-server",)),
        Service("triggerer", module("airflow", "triggerer", "--skip-serve-logs"), airflow, ("api-server",)),
        Service("docs", module("services.docs"), shared),
        Service("explorer", module("explorer"), shared),
    ]


def supervisor(settings: Settings) -> Service:
    """The one that starts them all."""
    return Service(SUPERVISOR, module("services.supervisor"), environment.shared(settings))


def notice(settings: Settings, service: str) -> Service:
    """Tells the shops' people that a service was given up; ends by itself."""
    command = module("dags.service_notice", service, str(log_file(settings, service)))
    return Service(f"notice of {service}", command, environment.airflow(settings))


def tidy(settings: Settings) -> Service:
    """Removes what is too old to be read; ends by itself."""
    return Service("tidy", module("services.tidy"), environment.shared(settings))


def module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


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
