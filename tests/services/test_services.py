"""The real services: Airflow and MLflow start, ask who comes in, show the DAGs, and leave no process behind."""

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from services import environment, keys, processes
from services.processes import Started
from settings import PROJECT_ROOT, Settings, read_secrets


@dataclass(frozen=True)
class Running:
    """What `make up` started, and where it answers."""

    started: list[Started]
    said: str
    airflow: str
    mlflow: str
    docs: str
    explorer: str
    secrets: dict[str, str]


@pytest.fixture(scope="module")
def running(installation: Settings, installed_environment: dict[str, str]) -> Iterator[Running]:
    def call(module: str) -> str:
        command = [sys.executable, "-m", module]
        done = subprocess.run(
            command, cwd=PROJECT_ROOT, env=installed_environment, capture_output=True, text=True, timeout=200, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    said = call("services.up")
    try:
        yield Running(
            processes.recorded(environment.services_file(installation)),
            said,
            f"http://127.0.0.1:{installed_environment['NIGHTCART_AIRFLOW_PORT']}",
            f"http://127.0.0.1:{installed_environment['NIGHTCART_MLFLOW_PORT']}",
            f"http://127.0.0.1:{installed_environment['NIGHTCART_DOCS_PORT']}",
            f"http://127.0.0.1:{installed_environment['NIGHTCART_EXPLORER_PORT']}",
            read_secrets(installation.secrets_file),
        )
    finally:
        call("services.down")


def ask(url: str, body: dict | None = None, **headers: str) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def test_airflow_lets_nobody_in_without_the_password_and_shows_the_nights_to_who_has_it(running: Running) -> None:
    dags = f"{running.airflow}/api/v2/dags"
    assert ask(dags)[0] == 401
    assert ask(f"{running.airflow}/auth/token", {"username": "admin", "password": "admin"})[0] == 401
    status, token = ask(f"{running.airflow}/auth/token", {"username": "admin", "password": running.secrets[keys.AIRFLOW_PASSWORD]})
    assert status == 201
    status, listed = ask(dags, Authorization=f"Bearer {json.loads(token)['access_token']}")
    paused = {dag["dag_id"]: dag["is_paused"] for dag in json.loads(listed)["dags"]}
    assert paused.items() >= {"nightly_demo": True, "nightly_online_retail": True}.items()


def test_mlflow_lets_nobody_in_without_the_password_or_under_another_name(running: Running) -> None:
    search = f"{running.mlflow}/api/2.0/mlflow/experiments/search"
    login = base64.b64encode(f"admin:{running.secrets[keys.MLFLOW_PASSWORD]}".encode()).decode()
    guess = base64.b64encode(b"admin:password1234").decode()
    assert ask(search, {"max_results": 1})[0] == 401
    assert ask(search, {"max_results": 1}, Authorization=f"Basic {guess}")[0] == 401
    assert ask(search, {"max_results": 1}, Authorization=f"Basic {login}")[0] == 200
    assert ask(search, {"max_results": 1}, Authorization=f"Basic {login}", Host="rebound.example.com")[0] == 403


def test_the_documentation_of_the_tables_is_shown_to_who_logs_in(running: Running) -> None:
    login = base64.b64encode(f"admin:{running.secrets[keys.DOCS_PASSWORD]}".encode()).decode()
    assert ask(running.docs)[0] == 401
    status, page = ask(running.docs, Authorization=f"Basic {login}")
    assert status == 200 and "fct_daily_kpis" in page


def test_the_explorer_is_shown_to_who_logs_in(running: Running) -> None:
    login = base64.b64encode(f"admin:{running.secrets[keys.EXPLORER_PASSWORD]}".encode()).decode()
    assert ask(running.explorer)[0] == 401
    assert ask(f"{running.explorer}/_stcore/health")[0] == 401
    status, page = ask(running.explorer, Authorization=f"Basic {login}")
    assert status == 200 and "Streamlit" in page


def test_nothing_listens_to_other_machines(running: Running) -> None:
    members = {process for service in running.started for process in processes.members(service)}
    listening = {
        connection.laddr.ip
        for process in members
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_what_is_printed_shows_where_and_not_the_passwords(running: Running) -> None:
    assert all(url in running.said for url in (running.airflow, running.mlflow, running.docs, running.explorer))
    assert not any(secret in running.said for secret in running.secrets.values())


def test_the_logs_hold_no_secret(running: Running, installation: Settings) -> None:
    texts = [path.read_text(errors="replace") for path in environment.logs(installation).rglob("*") if path.is_file()]
    assert not any(secret in text for secret in running.secrets.values() for text in texts)


def test_down_leaves_no_process_behind(running: Running, installation: Settings, installed_environment: dict[str, str]) -> None:
    members = {process for service in running.started for process in processes.members(service)}
    assert len(members) >= len(running.started) == 6
    subprocess.run([sys.executable, "-m", "services.down"], cwd=PROJECT_ROOT, env=installed_environment, check=True, timeout=90)
    assert [process for process in members if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    assert not environment.services_file(installation).exists()
