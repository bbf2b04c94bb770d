"""A damaged warehouse is set aside and built anew in the same run, a log that is not its own is never replayed, the watermark stays."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

import steps
import warehouse
from tests.warehouse.conftest import NIGHT, ROWS
from warehouse import damage, state

NEXT_NIGHT = NIGHT + timedelta(days=1)
# writes to a database and ends as a killed process does, with what it wrote in the log beside it
CUT_SHORT = """
import duckdb, os, sys
connection = duckdb.connect(sys.argv[1])
connection.execute("insert into facts values (1, 'planted')")
os._exit(9)
"""
HOLDS_IT = "import duckdb, sys; kept = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"


def zeroed_head(content: bytes) -> bytes:
    return bytes(4096) + content[4096:]


def cut_in_half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def emptied(content: bytes) -> bytes:
    return b""


def flipped(content: bytes) -> bytes:
    changed = bytearray(content)
    for place in range(12_288 + 100, len(changed), 4096):
        changed[place] ^= 255
    return bytes(changed)


def change(file: Path, how: Callable[[bytes], bytes]) -> None:
    file.write_bytes(how(file.read_bytes()))


def expected_rows(rows: list[tuple]) -> bool:
    return rows == [(ROWS, ROWS * (ROWS - 1) // 2)]


@pytest.mark.parametrize("how", [zeroed_head, cut_in_half, emptied, flipped])
def test_a_damaged_warehouse_is_set_aside_and_built_anew_in_the_same_run(whole, how, caplog) -> None:
    change(whole.database, how)
    damaged = whole.database.read_bytes()
    whole.build(NEXT_NIGHT)
    (aside,) = whole.aside
    assert aside.read_bytes() == damaged
    assert f"is set aside as {aside.name}, and built anew from the lake" in caplog.text
    assert expected_rows(whole.rows(NEXT_NIGHT))
    assert (whole.held.run_date, whole.held.is_whole, whole.held.build_number) == (str(NEXT_NIGHT), True, 0)


def test_damage_that_shows_while_dbt_runs_is_mended_in_the_same_run(whole) -> None:
    def during(database: Path, number: int) -> None:
        if number:
            raise steps.StepError("dbt stage features: 1 failure(s)\n  fct_events: IO Error: Corrupt database file: computed checksum 1 …")

    whole.during = during
    whole.build(NEXT_NIGHT)
    assert whole.calls == [0, 1, 0]
    assert len(whole.aside) == 1 and expected_rows(whole.rows(NEXT_NIGHT))


def test_a_new_file_that_is_damaged_again_is_not_built_forever(stubbed) -> None:
    def during(database: Path, number: int) -> None:
        database.write_bytes(b"x")
        raise steps.StepError("IO Error: Corrupt database file")

    stubbed.during = during
    with pytest.raises(steps.StepError, match="Corrupt database file"):
        stubbed.build()
    assert stubbed.calls == [0, 0]


def test_other_failures_set_nothing_aside(whole) -> None:
    def during(database: Path, number: int) -> None:
        raise steps.StepError("dbt stage features: 1 failure(s)\n  unique_fct_events: Got 2 results, configured to fail if != 0")

    whole.during = during
    with pytest.raises(steps.StepError, match="Got 2 results"):
        whole.build(NEXT_NIGHT)
    assert (whole.calls, whole.aside, whole.database.exists()) == ([0, 1], [], True)


def test_a_lake_file_that_is_cut_short_is_no_damage_of_the_warehouse() -> None:
    said = 'IO Error: Could not read enough bytes from file "{}": attempted to read 8 bytes from location 0'
    assert not damage.is_damage(duckdb.IOException(said.format("/data/demo/lake/events/a.parquet")))
    assert damage.is_damage(duckdb.IOException(said.format("/data/demo/warehouse.duckdb")))


def test_a_database_that_gave_up_on_a_full_disk_is_not_damaged() -> None:
    said = 'FATAL Error: database has been invalidated because of a previous fatal error. Original error: "Could not write file: {}"'
    assert damage.is_damage(steps.StepError(said.format("Input/output error")))
    assert not damage.is_damage(steps.StepError(said.format("No space left on device")))


def test_the_watermark_survives_a_kill_between_the_setting_aside_and_the_new_build(whole) -> None:
    def during(database: Path, number: int) -> None:
        raise KeyboardInterrupt

    change(whole.database, emptied)
    whole.during = during
    with pytest.raises(KeyboardInterrupt):
        whole.build(NEXT_NIGHT)
    assert not whole.database.exists()
    assert warehouse.watermark(whole.settings, whole.shop) == NEXT_NIGHT
    assert warehouse.path(whole.settings, whole.shop, NIGHT) != whole.database, "an older night stays out of the shop's warehouse"


def test_a_reader_that_meets_damage_says_so_and_the_next_build_makes_a_new_file(whole) -> None:
    change(whole.database, cut_in_half)
    with pytest.raises(steps.StepError, match=r"warehouse.duckdb is damaged: IO Error.*build features --run-date 2026-03-30"):
        whole.rows()
    with pytest.raises(steps.StepError, match="did not end well"):
        whole.rows()
    whole.build()
    assert len(whole.aside) == 1 and expected_rows(whole.rows())


def test_damage_that_the_serving_stage_meets_is_noted_for_the_next_build_of_the_features(whole) -> None:
    change(whole.database, zeroed_head)
    with pytest.raises(steps.StepError, match="run `python -m warehouse build features"):
        whole.build(stage="serving")
    whole.build()
    assert len(whole.aside) == 1 and expected_rows(whole.rows())


def test_a_warehouse_that_somebody_has_open_is_not_damaged(whole) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS_IT, str(whole.database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(steps.StepError, match="is open in another process; nothing was written"):
            whole.build(stage="serving")
    finally:
        holder.communicate()
    assert whole.aside == []
    whole.build(stage="serving")


@pytest.fixture
def foreign_wal(tmp_path: Path, whole) -> bytes:
    """The log of another database with the same tables, as a restored backup or a renamed file leaves one behind."""
    other = tmp_path / "other.duckdb"
    other.write_bytes(whole.database.read_bytes())
    subprocess.run([sys.executable, "-c", CUT_SHORT, str(other)], check=False)
    return other.with_name("other.duckdb.wal").read_bytes()


def wal_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.wal")


def test_duckdb_itself_would_replay_a_foreign_log(whole, foreign_wal: bytes) -> None:
    """The reason for the tests below; should it fail one day, DuckDB has learned to tell."""
    wal_of(whole.database).write_bytes(foreign_wal)
    with duckdb.connect(str(whole.database), read_only=True) as connection:
        assert connection.execute("select count(*) from facts where code = 'planted'").fetchall() == [(1,)]


@pytest.mark.parametrize("stage", ["features", "serving"])
def test_a_stale_log_is_removed_before_the_next_build_and_never_replayed(whole, foreign_wal: bytes, stage: str, caplog) -> None:
    wal_of(whole.database).write_bytes(foreign_wal)
    whole.build(stage=stage)
    assert "lay beside the warehouse, of a build that was cut short; it is removed" in caplog.text
    assert whole.calls[-1] == (1 if stage == "features" else 0), "what is whole is kept"
    assert expected_rows(whole.rows())


def test_nobody_reads_a_warehouse_with_a_log_beside_it(whole, foreign_wal: bytes) -> None:
    wal_of(whole.database).write_bytes(foreign_wal)
    with pytest.raises(steps.StepError, match=r"a build is at work on .*, or was cut short: wait, or run"):
        whole.rows()
    assert wal_of(whole.database).exists(), "it may be that of a build at work"


def test_a_build_whose_log_is_left_did_not_end_well(stubbed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "warehouse.building.run_dbt", lambda *_, **__: wal_of(stubbed.database).write_bytes(b"what the disk had no room for")
    )
    with pytest.raises(steps.StepError, match="did not all get into"):
        stubbed.build()
    assert not stubbed.held.is_whole


def test_what_a_killed_build_spilled_goes_before_the_next_one(whole) -> None:
    spilled = whole.database.with_name("warehouse.duckdb.tmp") / "duckdb_temp_storage-0.tmp"
    spilled.parent.mkdir()
    spilled.write_bytes(b"x" * 100)
    whole.build(NEXT_NIGHT)
    assert not spilled.exists()


@pytest.mark.parametrize("kept", [0, 1, 20, 28, 60])
def test_a_torn_note_costs_a_full_build_and_not_the_night_where_it_can_be_read(whole, kept: int, caplog) -> None:
    note = whole.database.with_suffix(".json")
    note.write_text(note.read_text()[:kept])
    night = NIGHT if kept >= len('{"run_date": "2026-03-30"') else date.min
    assert warehouse.watermark(whole.settings, whole.shop) == night
    with pytest.raises(steps.StepError, match="run `python -m warehouse build features"):
        whole.rows()
    whole.build()
    assert (whole.calls, len(whole.aside)) == ([0, 0], 1)
    assert expected_rows(whole.rows())


def test_only_the_newest_damaged_files_are_kept_and_none_after_a_change_of_the_key(whole) -> None:
    for number in range(4):
        change(whole.database, emptied)
        whole.build(NIGHT + timedelta(days=1 + number))
    assert len(whole.aside) == damage.KEPT
    state.remove(whole.settings, whole.shop)
    assert whole.aside == [] and not whole.database.exists()


def test_a_build_looks_first_whether_there_is_room(whole, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("disk_space.free_bytes", lambda folder: 1000)
    before = whole.database.read_bytes(), whole.held
    with pytest.raises(steps.StepError, match=r"too little room for build features: about 0\.05 GB are needed and 0\.00 GB are free in "):
        whole.build(NEXT_NIGHT)
    assert (whole.database.read_bytes(), whole.held) == before


def test_of_the_databases_of_older_nights_the_last_begun_stay(whole):
    """Also a night that is built again counts as begun last."""
    nights = [NIGHT - timedelta(days=days) for days in range(1, 5)]
    for number, night in enumerate([*nights[:3], nights[0], nights[3]]):
        whole.build(night)
        folder = whole.settings.paths("tiny").nights / night.isoformat()
        os.utime(folder, (number, number))  # so quickly one after the other, they are of one moment
    kept = {folder.name for folder in whole.settings.paths("tiny").nights.iterdir()}
    assert kept == {night.isoformat() for night in (nights[2], nights[0], nights[3])}
    assert whole.rows(nights[3]) == whole.rows()
