"""`make up` and `make down` with stand-ins for the services: all or nothing, and exactly those."""

import socket
import sys
import time

import pytest

from services import down, environment, health, keys, processes, up
from settings import Settings, read_secrets
from steps import StepError
from tests.services.conftest import PORTS, free_port

RUNS = "import time; time.sleep(60)"


@pytest.fixture(autouse=True)
def free_ports(monkeypatch: pytest.MonkeyPatch, fresh: Settings) -> None:
    environment.logs(fresh).mkdir(parents=True)
    for name in PORTS:
        monkeypatch.setenv(name, str(free_port()))


def stand_in(monkeypatch: pytest.MonkeyPatch, programs: dict[str, str], silent: list[str] | None = None) -> None:
    services = [up.Service(name, [sys.executable, "-c", program], {}) for name, program in programs.items()]
    monkeypatch.setattr(up, "services", lambda _: services)
    monkeypatch.setattr(health, "missing", lambda since=0: silent or [])


def test_up_starts_all_down_stops_all(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, {"scheduler": RUNS, "mlflow": RUNS})
    started = up.up(fresh)
    assert [service.name for service in started if service.is_alive] == ["scheduler", "mlflow"]
    assert down.down(fresh) == 2
    assert not any(service.is_alive for service in started)
    assert down.down(fresh) == 0


def test_a_second_up_leaves_what_runs_as_it_is(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, {"scheduler": RUNS})
    first = up.up(fresh)
    assert up.up(fresh) == first
    assert down.down(fresh) == 1


def test_what_is_left_of_an_earlier_start_is_named(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, {"scheduler": RUNS, "mlflow": RUNS})
    scheduler, _ = up.up(fresh)
    processes.stop([scheduler])
    with pytest.raises(StepError, match="left processes of mlflow: `make down` first"):
        up.up(fresh)
    down.down(fresh)


def test_one_service_that_ends_takes_the_others_with_it(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, {"mlflow": RUNS, "scheduler": "raise SystemExit('no store')"}, silent=["scheduler"])
    with pytest.raises(StepError, match=r"scheduler ended: the reason is in .*scheduler\.log"):
        up.up(fresh)
    assert up.log_file(fresh, "scheduler").read_text() == "no store\n"
    assert processes.recorded(environment.services_file(fresh)) == []
    assert down.down(fresh) == 0


def test_a_service_that_does_not_answer_in_time_is_named(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, {"mlflow": RUNS}, silent=["mlflow"])
    monkeypatch.setattr(up, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(up, "POLL_SECONDS", 0.05)
    began = time.monotonic()
    with pytest.raises(StepError, match=r"no answer within 0\.2 s from mlflow"):
        up.up(fresh)
    assert time.monotonic() - began < 30
    assert down.down(fresh) == 0


def test_a_taken_port_is_named_with_the_variable_that_chooses_another(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, {"mlflow": RUNS})
    with socket.socket() as other:
        other.bind(("127.0.0.1", environment.mlflow_port()))
        other.listen()
        with pytest.raises(StepError, match=rf"port {environment.mlflow_port()} is taken .* set NIGHTCART_MLFLOW_PORT"):
            up.up(fresh)
    assert processes.recorded(environment.services_file(fresh)) == []


def test_no_service_listens_to_other_machines_or_serves_logs(fresh: Settings) -> None:
    commands = {service.name: service.command for service in up.services(fresh)}
    assert "--skip-serve-logs" in commands["scheduler"]
    mlflow = commands["mlflow"]
    assert mlflow[mlflow.index("--host") + 1] == "127.0.0.1"
    assert mlflow[mlflow.index("--app-name") + 1] == "basic-auth"
    assert "0.0.0.0" not in str(commands)


def test_passwords_are_pointed_at_not_printed(fresh: Settings) -> None:
    keys.ensure(fresh)
    shown = up.addresses(fresh)
    assert str(fresh.secrets_file) in shown
    assert [name for name, value in read_secrets(fresh.secrets_file).items() if value in shown] == []
