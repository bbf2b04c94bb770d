"""A night on which MLflow is away: it is trained and scored all the same, and MLflow hears of it later."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

import steps
from doctor import nights
from tests.training import synthetic_warehouse
from tests.training.conftest import Place
from training import away, forget_users, tracking
from training.promote import promote
from training.recommendations import RecommendationTask
from training.score import score
from training.train import train

TASK = "recommendations"


@pytest.fixture
def dead_address() -> str:
    """Where nothing listens: a connection is refused."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def silent_address() -> Iterator[str]:
    """Where a connection is taken, and no answer ever comes."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def reached_at(place: Place, address: str) -> Place:
    return Place(replace(place.settings, mlflow_tracking_uri=address), place.shop, place.run_date)


def forget_that_it_was_away(place: Place) -> None:
    """As if the time for which nobody asks again were over."""
    os.utime(place.settings.data / "mlflow_away", (0, 0))


@pytest.fixture
def champion_place(fresh_place: Place, monkeypatch) -> Place:
    """A night later than one whose champion was promoted and has scored, on a shop that asks for recommendations alone."""
    monkeypatch.setattr(RecommendationTask, "models", ("popularity",))
    alone = fresh_place.shop.model_copy(update={"predictions": fresh_place.shop.predictions.model_copy(update={"targets": ()})})
    first = Place(fresh_place.settings, alone, fresh_place.run_date)
    train(*first.night, TASK)
    promote(*first.night, TASK)
    later = Place(first.settings, alone, first.run_date + timedelta(days=14))
    synthetic_warehouse.make(later.warehouse, synthetic_warehouse.Size(last_day=later.run_date))
    return later


@pytest.fixture
def spooled_night(champion_place: Place, silent_address: str) -> Place:
    """The later night, trained, not decided and scored while MLflow took connections and never answered."""
    absent = reached_at(champion_place, silent_address)
    began = time.monotonic()
    assert away.is_away(absent.settings)
    assert time.monotonic() - began < 2 * away.FIRST_SECONDS, "it is asked once, and not for long"
    began = time.monotonic()
    assert away.is_away(absent.settings)
    assert time.monotonic() - began < 1, "and not asked again by the steps right after"
    assert train(*absent.night, TASK).startswith("train recommendations tiny 2026-04-14: ndcg_at_5 on ")
    assert promote(*absent.night, TASK).endswith("MLflow is away: popularity, version 1, stays champion")
    summary = score(*absent.night)
    assert " user_recommendations" in summary and "MLflow was away: no champion was challenged" in summary
    return champion_place


def test_a_night_without_mlflow_is_scored_by_the_champion_on_disk_and_handed_over_later(spooled_night, monkeypatch):
    """The hand-over is cut short after its first run, as by a kill, and goes on where it was."""
    place = spooled_night
    assert place.settings.mlflow_spool.stat().st_mode & 0o777 == 0o700
    forget_that_it_was_away(place)
    ended, end = [], MlflowClient.set_terminated

    def dies_at_the_second(client, run_id, *arguments):
        ended.append(run_id)
        if len(ended) == 2:
            raise KeyboardInterrupt
        return end(client, run_id, *arguments)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(MlflowClient, "set_terminated", dies_at_the_second)
        tracking.Store(place.settings, "tiny", TASK)
    assert place.settings.mlflow_spool.exists()

    store = tracking.Store(place.settings, "tiny", TASK)

    assert not place.settings.mlflow_spool.exists()
    copies = store._client.search_runs([store._experiment], "tags.run_date = '2026-04-14'")
    assert {run.info.status for run in copies} == {"FINISHED"}
    assert len({run.data.tags["spooled_from"] for run in copies}) == len(copies) == 4
    night = store.finished(stage="night", run_date="2026-04-14")
    assert store.tags(night)["decision"] == "MLflow is away: popularity, version 1, stays champion"
    fits = {run.data.tags["stage"]: run for run in copies if run.data.tags.get("mlflow.parentRunId") == night}
    assert fits.keys() == {"score", "test", "validation"}
    assert fits["test"].data.metrics["ndcg_at_5"] > 0 and fits["test"].data.params["model"] == "popularity"
    assert store._client.get_run(night).inputs.dataset_inputs[0].dataset.name == "tiny.recommendations"
    with store.stored_model(fits["test"].info.run_id) as folder:
        assert [file.name for file in folder.iterdir()] == ["popularity.npz"]
    assert "popularity stays: the best recipe tonight" in promote(*place.night, TASK), "what was postponed can be decided now"
    assert "MLflow" not in score(*place.night)


def test_nothing_is_handed_over_while_a_step_still_writes_to_the_spool(fresh_place, dead_address):
    absent = reached_at(fresh_place, dead_address)
    store = tracking.Store(absent.settings, "tiny", TASK)
    with store.run("night", {"stage": "night", "run_date": "2026-04-14"}):
        forget_that_it_was_away(absent)
        tracking.Store(fresh_place.settings, "tiny", TASK)
        assert fresh_place.settings.mlflow_spool.exists()
    assert store.finished(stage="night")


def test_the_doctor_names_what_waits_until_it_is_handed_over(fresh_place, dead_address):
    place = fresh_place
    store = tracking.Store(reached_at(place, dead_address).settings, "tiny", TASK)
    with store.run("night", {"stage": "night", "run_date": "2026-04-14"}):
        pass
    del store  # as at the end of a step
    file = Path("shops/tiny.yml")
    (finding,) = nights.waiting(place.settings, place.shop, file)
    assert finding.mend == f"when MLflow answers: python -m training.promote {TASK} --shop {file} --run-date 2026-04-14"
    forget_that_it_was_away(place)
    tracking.Store(place.settings, "tiny", TASK)
    assert list(nights.waiting(place.settings, place.shop, file)) == []


def test_users_are_not_said_to_be_forgotten_while_mlflow_may_still_hold_them(fresh_place, dead_address):
    absent = reached_at(fresh_place, dead_address)
    with pytest.raises(steps.StepError, match="MLflow is away, and may hold users' keys"):
        forget_users.forget_users(absent.settings, absent.shop)


def test_a_server_that_asks_who_is_there_or_answers_is_not_away(monkeypatch, dead_address):
    assert not away.answers(dead_address, 1)

    def told(code):
        def urlopen(address, timeout):
            raise away.urllib.error.HTTPError(address, code, "", None, None)

        return urlopen

    monkeypatch.setattr(away.urllib.request, "urlopen", told(401))
    assert away.answers("http://mlflow", 1)
    assert away.answers("http://user:secret@mlflow:5000/", 1), "a login is no part of the address"
    monkeypatch.setattr(away.urllib.request, "urlopen", told(503))
    assert not away.answers("http://mlflow", 1)


def test_an_sqlite_file_that_is_broken_or_locked_is_away(tmp_path: Path):
    file = tmp_path / "mlflow.db"
    assert away.answers(f"sqlite:///{file}", 1), "it is made on first use"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table runs (run_uuid text)")
        assert away.answers(f"sqlite:///{file}", 1)
        connection.execute("begin exclusive")
        assert not away.answers(f"sqlite:///{file}", 0.1)
    file.write_bytes(b"no database" * 100)
    assert not away.answers(f"sqlite:///{file}", 1)


KILLED_WHILE_WRITING = """
import os, signal, sqlite3, sys

connection = sqlite3.connect(sys.argv[1])
connection.execute("pragma cache_size = 1")  # so that pages reach the file before the end of the transaction
connection.executemany("insert into runs values (?)", [("x" * 1000,)] * 1000)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_whose_writer_was_killed_is_not_away(tmp_path: Path):
    file, journal = tmp_path / "mlflow.db", tmp_path / "mlflow.db-journal"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("create table runs (run_uuid text)")
        connection.commit()
    subprocess.run([sys.executable, "-c", KILLED_WHILE_WRITING, str(file)])
    assert journal.exists(), "nothing is left to roll back"
    assert away.answers(f"sqlite:///{file}", 1)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("select count(*) from runs").fetchone() == (0,)
