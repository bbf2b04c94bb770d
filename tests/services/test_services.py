"""The real services: Airflow and MLflow start, ask who comes in, show the DAGs, and leave no process behind."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import pytest

from services import environment, keys, processes, roster
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
            command, cwd=PROJECT_ROOT, env=installed_environment, capture_output=True, text=True, timeout=400, check=False
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


def ask(url: str, body: dict | None = None, method: str | None = None, **headers: str) -> tuple[int, str]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers}, method=method)
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
    login = f"Bearer {json.loads(token)['access_token']}"
    wanted = {"nightly_demo": True, "nightly_online_retail": True}
    deadline = time.monotonic() + 120
    while not (paused := paused_dags(dags, login)).items() >= wanted.items():
        assert time.monotonic() < deadline, f"the DAG processor found only {paused}"
        time.sleep(0.2)


def paused_dags(url: str, login: str) -> dict[str, bool]:
    status, listed = ask(url, Authorization=login)
    assert status == 200
    return {dag["dag_id"]: dag["is_paused"] for dag in json.loads(listed)["dags"]}


def test_mlflow_lets_nobody_in_without_the_password_or_under_another_name(running: Running) -> None:
    search = f"{running.mlflow}/api/2.0/mlflow/experiments/search"
    login = base64.b64encode(f"admin:{running.secrets[keys.MLFLOW_PASSWORD]}".encode()).decode()
    guess = base64.b64encode(b"admin:password1234").decode()
    assert ask(search, {"max_results": 1})[0] == 401
    assert ask(search, {"max_results": 1}, Authorization=f"Basic {guess}")[0] == 401
    assert ask(search, {"max_results": 1}, Authorization=f"Basic {login}")[0] == 200
    assert ask(search, {"max_results": 1}, Authorization=f"Basic {login}", Host="rebound.example.com")[0] == 403


def test_a_user_of_mlflow_sees_nothing_until_somebody_lets_him(running: Running) -> None:
    admin = base64.b64encode(f"admin:{running.secrets[keys.MLFLOW_PASSWORD]}".encode()).decode()
    guest = base64.b64encode(b"guest:twelve-letters").decode()
    made = {"username": "guest", "password": "twelve-letters"}
    assert ask(f"{running.mlflow}/api/2.0/mlflow/users/create", made, Authorization=f"Basic {admin}")[0] == 200
    assert ask(f"{running.mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0", Authorization=f"Basic {admin}")[0] == 200
    assert ask(f"{running.mlflow}/api/2.0/mlflow/experiments/get?experiment_id=0", Authorization=f"Basic {guest}")[0] == 403


@pytest.mark.parametrize(
    ("service", "path"),
    [
        ("airflow", "/api/v2/dags/nightly_demo/dagRuns"),
        ("airflow", "/api/v2/config"),
        ("airflow", "/api/v2/connections"),
        ("airflow", "/execution/connections/smtp_default"),  # where a task asks for its secrets
        ("mlflow", "/"),
        ("mlflow", "/ajax-api/2.0/mlflow/experiments/search"),
        ("mlflow", "/get-artifact?path=a&run_uuid=b"),
        ("docs", "/"),
        ("explorer", "/"),
        ("explorer", "/_stcore/host-config"),
    ],
)
def test_every_page_asks_who_comes_in(running: Running, service: str, path: str) -> None:
    assert ask(f"{getattr(running, service)}{path}")[0] in (401, 403)


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


def processes_of(running: Running) -> set[psutil.Process]:
    return {process for service in running.started for process in processes.members(service)}


def listening(running: Running) -> set[tuple[str, int]]:
    return {
        (connection.laddr.ip, connection.laddr.port)
        for process in processes_of(running)
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }


def test_nothing_listens_to_other_machines_and_nothing_serves_logs(running: Running) -> None:
    ours = {int(url.rsplit(":", 1)[1]) for url in (running.airflow, running.mlflow, running.docs, running.explorer)}
    assert {address for address, _ in listening(running)} == {"127.0.0.1"}
    assert ours <= {port for _, port in listening(running)}
    assert not {port for _, port in listening(running)} & {8793, 8794}


def test_no_command_line_names_a_secret(running: Running) -> None:
    lines = [" ".join(process.cmdline()) for process in processes_of(running)]
    assert any("scheduler" in line for line in lines)
    assert [line for line in lines if any(secret in line for secret in running.secrets.values())] == []


def test_what_the_services_write_is_for_their_owner_only(running: Running, installation: Settings) -> None:
    assert [path for path in installation.data.rglob("*") if not path.is_symlink() and path.stat().st_mode & 0o077] == []


def test_what_is_printed_shows_where_and_not_the_passwords(running: Running) -> None:
    assert all(url in running.said for url in (running.airflow, running.mlflow, running.docs, running.explorer))
    assert not any(secret in running.said for secret in running.secrets.values())


def test_the_logs_hold_no_secret(running: Running, installation: Settings) -> None:
    texts = [path.read_text(errors="replace") for path in environment.logs(installation).rglob("*") if path.is_file()]
    assert not any(secret in text for secret in running.secrets.values() for text in texts)


def test_a_service_that_is_killed_answers_again(running: Running, installation: Settings) -> None:
    explorer = next(service for service in running.started if service.name == "explorer")
    os.kill(explorer.pid, signal.SIGKILL)
    deadline = time.monotonic() + 180
    while not answers(f"{running.explorer}/health") or explorer_now(installation).pid == explorer.pid:
        assert time.monotonic() < deadline, "the explorer did not come back"
        time.sleep(0.2)
    assert explorer_now(installation).deaths == 1


def explorer_now(settings: Settings) -> Started:
    return next(service for service in processes.recorded(environment.services_file(settings)) if service.name == "explorer")


def answers(url: str) -> bool:
    try:
        return ask(url)[0] == 200
    except OSError:
        return False


def test_down_leaves_no_process_behind(running: Running, installation: Settings, installed_environment: dict[str, str]) -> None:
    members = processes_of(running)
    assert len(members) >= len(running.started) == len(roster.services(installation)) + 1
    subprocess.run([sys.executable, "-m", "services.down"], cwd=PROJECT_ROOT, env=installed_environment, check=True, timeout=90)
    assert [process for process in members if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    assert not environment.services_file(installation).exists()
