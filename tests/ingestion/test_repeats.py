"""An event counts for as long as a delivery that brought it stands, whoever brought it first."""

import random
from datetime import date, timedelta

import pytest

from tests.ingestion.door import WEB, till, view

UNDATED = WEB | {"files": "*.jsonl"}
DAILY = WEB | {"files": "{date}/events_{day}_*.jsonl"}
FIRST_DAY = date(2026, 1, 5)


def counted(door, as_of: str = "9999-01-01") -> list[str]:
    return [event_id for (event_id,) in door.query("select event_id from counted order by 1", as_of)]


def events(*numbers: int) -> list[dict]:
    return [view(number) for number in numbers]


def test_an_event_stays_when_the_delivery_that_had_it_first_comes_again_without_it(web_door):
    web_door.deliver("events/2026-01-05.jsonl", events(1, 2))
    web_door.land()
    web_door.deliver("events/2026-01-06.jsonl", events(2, 3))
    assert "read 2 = landed 1 + quarantined 0 + duplicate 1" in web_door.land()
    assert counted(web_door) == ["web:e1#1", "web:e2#1", "web:e3#1"]
    assert web_door.query("select event_id, landed_date, held_by from repeats") == [
        ("web:e2#1", date(2026, 1, 6), web_door.entries[0].parts[0].path)
    ]
    web_door.deliver("events/2026-01-05.jsonl", events(1))
    assert "read 1 = landed 1 + quarantined 0 + duplicate 0" in web_door.land()
    assert counted(web_door) == ["web:e1#1", "web:e2#1", "web:e3#1"]
    assert counted(web_door, "2026-01-05") == ["web:e1#1"]


def test_a_night_before_the_holders_delivery_sees_what_came_late_for_it(web_door):
    web_door.deliver("events/2026-01-06.jsonl", events(1, 2))
    web_door.land()
    web_door.deliver("events/2026-01-05.jsonl", events(2))
    web_door.land()
    assert counted(web_door, "2026-01-05") == ["web:e2#1"]
    assert counted(web_door, "2026-01-06") == ["web:e1#1", "web:e2#1"]


def test_a_copy_lands_where_what_it_copies_does_not_stand(web_door):
    web_door.deliver("events/2026-01-06.jsonl", events(1, 2))
    web_door.land()
    web_door.deliver("events/2026-01-05.jsonl", events(1, 2))
    assert "landed 0 + quarantined 0 + duplicate 2 + skipped 0, 1 files" in web_door.land()
    assert counted(web_door, "2026-01-05") == ["web:e1#1", "web:e2#1"]
    web_door.deliver("events/2026-01-07.jsonl", events(1, 2))
    assert "0 files" in web_door.land()
    for again in ("2026-01-05", "2026-01-06"):  # only now the copy of the seventh is needed
        web_door.deliver(f"events/{again}.jsonl", events(3))
    web_door.land()
    assert counted(web_door) == ["web:e1#1", "web:e2#1", "web:e3#1"]


def test_a_file_becomes_a_copy_of_another(web_door):
    web_door.deliver("events/2026-01-05.jsonl", events(1))
    web_door.deliver("events/2026-01-06.jsonl", events(2))
    web_door.land()
    web_door.deliver("events/2026-01-06.jsonl", events(1))
    web_door.land()
    assert counted(web_door) == ["web:e1#1"]


def test_of_a_day_in_several_files_an_unchanged_one_lands_beside_a_changed_one(make_door):
    door = make_door(DAILY)
    door.deliver("2026-01-06/events_2026-01-05_a.jsonl", events(1))
    door.deliver("2026-01-06/events_2026-01-05_b.jsonl", events(2))
    door.land()
    for name, number in (("a", 1), ("b", 2)):
        door.deliver(f"2026-01-07/events_2026-01-05_{name}.jsonl", events(number))
    assert "0 files" in door.land()
    door.deliver("2026-01-07/events_2026-01-05_b.jsonl", events(3))
    assert "landed 2 + quarantined 0 + duplicate 0 + skipped 0, 2 files" in door.land()
    assert counted(door) == ["web:e1#1", "web:e3#1"]


def test_repeats_within_one_delivery_are_dropped(web_door):
    web_door.deliver("events/2026-01-05.jsonl", events(1, 1, 2))
    web_door.deliver("events/2026-01-06.jsonl", events(1, 1, 3, 3))
    web_door.land()
    assert web_door.query("select event_id from repeats") == [("web:e1#1",)]


def test_what_no_delivery_can_replace_is_not_written_again(make_door):
    door = make_door(UNDATED)
    for day, last in ((5, 3), (6, 6), (7, 9)):
        door.deliver("log.jsonl", events(*range(last)))
        door.land(f"2026-01-0{day}")
    assert door.query("select count(*) from repeats") == [(0,)]
    door.deliver("late.jsonl", events(7, 8))
    door.land("2026-01-06")
    assert door.query("select event_id, held_by = any_value(held_by) over () from repeats order by all") == [
        ("web:e7#1", True),
        ("web:e8#1", True),
    ]
    assert counted(door, "2026-01-06")[-2:] == ["web:e7#1", "web:e8#1"]


