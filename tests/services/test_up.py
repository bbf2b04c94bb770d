"""`make up` and `make down` with stand-ins for the services: all or nothing, and exactly those."""

import os
import signal
import socket
import sys
import time
from dataclasses import replace

import psutil
import pytest

from services import down, environment, health, keys, processes, roster, up
from services.roster import Service
from settings import Settings, read_secrets
from steps import StepError
from tests.services.conftest import PORTS, free_port

RUNS = "import time; time.sleep(60)"
SUPERVISOR = """
import signal
from services import health, supervisor
from services.roster import Service
from settings import Settings
health.missing = lambda since=0: []
watched = supervisor.Supervisor(Settings.from_environment(), {services})
signal.signal(signal.SIGTERM, watched.stop)
supervisor.POLL_SECONDS = 0.05
watched.watch()
"""


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch, fresh: Settings) -> None:
    environment.logs(fresh).mkdir(parents=True)
    for name in PORTS:
        monkeypatch.setenv(name, str(free_port()))


def stand_in(fresh: Settings, monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], silent: list[str] | None = None) -> None:
    services = [Service(name, [sys.executable, "-c", program], {}) for name, program in programs.items()]

    def supervisor(settings: Settings) -> Service:
        return Service("supervisor", [sys.executable, "-c", SUPERVISOR.format(services=services)], environment.shared(settings))

    def missing(since: float = 0) -> list[str]:
        """Besides the silent ones, who has not been started yet."""
        started = {service.name for service in processes.recorded(environment.services_file(fresh))}
        return [*(silent or []), *(programs.keys() - started)]

    monkeypatch.setattr(roster, "supervisor", supervisor)
    monkeypatch.setattr(health, "missing", missing)
    monkeypatch.setattr(up, "POLL_SECONDS", 0.05)


def test_up_starts_all_down_stops_all(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(fresh, monkeypatch, {"scheduler": RUNS, "mlflow": RUNS})
    started = up.up(fresh)
    assert [service.name for service in started if service.is_alive] == ["supervisor", "scheduler", "mlflow"]
    assert down.down(fresh) == 3
    assert not any(service.is_alive for service in started)
    assert down.down(fresh) == 0


def test_a_second_up_leaves_what_runs_as_it_is(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(fresh, monkeypatch, {"scheduler": RUNS})
    first = up.up(fresh)
    assert up.up(fresh) == first
    assert down.down(fresh) == 2


def test_what_a_dead_supervisor_left_is_named_and_stopped_by_down(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(fresh, monkeypatch, {"scheduler": RUNS, "mlflow": RUNS})
    supervisor, *services = up.up(fresh)
    os.kill(supervisor.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(supervisor.pid)], timeout=10)
    with pytest.raises(StepError, match="left processes of scheduler, mlflow: `make down` first"):
        up.up(fresh)
    assert down.down(fresh) == 2
    assert not any(service.is_alive for service in services)


def test_what_was_started_again_is_told_and_what_was_given_up_stops_the_next_up(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(fresh, monkeypatch, {"mlflow": RUNS})
    supervisor, mlflow = up.up(fresh)
    processes.record(environment.services_file(fresh), [supervisor, replace(mlflow, deaths=2)])
    assert up.restarts(up.up(fresh)) == "Started again after it had ended: mlflow (2)."
    processes.record(environment.services_file(fresh), [supervisor, replace(mlflow, deaths=5, is_given_up=True)])
    with pytest.raises(StepError, match=r"mlflow ended again and again and was given up .*mlflow\.log"):
        up.up(fresh)
    assert down.down(fresh) == 2


def test_one_service_that_ends_takes_the_others_with_it(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(fresh, monkeypatch, {"mlflow": RUNS, "scheduler": "raise SystemExit('no store')"}, silent=["scheduler"])
    with pytest.raises(StepError, match=r"scheduler ended: the reason is in .*scheduler\.log"):
        up.up(fresh)
    assert "no store" in roster.log_file(fresh, "scheduler").read_text()
    assert processes.recorded(environment.services_file(fresh)) == []
    assert down.down(fresh) == 0


def test_a_service_that_does_not_answer_in_time_is_named(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(fresh, monkeypatch, {"mlflow": RUNS}, silent=["mlflow"])
    monkeypatch.setattr(up, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(up, "POLL_SECONDS", 0.05)
    began = time.monotonic()
    with pytest.raises(StepError, match=r"no answer within 0\.2 s from mlflow"):
        up.up(fresh)
    assert time.monotonic() - began < 30
    assert down.down(fresh) == 0


def test_a_taken_port_is_named_with_the_variable_that_chooses_another(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(fresh, monkeypatch, {"mlflow": RUNS})
    with socket.socket() as other:
        other.bind(("127.0.0.1", environment.mlflow_port()))
        other.listen()
        with pytest.raises(StepError, match=rf"port {environment.mlflow_port()} is taken .* set NIGHTCART_MLFLOW_PORT"):
            up.up(fresh)
    assert processes.recorded(environment.services_file(fresh)) == []


def test_no_service_listens_to_other_machines_or_serves_logs(fresh: Settings) -> None:
    commands = {service.name: service.command for service in roster.services(fresh)}
    assert "--skip-serve-logs" in commands["scheduler"]
    assert "--skip-serve-logs" in commands["triggerer"]
    mlflow = commands["mlflow"]
    assert mlflow[mlflow.index("--host") + 1] == "127.0.0.1"
    assert mlflow[mlflow.index("--app-name") + 1] == "basic-auth"
    assert "0.0.0.0" not in str(commands)


def test_passwords_are_pointed_at_not_printed(fresh: Settings) -> None:
    keys.ensure(fresh)
    shown = up.addresses(fresh)
    assert str(fresh.secrets_file) in shown
    assert [name for name, value in read_secrets(fresh.secrets_file).items() if value in shown] == []
