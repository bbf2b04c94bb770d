"""What the processes of the pipeline are told: loopback, no telemetry, and each only its own secrets."""

import subprocess
import sys

import pytest

from services import environment, keys, setup
from settings import PROJECT_ROOT, Settings


@pytest.fixture
def with_secrets(fresh: Settings) -> Settings:
    fresh.data.mkdir()
    keys.ensure(fresh)
    return fresh


def test_every_listener_is_on_the_machines_own_address(with_secrets: Settings) -> None:
    airflow = environment.airflow(with_secrets)
    assert airflow["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert airflow["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8080/execution/"
    assert airflow["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"


def test_nothing_reports_to_its_makers(with_secrets: Settings) -> None:
    for told in (environment.shared(with_secrets), environment.airflow(with_secrets), environment.mlflow(with_secrets)):
        assert told["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] == "False"
        assert (told["SCARF_ANALYTICS"], told["DO_NOT_TRACK"]) == ("false", "1")
        assert told["MLFLOW_DISABLE_TELEMETRY"] == "true"
        assert told["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


def test_as_many_tasks_run_at_once_as_the_pools_let_in_and_the_look_at_the_clock(with_secrets: Settings) -> None:
    assert int(environment.airflow(with_secrets)["AIRFLOW__CORE__PARALLELISM"]) == sum(pool["slots"] for pool in setup.POOLS.values()) + 1


def test_nothing_is_unpickled(with_secrets: Settings) -> None:
    for told in (environment.shared(with_secrets), environment.mlflow(with_secrets)):
        assert told["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


def test_each_gets_its_own_secrets_and_nobody_the_key_of_the_pseudonyms(with_secrets: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.HMAC_KEY, raising=False)
    airflow, mlflow = environment.airflow(with_secrets), environment.mlflow(with_secrets)
    assert {"AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET", "AIRFLOW__API__SECRET_KEY"} <= airflow.keys() - mlflow.keys()
    assert {keys.MLFLOW_PASSWORD, "MLFLOW_FLASK_SERVER_SECRET_KEY"} <= mlflow.keys() - airflow.keys()
    assert keys.HMAC_KEY not in airflow.keys() | mlflow.keys()
    assert keys.AIRFLOW_PASSWORD not in airflow.keys() | mlflow.keys()


def test_the_airflow_of_another_project_in_the_callers_shell_is_not_touched(
    with_secrets: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", "/somewhere/else")
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite:////somewhere/else/airflow.db")
    airflow = environment.airflow(with_secrets)
    assert airflow["AIRFLOW_HOME"] == str(with_secrets.data / "airflow")
    assert str(with_secrets.data) in airflow["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"]


@pytest.mark.parametrize("port", ["0", "65536", "eighty", "-1"])
def test_a_port_that_is_none_is_refused_by_its_name(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCART_MLFLOW_PORT", port)
    with pytest.raises(ValueError, match="NIGHTCART_MLFLOW_PORT must be a port"):
        environment.mlflow_port()


def test_any_command_can_be_run_in_the_environment(with_secrets: Settings) -> None:
    ask = "import os, shutil; print(os.environ['AIRFLOW_HOME'], shutil.which('airflow'))"
    done = subprocess.run(
        [sys.executable, "-m", "services.environment", "python", "-c", ask],
        cwd=PROJECT_ROOT, env=environment.shared(with_secrets), capture_output=True, text=True, check=True,
    )  # fmt: skip
    home, airflow = done.stdout.split()
    assert home == str(with_secrets.data / "airflow")
    assert airflow.startswith(sys.prefix)