def test_a_file_delivered_wholly_again_writes_no_repeats(make_door):
    for door, name in ((make_door(WEB, name="named"), "events/{}.jsonl"), (make_door(DAILY, name="daily"), "{}/events_2026-01-01_a.jsonl")):
        for day, last in ((5, 3), (5, 4), (6, 4), (6, 5)):
            door.deliver(name.format(f"2026-01-0{day}") if door.shop.name == "daily" else name.format("2026-01-05"), events(*range(last)))
            door.land()
        assert door.query(f"select count(*) from read_parquet('{door.paths.lake}/repeats/*/*.parquet')") == [(0,)]


def test_repeats_have_all_lines_and_columns_of_their_records(make_door):
    columns = {name: column for name, column in WEB["columns"].items() if name != "event_id"}
    for name, source in {"own": WEB, "content": WEB | {"columns": columns}}.items():
        door = make_door(source, name=name)
        order = view(1, event="order", item=None, device="d1", lines=[{"item": "i1", "price": 2}, {"item": "i2", "quantity": 3}])
        door.deliver("events/2026-01-05.jsonl", [order, order])
        door.deliver("events/2026-01-06.jsonl", [order, order, order])
        door.land()
        landed, repeated = (
            door.query(f"select * exclude (landed_date{more}) from {table} where landed_date = '2026-01-0{day}' order by event_id")
            for table, day, more in (("events", 5, ""), ("repeats", 6, ", held_by"))
        )
        assert landed == repeated
        assert len(landed) == (2 if name == "own" else 4)


def test_identical_lines_without_ids_are_repeated_by_their_number(till_door):
    line = "o1,i1,1,2.50,2026-01-05 10:00:00,anna.user"
    till_door.deliver("till/2026-01-05.csv", till(line, line))
    till_door.deliver("till/2026-01-06.csv", till(line, line, line))
    till_door.land()
    before = counted(till_door)
    assert len(before) == 3
    till_door.deliver("till/2026-01-05.csv", till(line.replace("o1", "o2")))
    till_door.land()
    assert set(before) < set(counted(till_door))
    assert till_door.query("select count(*), count(distinct event_id) from counted") == [(4, 4)]


def test_a_large_files_repeats_are_written_in_parts(till_door, monkeypatch):
    monkeypatch.setattr("ingestion.writing.PART_RECORDS", 3)
    lines = [f"o{number},i1,1,1,2026-01-05 10:00:00,anna" for number in range(8)]
    till_door.deliver("till/2026-01-05.csv", till(*lines))
    till_door.deliver("till/2026-01-06.csv", till(*lines, "o9,i1,1,1,2026-01-05 10:00:00,anna"))
    till_door.land()
    first, second = till_door.entries
    assert [part.rows for part in second.repeats] == [3, 3, 2]
    assert second.holders == (first.parts[0].path,)


class Deliveries:
    """Random files of random events that come late, again, and in portions; what must count by the newest contents alone."""

    def __init__(self, chance: random.Random, is_daily: bool) -> None:
        self.chance, self.is_daily = chance, is_daily
        self.contents: dict[str, list[int]] = {}

    def next(self) -> tuple[str, list[int]]:
        landed = FIRST_DAY + timedelta(days=self.chance.randrange(4))
        name = f"events/{landed}.jsonl"
        if self.is_daily:
            described = FIRST_DAY + timedelta(days=self.chance.randrange(2))
            name = f"{landed}/events_{described}_{self.chance.choice('ab')}.jsonl"
        self.contents[name] = sorted(self.chance.sample(range(6), self.chance.randrange(5)))
        return name, self.contents[name]

    def counted(self, as_of: date) -> list[str]:
        seen = {name: numbers for name, numbers in self.contents.items() if self._landed(name) <= as_of}
        newest = {self._told(name): max(self._landed(other) for other in seen if self._told(other) == self._told(name)) for name in seen}
        standing = [numbers for name, numbers in seen.items() if self._landed(name) == newest[self._told(name)]]
        return [f"web:e{number}#1" for number in sorted({number for numbers in standing for number in numbers})]

    @staticmethod
    def _landed(name: str) -> date:
        return date.fromisoformat(name.removeprefix("events/")[:10])

    def _told(self, name: str) -> str:
        """The day that a file describes; else it replaces none but itself."""
        return name[18:28] if self.is_daily else name


@pytest.mark.parametrize("is_daily", [False, True], ids=["by_name", "by_day"])
def test_whatever_comes_again_in_whatever_order_what_counts_is_what_the_newest_contents_hold(make_door, is_daily):
    chance, repeated = random.Random(11), 0
    for run in range(2):
        door, deliveries = make_door(DAILY if is_daily else WEB, name=f"run_{run}"), Deliveries(chance, is_daily)
        for _ in range(5):
            for name, numbers in (deliveries.next() for _ in range(chance.randrange(1, 6))):
                door.deliver(name, events(*numbers))
            door.land(batch_bytes=chance.choice([1, 1 << 20]))
            for as_of in (FIRST_DAY + timedelta(days=days) for days in range(4)):
                found = door.query("select event_id, event_id in (select event_id from events) from counted order by 1", f"{as_of}")
                assert [event_id for event_id, _ in found] == deliveries.counted(as_of), (as_of, deliveries.contents)
                repeated += sum(not is_event for _, is_event in found)
    assert repeated > 5, f"{repeated} times an event counted by a repeat"
