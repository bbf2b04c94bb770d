"""The lake changes whole or not at all, and says what landed."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date

import pytest
import yaml

from ingestion.lake import TABLES
from settings import PROJECT_ROOT
from steps import StepError
from tests.ingestion.door import KEY, TILL, WEB, till, view

GOODS = {"name": "goods", "kind": "items", "format": "csv", "files": "goods/{date}.csv", "columns": {"item_id": "id", "title": "title"}}


def deliver_days(door, days) -> None:
    """Days of events that overlap, with duplicates, refused and late records."""
    for day in days:
        at = f"2026-01-{day:02}T10:00:00Z"
        records = [view(f"{day}-{number}", at=at, device=f"d{number}") for number in range(4)]
        late = view(f"late-{day}", at="2026-01-01T10:00:00Z")
        door.deliver(f"events/2026-01-{day:02}.jsonl", [*records, view(f"{day - 1}-0"), view(f"bad-{day}", item=None), late, records[1]])
        line = f"o{day},i1,1,1,2026-01-{day:02} 10:00:00,anna.user"
        door.deliver(f"till/2026-01-{day:02}.csv", till(line, line, f"o1,i1,1,1,2026-01-02 10:00:00,user{day % 2}", "broken"))


def test_all_days_in_one_go_give_the_lake_of_one_day_a_night_in_any_batches(make_door):
    doors = {name: make_door(WEB, TILL, name=name, max_refused_share=1) for name in ("nightly", "once", "single_files")}
    for door in doors.values():
        deliver_days(door, range(2, 8))
    for day in range(2, 8):
        doors["nightly"].land(f"2026-01-{day:02}")
    doors["once"].land("2026-01-31")
    doors["single_files"].land("2026-01-31", batch_bytes=1)
    nightly, once, single_files = (door.files() for door in doors.values())
    assert nightly == once == single_files
    assert len(nightly) == 1 + len(TABLES) + 6 * 2 * 2 + 2 * 4
    nightly, once = doors["nightly"].entries, doors["once"].entries
    assert nightly == [replace(entry, modified_ns=other.modified_ns) for entry, other in zip(once, nightly, strict=True)]


def test_every_table_has_a_typed_file_from_the_start(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [])
    web_door.land()
    for table, columns in TABLES.items():
        described = web_door.query(f"select column_name, lower(column_type) from (describe {table})")
        expected = {name: type_.replace("timestamptz", "timestamp with time zone").replace(", ", ",") for name, type_ in columns.items()}
        assert dict(described) == expected
        assert web_door.query(f"select count(*) from {table}") == [(0,)]


def test_the_manifest_describes_what_landed(web_door):
    path = web_door.deliver("events/2026-01-05.jsonl", [view(1), view(2, item=None)])
    web_door.land()
    (entry,) = web_door.entries
    assert (entry.source, entry.table, entry.file, entry.landed_date) == ("web", "events", "events/2026-01-05.jsonl", date(2026, 1, 5))
    assert (entry.sha256, entry.bytes) == (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    assert (entry.read, entry.landed, entry.quarantined, entry.duplicate, entry.event_lines) == (2, 1, {"names no item": 1}, 0, 1)
    assert (entry.first_event_at, entry.last_event_at) == ("2026-01-05T10:00:00.000000Z",) * 2
    for part, folder in ((entry.parts[0], "lake/events"), (entry.quarantine, "quarantine")):
        assert part.path == f"{folder}/landed_date=2026-01-05/web-{entry.sha256[:16]}.parquet"
        assert (part.sha256, part.rows) == (hashlib.sha256((web_door.paths.root / part.path).read_bytes()).hexdigest(), 1)


def test_the_same_file_lands_once(web_door, caplog):
    caplog.set_level("INFO")
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.land()
    before = web_door.files()
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.deliver("events/2026-01-06.jsonl", [view(1)])
    assert "read 0 = landed 0 + quarantined 0 + duplicate 0 + skipped 0, 0 files" in web_door.land()
    assert web_door.files() == before
    assert "events/2026-01-06.jsonl holds the same as events/2026-01-05.jsonl" in caplog.text


def test_a_file_delivered_again_with_another_content_replaces_the_older_one(web_door):
    contents = {"first": [view(1), view(2)], "more": [view(2), view(3)]}
    for name in ("first", "more", "first", "more"):
        web_door.deliver("events/2026-01-05.jsonl", contents[name])
        assert "read 2 = landed 2 + quarantined 0 + duplicate 0" in web_door.land()
        assert "read 0 = landed 0" in web_door.land()
        landed = web_door.query("select event_id from events order by 1")
        assert landed == [(f"web:{record['id']}#1",) for record in contents[name]]
    assert [entry.revision for entry in web_door.entries] == [1, 2, 3, 4]


def test_a_name_without_a_date_brings_news_and_replaces_nothing(make_door):
    door = make_door(WEB | {"files": "events.jsonl"})
    for day, numbers in ((5, (1, 2)), (6, (2, 3)), (7, (4,))):
        door.deliver("events.jsonl", [view(number) for number in numbers])
        door.land(f"2026-01-0{day}")
    landed = door.query("select event_id, landed_date from events order by 1")
    assert landed == [(f"web:e{number}#1", date(2026, 1, day)) for number, day in ((1, 5), (2, 5), (3, 6), (4, 7))]


DAILY = WEB | {"files": "{date}/events_{day}.jsonl", "columns": {name: path for name, path in WEB["columns"].items() if name != "event_id"}}


@pytest.mark.parametrize("nights", [("06", "07", "08"), ("08",), ("07", "06", "08")])
def test_a_day_described_again_replaces_the_older_delivery_and_past_nights_see_what_they_saw(make_door, nights):
    door = make_door(DAILY)
    files = {
        "06": {"05": [view(item="a"), view(item="b")]},
        "07": {"05": [view(item="a"), view(item="c")], "06": [view(item="d")]},
        "08": {"05": [view(item="a"), view(item="c")], "06": [view(item="d"), view(item="e")], "07": []},
    }
    delivered = set()
    for night in nights:
        delivered |= {day for day in files if day <= night} if nights == ("08",) else {night}
        for date_ in delivered:
            for day, records in files[date_].items():
                door.deliver(f"2026-01-{date_}/events_2026-01-{day}.jsonl", records)
        door.land("2026-01-31")
    for night, items in (("05", ""), ("06", "ab"), ("07", "acd"), ("08", "acde")):
        assert "".join(item for (item,) in door.query("select item_id from counted order by 1", f"2026-01-{night}")) == items, night


def test_a_file_of_many_records_lands_in_parts(make_door, monkeypatch):
    monkeypatch.setattr("ingestion.writing.PART_RECORDS", 3)
    door = make_door(TILL)
    door.deliver("till/2026-01-05.csv", till(*(f"o{number},i{number % 3},1,1,2026-01-05 10:00:00,anna" for number in range(8))))
    door.land()
    (entry,) = door.entries
    assert [part.rows for part in entry.parts] == [3, 3, 2]
    parts = [str(door.paths.root / part.path) for part in entry.parts]
    assert door.query(f"select order_id from read_parquet({parts})") == [(f"o{number}",) for number in range(8)]
    assert door.query("select count(*) from events") == [(8,)]


def test_a_catalogue_that_returns_to_an_old_state_lands_again(make_door):
    door = make_door(WEB, GOODS)
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    for day, title in ((5, "Old"), (6, "New"), (7, "Old"), (7, "Old")):
        door.deliver(f"goods/2026-01-0{day}.csv", f"id,title\n1,{title}\n")
        door.land(f"2026-01-0{day}")
    assert door.query("select title from items order by landed_date") == [("Old",), ("New",), ("Old",)]


def test_a_file_without_a_date_in_its_name_lands_when_it_is_first_seen_or_changes(make_door):
    door = make_door(WEB, GOODS | {"files": "goods.csv"})
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    for day, title in ((5, "Old"), (6, "Old"), (7, "New"), (8, "Old")):
        door.deliver("goods.csv", f"id,title\n1,{title}\n")
        door.land(f"2026-01-0{day}")
    assert door.query("select landed_date, title from items order by 1") == [
        (date(2026, 1, 5), "Old"),
        (date(2026, 1, 7), "New"),
        (date(2026, 1, 8), "Old"),
    ]


@pytest.fixture
def killed_door(web_door, tmp_path):
    """A lake of one night, whose second landing was killed after its files were in place and before they were recorded."""
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.land("2026-01-05")
    web_door.deliver("events/2026-01-06.jsonl", [view(1), view(2), view(3, item=None)])
    shop_file = tmp_path / "tiny.yml"
    shop_file.write_text(yaml.safe_dump(web_door.shop.model_dump(mode="json", by_alias=True, exclude_unset=True)))
    environment = {"NIGHTCART_DATA": str(web_door.settings.data), "NIGHTCART_HMAC_KEY": KEY.hex(), "NIGHTCART_FAULT": "kill:land.renamed"}
    command = [sys.executable, "-m", "ingestion.land", "--shop", str(shop_file), "--run-date", "2026-01-06"]
    killed = subprocess.run(command, cwd=PROJECT_ROOT, env={"PATH": os.environ["PATH"]} | environment, capture_output=True, text=True)
    assert killed.returncode == -9, killed.stderr
    return web_door


def test_a_landing_killed_before_its_record_is_repeated_whole(killed_door):
    left = [path for path in killed_door.files() if "landed_date=2026-01-06" in path]
    assert sorted(path.split("/landed")[0] for path in left if "/.staging-" not in path) == ["lake/events", "lake/repeats", "quarantine"]
    assert len(killed_door.entries) == 1
    assert killed_door.query("select event_id from events") == [("web:e1#1",)]
    assert "read 3 = landed 1 + quarantined 1 + duplicate 1" in killed_door.land("2026-01-06")
    assert killed_door.query("select event_id from events order by 1") == [("web:e1#1",), ("web:e2#1",)]
    assert list(killed_door.paths.lake.glob(".staging-*")) == []


def test_what_a_killed_landing_left_goes_before_anything_else_happens(killed_door):
    killed_door.deliver("events/2026-01-06.jsonl", [view(9, item=None)])
    with pytest.raises(StepError):
        make_strict(killed_door).land("2026-01-06")
    assert killed_door.query("select event_id from events") == [("web:e1#1",)]


def make_strict(door):
    """The same door with the default limit on refused records."""
    door.shop = door.shop.model_copy(update={"checks": type(door.shop.checks)()})
    return door


def test_nothing_of_a_landing_stays_behind_in_the_lake(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.land()
    assert sorted(path.name for path in web_door.paths.lake.iterdir()) == [
        "deliveries.parquet",
        "events",
        "items",
        "links",
        "manifest",
        "repeats",
        "users",
    ]
    assert not list(web_door.paths.lake.rglob("*.tmp"))


def test_a_file_lost_from_the_lake_is_named(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.land()
    (web_door.paths.root / web_door.entries[0].parts[0].path).unlink()
    with pytest.raises(StepError, match=r"1 file\(s\) recorded .* are gone from the lake, the first lake/events/landed_date=2026-01-05/"):
        web_door.land()


def test_manifest_files_are_plain_json(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.land()
    (file,) = (web_door.paths.lake / "manifest").glob("landed_date=2026-01-05/web-*.json")
    assert json.loads(file.read_text())["landed"] == 1


def test_two_parts_of_one_day_hold_an_event_once_whenever_they_land(make_door):
    door = make_door(WEB | {"files": "{date}/events_{day}_*.jsonl"})
    door.deliver("2026-01-06/events_2026-01-05_a.jsonl", [view(1)])
    door.land()
    door.deliver("2026-01-06/events_2026-01-05_b.jsonl", [view(1), view(2)])
    door.land()
    assert door.query("select event_id from events order by all") == [("web:e1#1",), ("web:e2#1",)]


def test_an_event_is_no_duplicate_of_one_that_never_stood(web_door):
    web_door.deliver("events/2026-01-06.jsonl", [view(1), view(2)])
    web_door.land()
    web_door.deliver("events/2026-01-06.jsonl", [view(2)])
    web_door.land()
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.land()
    assert web_door.query("select event_id from events order by all") == [("web:e1#1",), ("web:e2#1",)]


def test_a_content_that_comes_back_under_another_name_takes_nobodys_place(make_door):
    door = make_door(WEB | {"files": "{date}/*.jsonl"})
    door.deliver("2026-01-06/a.jsonl", [view(1)])
    door.land()
    door.deliver("2026-01-06/a.jsonl", [view(2)])
    door.land()
    door.deliver("2026-01-06/b.jsonl", [view(1)])
    door.land()
    assert [(entry.file, entry.landed) for entry in door.entries] == [("2026-01-06/a.jsonl", 1)] * 2 + [("2026-01-06/b.jsonl", 1)]
    assert door.query("select count(*), count(distinct parts) from deliveries") == [(3, 3)]
    assert door.query("select event_id from events order by all") == [("web:e1#1",), ("web:e2#1",)]
