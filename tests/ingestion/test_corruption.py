"""Whatever is mixed among them, good records land unchanged and every record is accounted for, or the file is refused whole."""

import json
from collections import Counter
from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steps import StepError
from tests.ingestion.door import TILL, TILL_HEADER, WEB, new_door, till, view

GOOD_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=8)
FEW = settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])

csv_item = GOOD_TEXT.map(lambda text: '"' + text.replace('"', '""') + '"')
good_csv = st.builds(lambda item: f"good,{item},2,1.50,2026-01-05 10:00:00,anna".encode(), csv_item)
bad_csv = st.sampled_from(
    [
        b"few,fields", b"too,many,1,1,2026-01-05 10:00:00,anna,more", b'"x"y,i1,1,1,2026-01-05 10:00:00,anna',
        b"nul\x00,i1,1,1,2026-01-05 10:00:00,anna", b"latin\xe9,i1,1,1,2026-01-05 10:00:00,anna", b"cr\rcr,i1,1,1,2026-01-05 10:00:00,anna",
        b"late,i1,1,1,2027-01-05 10:00:00,anna", b"free,i1,0,1,2026-01-05 10:00:00,anna", b'note,"a\nb",1,1,2026-01-05 10:00:00,anna',
        b"big," + b"x" * 1_000_000 + b",1,1,2026-01-05 10:00:00,anna",
    ]
)  # fmt: skip
stray_quote = st.sampled_from([b'q,"i1,1,1,2026-01-05 10:00:00,anna', b'q,i1,1,1,2026-01-05 10:00:00,"anna'])
blank = st.sampled_from([b"", b"  "])

good_json = st.builds(lambda item, number: json.dumps(view(f"good{number}", item=item)).encode(), GOOD_TEXT, st.integers(0, 5))
bad_json = st.sampled_from(
    [
        b'{"id": "half', b"[]", b"7", b'{"id": "\xff"}', b'{"id": "\x00"}', b'{"a": 1}{"b": 2}', b"\xf4\x8f\xbf\xbf", b'"', b",", b"\\",
        json.dumps(view("bad", price=-1)).encode(), json.dumps(view("bad", lines=[{"item": "i1"}, {}], item=None)).encode(),
        b'{"id": "' + b"x" * 1_000_000 + b'"}',
    ]
)  # fmt: skip


@FEW
@given(
    lines=st.lists(st.tuples(good_csv | bad_csv | blank, st.sampled_from([b"\n", b"\r\n"])), max_size=25),
    strays=st.lists(stray_quote, max_size=1),
)
def test_csv(tmp_path_factory, lines, strays):
    door = new_door(tmp_path_factory.mktemp("csv"), TILL, max_refused_share=1)
    parts = [line + end for line, end in lines]
    content = b"".join([TILL_HEADER.encode(), b"\n", *parts[:9], *(stray + b"\n" for stray in strays), *parts[9:]])
    door.deliver("till/2026-01-05.csv", content)
    good = Counter(line.decode().split(",", 1)[1].rsplit(",", 4)[0] for line, _ in lines if line.startswith(b"good"))
    records = sum(bool(line.strip()) for line, _ in lines) + len(strays)
    try:
        door.land()
    except StepError:
        assert strays
        assert door.files() == {}
        return
    (entry,) = door.entries
    assert entry.read == records
    landed = Counter('"' + item.replace('"', '""') + '"' for (item,) in door.query("select item_id from events where order_id = 'good'"))
    assert landed == good
    assert entry.landed == good.total()
    assert entry.refused == records - good.total()


@FEW
@given(lines=st.lists(good_json | bad_json | blank, max_size=25))
def test_json_lines(tmp_path_factory, lines):
    door = new_door(tmp_path_factory.mktemp("json"), WEB, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", b"\n".join(lines))
    good = {}
    for line in lines:
        if line.startswith(b'{"id": "egood'):
            record = json.loads(line)
            good.setdefault(f"web:{record['id']}#1", record["item"])
    door.land()
    (entry,) = door.entries
    assert entry.read == sum(bool(line.strip()) for line in lines)
    assert dict(door.query("select event_id, item_id from events")) == good
    assert entry.landed == len(good)
    assert entry.duplicate == sum(line.startswith(b'{"id": "egood') for line in lines) - len(good)


@settings(FEW, max_examples=8)  # each lands up to six times
@given(
    days=st.lists(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 3)), max_size=6), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_files_that_arrive_in_any_order_give_the_same_set_of_events(tmp_path_factory, days, order):
    """Files of days overlap: a record (a number, and how many days late it comes) is in the files of several days.

    In one shop they are landed at once, in order; in the other each alone, as it arrives.
    """
    folder = tmp_path_factory.mktemp("order")
    doors = [new_door(folder, WEB, TILL, name=name, max_refused_share=1) for name in ("in_order", "shuffled")]
    files = {}
    for number, records in enumerate(days):
        day = date(2026, 1, 10) + timedelta(days=number)
        happened = [(f"e{n}", (date(2026, 1, 10) - timedelta(days=late)).isoformat()) for n, late in records]
        lines = [f"{id_},i1,1,1,{at} 10:00:00,anna" for id_, at in happened]
        files[f"events/{day}.jsonl"] = [view(id=id_, at="2026-01-05T10:00:00Z", item=None if id_ == "e9" else "i1") for id_, _ in happened]
        files[f"till/{day}.csv"] = till(*dict.fromkeys(lines))
    in_order, shuffled = doors
    for door in doors:
        for folder_name in ("events/2026-01-01.jsonl", "till/2026-01-01.csv"):
            door.deliver(folder_name, [] if "events" in folder_name else till())
    for name in files:
        in_order.deliver(name, files[name])
    in_order.land()
    for name in order.sample(list(files), len(files)):
        shuffled.deliver(name, files[name])
        shuffled.land()
    events = "select source, event_id, event_type, event_at, visitor_key, item_id, order_id from events order by all"
    assert in_order.query(events) == shuffled.query(events)
    for door in doors:
        assert all(entry.is_reconciled for entry in door.entries)
