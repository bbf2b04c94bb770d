"""What grows for years: what is old is removed, what is young or still needed stays."""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from services import environment, tidy
from settings import Settings
from training import tracking

NOW = datetime(2026, 7, 1, tzinfo=UTC)
OLD, YOUNG = NOW - tidy.KEPT - timedelta(days=1), NOW - tidy.KEPT + timedelta(days=1)


def write(file: Path, at: datetime) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("said\n")
    for path in (file, file.parent):
        os.utime(path, (at.timestamp(), at.timestamp()))
    return file


@pytest.fixture
def stores(installation: Settings, tmp_path: Path) -> Settings:
    """Airflow's and MLflow's, as setup made them, in a data folder of their own."""
    settings = Settings.from_environment({"NIGHTCART_DATA": str(shutil.copytree(installation.data, tmp_path / "data"))})
    environment.airflow_passwords(settings).touch()
    return settings


def rows(database: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(database)) as store, store:
        return store.execute(query).fetchall()


def test_old_records_of_airflow_and_runs_given_up_in_mlflow_are_removed_and_younger_ones_stay(stores: Settings) -> None:
    airflow_db = environment.airflow_home(stores) / "airflow.db"
    rows(airflow_db, f"insert into log (dttm, event) values ('{OLD:%F %T}', 'old'), ('{YOUNG:%F %T}', 'young')")
    store = tracking.Store(stores, "tiny", "purchase_7d")
    for night in ("2026-01-01", "2026-06-30"):
        with store.run(night, {"stage": "night", "run_date": night}):
            pass
    assert store.forget(datetime.now(UTC) + timedelta(days=1), date(2026, 6, 30)) == 1
    logs = environment.logs(stores)
    old, young = write(logs / "airflow" / "dag_id=x" / "1.log", OLD), write(logs / "airflow" / "dag_id=y" / "1.log", YOUNG)

    assert tidy.tidy(stores, NOW).startswith("tidy: 1 logs")

    assert rows(airflow_db, "select event from log where event in ('old', 'young')") == [("young",)]
    assert rows(airflow_db, "select name from sqlite_master where name like '_airflow_deleted%'") == [], "moved nowhere else"
    assert rows(stores.data / "mlflow.db", "select name from runs") == [("2026-06-30",)]
    assert (old.exists(), young.exists()) == (False, True)
    assert not tidy.is_due(stores)


def test_of_the_logs_those_of_old_nights_go_and_nothing_else(tmp_path: Path) -> None:
    """A link is removed as a link, and what it leads to stays."""
    logs = tmp_path / "logs"
    gone = [write(logs / name, OLD) for name in ("nightly_demo-2026-01-01-x.jsonl", "airflow/a/b/1.log", "dag_processor/2026-01-01/x.log")]
    kept = [write(logs / name, OLD) for name in ("scheduler.log", "scheduler.log.1")]
    gone += [write(logs / "dag_processor" / "2026-06-01" / "x.log", NOW - timedelta(days=8))]
    kept += [write(logs / "dag_processor" / "2026-06-30" / "x.log", NOW - timedelta(days=6))]
    kept += [write(logs / name, YOUNG) for name in ("nightly_demo-2026-06-30-x.jsonl", "airflow/a/2.log")]
    link = logs / "dag_processor" / "latest"
    link.symlink_to(tmp_path)
    (logs / "airflow" / "just made").mkdir()
    os.utime(link, (OLD.timestamp(), OLD.timestamp()), follow_symlinks=False)
    assert tidy.remove_old_logs(logs, NOW) == len(gone) + 1
    assert {path for path in logs.rglob("*") if path.is_file()} == set(kept)
    assert (logs / "airflow" / "just made").is_dir(), "its log is about to be written"
    assert not (logs / "airflow" / "a" / "b").exists() and not link.is_symlink() and tmp_path.exists()


def test_the_last_step_times_stay(tmp_path: Path) -> None:
    file = tmp_path / "step_times.jsonl"
    file.write_text("".join(f"{number}\n" for number in range(10)))
    tidy.keep_last_lines(file, 10)
    assert len(file.read_text().splitlines()) == 10
    tidy.keep_last_lines(file, 3)
    assert file.read_text() == "7\n8\n9\n"


@pytest.mark.parametrize(("age", "is_due"), [(None, False), (6, False), (8, True)])
def test_it_is_due_a_week_after_the_setup_or_the_last_time(fresh: Settings, age: int | None, is_due: bool) -> None:
    fresh.data.mkdir()
    if age is not None:
        for name in ("setup.json", "tidied"):
            write(fresh.data / name, datetime.now(UTC) - timedelta(days=age))
            assert tidy.is_due(fresh) is is_due
        write(fresh.data / "tidied", datetime.now(UTC))
    assert not tidy.is_due(fresh)
