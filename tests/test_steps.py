"""How a step ends: with a sentence for what may be expected, with its traceback for what may not."""

import errno
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

import shortages
import steps
from settings import Settings
from tests.small_disk import mounted

SHOP = """
{name: tiny, title: Tiny, timezone: Europe/Berlin, currency: EUR, sources: [{name: web, format: csv, files: "{date}.csv",
event_type: {default: product_viewed}, columns: {event_at: at, user_id: user}}]}
"""
UNCHANGED = "what was published before is unchanged"


@pytest.fixture
def run_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Calls something as a step of a small shop is called."""
    (tmp_path / "tiny.yml").write_text(SHOP)
    (tmp_path / "data" / "tiny").mkdir(parents=True)
    monkeypatch.setenv("NIGHTCART_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(sys, "argv", ["step", "--shop", str(tmp_path / "tiny.yml"), "--run-date", "2026-06-30"])
    monkeypatch.setattr(steps, "_name", lambda: "step")

    def run(body: Callable[[], None]) -> None:
        steps.run(steps.arguments("A step."), lambda *_: body() or "done")

    return run


def end_of(run_step: Callable, body: Callable[[], None]) -> str:
    """The message with which a step ended."""
    with pytest.raises(SystemExit) as ended:
        run_step(body)
    assert isinstance(ended.value.code, str), "exit code 1 and a message"
    return ended.value.code


def raises(error: BaseException, cause: BaseException | None = None) -> Callable[[], None]:
    def body() -> None:
        raise error from cause

    return body


def full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/tiny/lake/part.parquet")


def full_sqlite() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("pragma max_page_count = 1")
    connection.execute("create table t (a)")
    connection.execute("create table u (a)")


def short_duckdb() -> None:
    with duckdb.connect(config={"memory_limit": "20MB", "threads": 1}) as connection:
        connection.execute("select len(list(i)) from range(50000000) rows(i)").fetchall()


def short_numpy() -> None:
    np.empty((1 << 20, 1 << 30))  # eight petabytes


def test_an_expected_failure_is_its_message(run_step) -> None:
    assert end_of(run_step, raises(steps.StepError("mend this"))) == "step: mend this"


def test_an_unexpected_one_is_its_traceback(run_step) -> None:
    with pytest.raises(ZeroDivisionError):
        run_step(lambda: 1 / 0)


def test_a_faulty_setting_is_named(run_step, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCART_HANG_MINUTES", "soon")
    assert end_of(run_step, lambda: None) == "step: NIGHTCART_HANG_MINUTES must be a number above 0, not 'soon'"


@pytest.mark.parametrize("body", [full_disk, full_sqlite])
def test_a_full_disk_is_one_sentence(run_step, body: Callable[[], None]) -> None:
    said = end_of(run_step, body)
    assert said.startswith("step: the disk is full: ") and said.endswith(UNCHANGED)
    assert f"GB are free in {os.environ['NIGHTCART_DATA']}: make room there" in said
    assert "\n" not in said
    assert body is not full_disk or "/data/tiny/lake/part.parquet" in said


def test_duckdb_on_a_disk_that_runs_full_is_one_sentence(run_step, tmp_path: Path) -> None:
    """It says other words where it spills than where it writes."""
    with mounted(tmp_path / "disk", megabytes=2) as disk:
        config = {"memory_limit": "20MB", "threads": 1, "temp_directory": str(disk.folder / "spill")}

        def spills() -> None:
            with duckdb.connect(config=config) as connection:
                connection.execute(
                    "create temp table t as select hash(i) as a, hash(i + 1) as b, hash(i + 2) as c from range(3000000) rows(i)"
                )

        def writes() -> None:
            with duckdb.connect(config=config) as connection:
                connection.execute(f"copy (select hash(i) as a from range(1000000) rows(i)) to '{disk.folder}/a.parquet' (format parquet)")

        assert "the disk is full: Out of Memory Error: failed to offload data block" in end_of(run_step, spills)
        assert "the disk is full: IO Error: Could not write file" in end_of(run_step, writes)


@pytest.mark.parametrize("body", [short_duckdb, short_numpy])
def test_short_memory_is_one_sentence_that_names_the_setting(run_step, body: Callable[[], None]) -> None:
    said = end_of(run_step, body)
    assert said.startswith("step: the memory is short: ") and said.endswith(UNCHANGED)
    assert "DuckDB may take 2600MB of 4GB (NIGHTCART_MEMORY_LIMIT)" in said
    assert "\n" not in said


def test_a_full_disk_is_seen_beneath_what_wraps_it(run_step) -> None:
    wrapped = raises(RuntimeError("MLflow could not log"), sqlite3.OperationalError("database or disk is full"))
    assert "the disk is full: database or disk is full." in end_of(run_step, wrapped)
    by_dbt = steps.StepError("dbt stage features: 1 failure(s)\n  model.fct_events: IO Error: Could not write: No space left on device")
    said = end_of(run_step, raises(by_dbt)).splitlines()
    assert said[0] == "step: dbt stage features: 1 failure(s)"
    assert said[-1].startswith("the disk is full: model.fct_events: IO Error")


def test_other_errors_of_files_are_no_full_disk(tmp_path: Path) -> None:
    settings = Settings.from_environment({"NIGHTCART_DATA": str(tmp_path)})
    assert shortages.sentence(PermissionError(errno.EACCES, "Permission denied"), settings) is None


def test_a_step_whose_seconds_cannot_be_noted_has_still_ended_well(run_step, capsys, caplog) -> None:
    (Path(os.environ["NIGHTCART_DATA"]) / "tiny" / "step_times.jsonl").mkdir()
    run_step(lambda: None)
    assert capsys.readouterr().out == "done\n"
    assert "could not be noted" in caplog.text
