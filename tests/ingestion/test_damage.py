"""A lake that a disk has changed stops the night and is named; a landing that finds no room leaves the lake as it was."""

import os
from pathlib import Path

import pytest
import yaml

from steps import StepError
from tests.ingestion.door import KEY, TILL, till, view
from tests.small_disk import mounted, refused_for_a_full_disk, run_without_looking


def change_a_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


@pytest.fixture
def landed_door(web_door):
    """Two days have landed."""
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.deliver("events/2026-01-06.jsonl", [view(2)])
    web_door.land()
    return web_door


def test_one_changed_byte_in_the_lake_stops_the_night_and_is_named(landed_door) -> None:
    part = landed_door.entries[0].parts[0].path
    change_a_byte(landed_door.paths.root / part)
    landed_door.deliver("events/2026-01-07.jsonl", [view(3)])
    before = landed_door.files()
    with pytest.raises(StepError, match=rf"1 file\(s\) of the lake are not what their landing wrote, the first {part}: bring them back"):
        landed_door.land()
    assert landed_door.files() == before


def test_the_way_back_that_the_message_names_works(landed_door) -> None:
    expected = landed_door.query("select event_id, visitor_key, landed_date from events order by all")
    change_a_byte(landed_door.paths.root / landed_door.entries[0].parts[0].path)
    with pytest.raises(StepError, match=r"while events/2026-01-05.jsonl is still in landing, remove .*\.json to land it again") as named:
        landed_door.land()
    Path(str(named.value).split("remove ")[1].split(" to land it again")[0]).unlink()
    assert "read 1 = landed 1" in landed_door.land()
    assert landed_door.query("select event_id, visitor_key, landed_date from events order by all") == expected


def test_damaged_repeats_are_found_too(make_door) -> None:
    door = make_door({**TILL, "columns": TILL["columns"] | {"event_id": "order"}}, max_refused_share=1)
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,2,2026-01-05T10:00:00Z,anna"))
    door.deliver("till/2026-01-06.csv", till("o1,i1,1,2,2026-01-05T10:00:00Z,anna", "o2,i1,1,2,2026-01-05T11:00:00Z,anna"))
    door.land()
    (repeat,) = (part for entry in door.entries for part in entry.repeats)
    change_a_byte(door.paths.root / repeat.path)
    with pytest.raises(StepError, match=repeat.path):
        door.land()


def test_a_landing_looks_first_whether_there_is_room(landed_door, monkeypatch: pytest.MonkeyPatch) -> None:
    landed_door.deliver("events/2026-01-07.jsonl", [view(3)])
    before = landed_door.files()
    monkeypatch.setattr("disk_space.free_bytes", lambda folder: 1_000_000)
    with pytest.raises(StepError, match=r"too little room for land: about 0\.05 GB are needed and 0\.00 GB are free in"):
        landed_door.land()
    assert landed_door.files() == before
    monkeypatch.undo()
    assert "read 1 = landed 1" in landed_door.land()


def test_a_disk_that_runs_full_in_mid_landing_leaves_the_lake_as_it_was(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", megabytes=32) as disk:
        (tmp_path / "till.yml").write_text(
            yaml.safe_dump({"name": "tiny", "title": "Tiny", "timezone": "UTC", "currency": "EUR"} | {"sources": [TILL]})
        )
        landing = tmp_path / "landing" / "till"
        landing.mkdir(parents=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NIGHTCART_")}
        env = kept | {"NIGHTCART_DATA": str(disk.folder), "NIGHTCART_LANDING_TINY": str(landing.parent), "NIGHTCART_HMAC_KEY": KEY.hex()}

        def land(day: str, lines: int):
            rows = (f"{day}-{number},i{number % 97},1,{number % 13},{day}T10:{number % 60:02}:00Z,user{number}" for number in range(lines))
            (landing / f"{day}.csv").write_text(till(*rows))
            return run_without_looking("ingestion.land", "--shop", str(tmp_path / "till.yml"), "--run-date", day, env=env)

        assert land("2026-01-05", 10).returncode == 0
        disk.fill(free_bytes=300_000)
        before = {path: path.read_bytes() for path in disk.folder.rglob("lake/*/*/*.parquet")}
        done = land("2026-01-06", 60_000)
        assert refused_for_a_full_disk(done), done.stderr
        after = {path: path.read_bytes() for path in disk.folder.rglob("lake/*/*/*.parquet")}
        assert {path: content for path, content in after.items() if path.name != "schema.parquet"} == {
            path: content for path, content in before.items() if path.name != "schema.parquet"
        }
        disk.make_room()
        again = land("2026-01-06", 60_000)
        assert "read 60000 = landed 60000" in again.stdout, again.stderr
