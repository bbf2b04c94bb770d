"""Event ids, and that each event counts once, however often and in whatever portions it is delivered."""

from tests.ingestion.door import TILL, WEB, till, view

LINE = "o1,i1,1,2.50,2026-01-05 10:00:00,anna.user"


def ids(door) -> list[str]:
    return [event_id for (event_id,) in door.query("select event_id from events order by landed_date, event_id")]


def test_a_record_counts_once_within_a_file_across_files_and_across_nights(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1), view(1), view(2)])
    web_door.deliver("events/2026-01-06.jsonl", [view(2), view(3)])
    assert "read 5 = landed 3 + quarantined 0 + duplicate 2" in web_door.land("2026-01-06")
    web_door.deliver("events/2026-01-07.jsonl", [view(4), view(1), view(3)])
    assert "read 3 = landed 1 + quarantined 0 + duplicate 2" in web_door.land("2026-01-07")
    assert ids(web_door) == ["web:e1#1", "web:e2#1", "web:e3#1", "web:e4#1"]


def test_an_event_sent_again_with_another_time_is_the_same_event(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.land("2026-01-05")
    web_door.deliver("events/2026-01-20.jsonl", [view(1, at="2026-01-20T10:00:00Z")])
    assert "duplicate 1" in web_door.land("2026-01-20")


def test_a_refused_record_does_not_stand_in_the_way_of_its_correction(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1, item=None)])
    web_door.land("2026-01-05")
    web_door.deliver("events/2026-01-06.jsonl", [view(1)])
    assert "landed 1" in web_door.land("2026-01-06")


def test_the_same_id_in_two_sources_is_two_events(make_door):
    door = make_door(WEB, WEB | {"name": "app", "files": "app/{date}.jsonl"})
    for folder in ("events", "app"):
        door.deliver(f"{folder}/2026-01-05.jsonl", [view(1)])
    door.land()
    assert ids(door) == ["app:e1#1", "web:e1#1"]


def test_identical_lines_of_one_order_are_kept_and_numbered(till_door):
    till_door.deliver("till/2026-01-05.csv", till(LINE, LINE, LINE.replace("i1", "i2"), LINE))
    assert "landed 4" in till_door.land()
    occurrences = sorted(id_.split(":")[1].removesuffix("#1").partition("-") for id_ in ids(till_door))
    contents = [content for content, _, _ in occurrences]
    same = max(contents, key=contents.count)
    assert [number for content, _, number in occurrences if content == same] == ["", "2", "3"]
    assert all(len(content) == 24 for content in contents)


def test_without_ids_a_longer_delivery_of_a_day_adds_only_what_is_new(till_door):
    till_door.deliver("till/2026-01-05.csv", till(LINE, LINE))
    till_door.land()
    till_door.deliver("till/2026-01-06.csv", till(LINE, LINE, LINE, LINE.replace("o1", "o2")))
    assert "read 4 = landed 2 + quarantined 0 + duplicate 2" in till_door.land()


def test_a_content_id_is_that_of_the_mapped_record_alone(till_door):
    till_door.deliver("till/2026-01-05.csv", till(LINE))
    same = "customer,note,time,price,quantity,item,order\nanna.user,new,2026-01-05T09:00:00Z,2.5,1.0,i1,o1\n"
    till_door.deliver("till/2026-01-06.csv", same)
    assert "landed 1 + quarantined 0 + duplicate 1" in till_door.land()


def test_a_content_id_tells_visitors_apart(till_door):
    till_door.deliver("till/2026-01-05.csv", till(LINE, LINE.replace("anna", "bob")))
    till_door.land()
    assert len({event_id.split("-")[0] for event_id in ids(till_door)}) == 2


def test_orders_without_ids_are_told_apart_by_all_their_lines(make_door):
    columns = {name: column for name, column in WEB["columns"].items() if name != "event_id"}
    door = make_door(WEB | {"columns": columns})
    order = view(1, event="order", item=None, lines=[{"item": "i1"}, {"item": "i2"}])
    door.deliver("events/2026-01-05.jsonl", [order, order | {"lines": order["lines"][:1]}, order])
    door.deliver("events/2026-01-06.jsonl", [order])
    assert "read 4 = landed 3 + quarantined 0 + duplicate 1 + skipped 0, 2 files, 5 event lines" in door.land()
    assert len(set(ids(door))) == 5


def test_a_record_may_lack_the_id_that_others_have(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1), view(2) | {"id": None}])
    web_door.deliver("events/2026-01-06.jsonl", [view(3) | {"id": None}, view(4)])
    assert "landed 3 + quarantined 0 + duplicate 1" in web_door.land()


def test_late_events_are_compared_with_the_day_they_happened_on(make_door):
    door = make_door(TILL)
    for day in (5, 6, 7):
        door.deliver(f"till/2026-01-0{day}.csv", till(LINE.replace("01-05", f"01-0{day}")))
        door.land(f"2026-01-0{day}")
    late = LINE.replace("01-05", "01-06")
    door.deliver("till/2026-01-31.csv", till(late, late.replace("o1", "o2")))
    assert "landed 1 + quarantined 0 + duplicate 1" in door.land("2026-01-31")
