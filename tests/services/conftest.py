"""An installation made by the real setup, in a data folder of its own."""

import os
import socket
from pathlib import Path

import pytest

from services import setup
from settings import Settings

PORTS = ("NIGHTCART_AIRFLOW_PORT", "NIGHTCART_MLFLOW_PORT", "NIGHTCART_DOCS_PORT", "NIGHTCART_EXPLORER_PORT")


@pytest.fixture
def fresh(tmp_path: Path) -> Settings:
    """Settings of an installation that does not exist yet."""
    return Settings.from_environment({"NIGHTCART_DATA": str(tmp_path / "data")})


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A finished setup: secrets, and the stores of Airflow and MLflow. Made once: it takes some seconds of both cores."""
    settings = Settings.from_environment({"NIGHTCART_DATA": str(tmp_path_factory.mktemp("installation") / "data")})
    setup.prepare(settings)
    return settings


@pytest.fixture(scope="session")
def installed_environment(installation: Settings) -> dict[str, str]:
    """The caller's environment for commands on the installation; its services listen on free ports."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("NIGHTCART_", "AIRFLOW", "MLFLOW"))}
    ports = {name: str(free_port()) for name in PORTS}
    return inherited | ports | {"NIGHTCART_DATA": str(installation.data)}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
