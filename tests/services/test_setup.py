"""Setup makes the stores once, and finds nothing to do the second time."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from services import environment, keys, setup
from settings import Settings, read_secrets
from steps import StepError


def test_nobody_else_may_look_into_what_setup_makes(installation: Settings) -> None:
    assert installation.data.stat().st_mode & 0o777 == 0o700
    made = [*installation.data.glob("*.*"), *environment.airflow_home(installation).rglob("*"), environment.logs(installation)]
    assert [path for path in made if path.stat().st_mode & 0o077] == []
    assert len(made) > 8


def test_the_pools_let_one_task_in_each(installation: Settings) -> None:
    with closing(sqlite3.connect(environment.airflow_home(installation) / "airflow.db")) as store:
        pools = dict(store.execute("select pool, slots from slot_pool where pool <> 'default_pool'").fetchall())
    assert pools == {"warehouse": 1, "gpu": 1}


def test_the_store_of_mlflow_is_there(installation: Settings) -> None:
    with closing(sqlite3.connect(installation.data / "mlflow.db")) as store:
        assert store.execute("select count(*) from sqlite_master where name = 'registered_models'").fetchone() == (1,)


def test_a_second_setup_starts_no_process_and_changes_no_file(installation: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("setup started a process although all was there")

    monkeypatch.setattr(setup, "start", refuse)
    before = written(installation)
    setup.prepare(installation)
    assert written(installation) == before


def written(settings: Settings) -> dict[Path, int]:
    """When each file was written; SQLite's own side files come and go with its readers."""
    files = (path for path in settings.data.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm")))
    return {path: path.stat().st_mtime_ns for path in files}


def test_the_password_of_airflow_follows_the_secrets_file(installation: Settings) -> None:
    password = read_secrets(installation.secrets_file)[keys.AIRFLOW_PASSWORD]
    assert password in environment.airflow_passwords(installation).read_text()
    assert password not in (installation.data / "mlflow-auth.ini").read_text()


def test_a_store_that_cannot_be_made_is_named_with_the_reason(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    real = setup.start
    monkeypatch.setattr(setup, "start", lambda module, arguments, env: real("this_module_is_missing", arguments, env))
    with pytest.raises(StepError, match=r"this_module_is_missing db migrate failed(?s:.)*No module named"):
        setup.prepare(fresh)
    assert not (fresh.data / "setup.json").exists()


def test_a_tracking_server_of_somebody_else_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings.from_environment({"NIGHTCART_DATA": str(tmp_path), "MLFLOW_TRACKING_URI": "http://mlflow.example.com"})
    started: list[str] = []
    monkeypatch.setattr(setup, "start", lambda module, *_: started.append(module))
    monkeypatch.setattr(setup, "finish", lambda _: None)
    setup.prepare(settings)
    assert started == ["airflow", "airflow"]
