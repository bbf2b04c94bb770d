"""Validation: it counts and names what a night would refuse, shows nobody's id, and writes nothing."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
import yaml

from ingestion.lake import TABLES
from ingestion.validate.findings import Findings, validate
from ingestion.validate.outputs import NEEDS, produced
from ingestion.validate.report import as_json, as_text
from settings import PROJECT_ROOT
from sources import EVENT_TYPES, FIELDS_BY_KIND
from tests.ingestion.door import TILL, WEB, Door, till, view, write_parquet

NIGHT = date(2026, 1, 6)
MAIL = "anna.private@example.org"


def find(door: Door, records: int = 10_000, newest: int = 3) -> Findings:
    return validate(door.settings, door.shop, NIGHT, records, newest)


def test_each_reason_is_counted_with_three_examples_and_nobody_is_named(make_door):
    door = make_door(WEB, max_refused_share=0.9)
    records = [view(number, item=None, user=f"secret-user-{number}", note=MAIL) for number in range(5)]
    records += [view(5, price=-1), view(6, user=None), view(7), view(7)]
    door.deliver("events/2026-01-05.jsonl", records)
    source = find(door).sources[0]
    assert {refusal.reason: refusal.count for refusal in source.refusals} == {
        "names no item": 5,
        "price is negative": 1,
        "names no user": 1,
    }
    assert [(example.file, example.line) for example in source.refusals[0].examples] == [
        ("events/2026-01-05.jsonl", line) for line in (1, 2, 3)
    ]
    assert (source.read, source.landed, source.refused, source.duplicate) == (9, 1, 7, 1)
    for text in (as_text(find(door)), as_json(find(door))):
        assert "secret-user" not in text and MAIL not in text and "anna.user" not in text
        assert "user:…" in text


def test_what_is_mapped_to_what_is_shown_with_an_example(make_door):
    door = make_door(TILL)
    door.deliver("till/2026-01-05.csv", till("o1,i1,2,2.50,2026-01-05 10:00:00,c1", "o1,i2,,2.50,2026-01-05 10:00:00,c1"))
    mapped = {one.field: (one.origin, one.filled_share, one.example) for one in find(door).sources[0].mapped}
    assert mapped["price"] == ("price", 1.0, "2.5000")
    assert mapped["quantity"] == ("quantity", 0.5, "2")
    assert mapped["event_at"] == ("time", 1.0, "2026-01-05 10:00:00+01")
    assert mapped["user_id"] == ("customer", 1.0, "(not shown)")


def test_columns_that_nothing_maps_are_ignored_and_private_ones_dropped(make_door):
    door = make_door(TILL | {"traits": []}, WEB)
    header = "order,item,quantity,price,time,customer,colour,E-Mail"
    door.deliver("till/2026-01-05.csv", f"{header}\no1,i1,1,2,2026-01-05 10:00:00,c1,red,a@b.de\n")
    door.deliver("events/2026-01-05.jsonl", [view(context={"page": "x", "os": "y"}, consent={"other": True})])
    csv, web = (source.unmapped for source in find(door).sources)
    assert (csv.ignored, csv.private, csv.absent) == (("colour",), ("E-Mail",), ())
    assert web.ignored == ("context.…", "consent.other")
    assert {"consent.personalization", "lines.item", "query"} <= set(web.absent)


def test_what_stands_in_a_csv_column_that_holds_json_is_neither_ignored_nor_absent(make_door):
    columns = TILL["columns"] | {"user_id": "who.id", "item_id": {"line": "sku"}, "quantity": {"line": "count"}, "price": "none.price"}
    door = make_door(TILL | {"lines": "cart.goods", "columns": columns}, max_refused_share=1)
    row = 'o1,2026-01-05 10:00:00,"{""id"": ""anna.user""}","{""goods"": [{""sku"": ""i1"", ""count"": 1}]}",x'
    door.deliver("till/2026-01-05.csv", f"order,time,who,cart,rest,none\n{row},\n")
    source = find(door).sources[0]
    assert (source.landed, source.unmapped.ignored, source.unmapped.absent) == (1, ("rest",), ())
    assert {one.field: one.filled_share for one in source.mapped}["user_id"] is None


def test_a_missing_required_column_stops_the_night_and_is_named(make_door):
    door = make_door(TILL, WEB)
    door.deliver("till/2026-01-05.csv", "order,item,quantity,price,when,customer\no1,i1,1,2,2026-01-05 10:00:00,c1\n")
    door.deliver("events/2026-01-05.jsonl", [view()])
    findings = find(door)
    assert not findings.could_land
    assert "has no column time" in findings.faults[0]
    assert findings.sources[1].landed == 1  # one unreadable file hides no other source
    assert findings.sources[0].unmapped.ignored == ("when",)
    assert findings.sources[0].unmapped.absent == ("time",)


def test_a_first_record_taken_for_a_header_is_shown_nowhere(make_door):
    door = make_door(TILL)
    records = ["o1,secret-item,1,2,2026-01-05 10:00:00,secret-customer", "o2,i2,1,2,2026-01-05 10:00:00,c2"]
    door.deliver("till/2026-01-05.csv", "\n".join(records) + "\n")
    findings = find(door)
    assert "is its first line a header?" in findings.faults[0]
    assert findings.sources[0].unmapped.ignored == ()
    for text in (as_text(findings), as_json(findings)):
        assert "secret-" not in text


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("till/2026-01-05.csv", b"", "is empty"),
        ("till/2026-01-05.csv", till('o1,i1,1,"2,2026-01-05 10:00:00,c1', "o1,i1,1,2,2026-01-05 10:00:00,c1").encode(), "quoted field"),
        ("till/no-date.csv", till().encode(), "no-date"),
    ],
)
def test_a_file_that_cannot_be_landed_is_a_fault(make_door, name, content, said):
    door = make_door(TILL)
    door.deliver(name, content)
    findings = find(door)
    assert not findings.could_land and said in " ".join(findings.faults)
    assert said in " ".join(as_text(findings).split())


def test_a_source_without_files_is_a_fault_until_it_has_landed_some(make_door):
    door = make_door(TILL, WEB)
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,2,2026-01-05 10:00:00,c1"))
    assert find(door).faults == ["web: no file matches events/{date}.jsonl"]
    delivered = door.deliver("events/2026-01-05.jsonl", [view()])
    door.land("2026-01-06")
    delivered.unlink()
    assert find(door).could_land


def test_more_refused_than_the_limit_could_not_land(make_door):
    door = make_door(TILL, max_refused_share=0.4)
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,2,2026-01-05 10:00:00,c1", "o1,i1,1,x,2026-01-05 10:00:00,c1"))
    assert "1 of 2 records refused (50.0%, limit 40.0%): price is not a number (1)" in find(door).faults[0]


def test_event_types_are_counted_and_values_that_no_map_names_are_shown(make_door):
    door = make_door(WEB, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", [view(1), view(2), view(3, event="scroll"), view(4, event=MAIL), view(5, event="scroll")])
    source = find(door).sources[0]
    assert source.event_types == {"product_viewed": 2}
    assert source.unknown_event_types == {"scroll": 2, "[private]": 1}


def test_a_column_of_ids_taken_for_event_types_shows_none_of_them(make_door):
    door = make_door(WEB, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", [view(number, event=f"secret-{number}") for number in range(200)])
    assert find(door).sources[0].unknown_event_types == {"(200 different values: is it the right column?)": 200}


def test_only_the_first_records_of_the_oldest_and_newest_files_are_read(make_door):
    door = make_door(TILL)
    for day in range(1, 7):
        door.deliver(f"till/2026-01-0{day}.csv", till(*(f"o{n},i{n},1,2,2026-01-0{day} 10:00:00,c{n}" for n in range(10))))
    source = find(door, records=4, newest=2).sources[0]
    assert source.sampled == ("till/2026-01-01.csv", "till/2026-01-05.csv", "till/2026-01-06.csv")
    assert (source.read, source.is_whole, len(source.files.names)) == (12, False, 6)
    assert (source.files.first, source.files.last) == (date(2026, 1, 1), NIGHT)


def test_files_delivered_after_the_night_are_not_looked_at(make_door):
    door = make_door(TILL)
    for day in (5, 9):
        door.deliver(f"till/2026-01-0{day}.csv", till(f"o1,i1,1,2,2026-01-0{day} 10:00:00,c1"))
    assert find(door).sources[0].files.names == ("till/2026-01-05.csv",)


def test_parquet_is_sampled_too(make_door):
    door = make_door(TILL | {"format": "parquet", "files": "till/{date}.parquet"})
    row = "'o' || i as \"order\", 'i' || i as item, 1 as quantity, 2.5 as price, timestamp '2026-01-05 10:00:00' as time, 'c' as customer"
    write_parquet(door.landing / "till" / "2026-01-05.parquet", f"select {row} from range(100) as numbers (i)")
    source = find(door, records=30).sources[0]
    assert (source.read, source.landed, source.is_whole) == (30, 30, False)


def test_outputs_are_off_for_want_of_columns_and_event_types(make_door):
    door = make_door(TILL)
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,,2026-01-05 10:00:00,c1"))
    lacking = {one.output: (one.effect, one.lacks) for one in find(door).degraded}
    assert lacking["daily_kpis.revenue and order amounts"] == ("off", "events.price (none in the sample)")
    assert lacking["favourite_brands"] == ("off", "items.brand (not mapped)")
    assert lacking["sessions"] == ("poorer", "events.session_id (not mapped)")
    assert lacking["daily_kpis.views and the funnel"] == ("off", "product_viewed (not mapped)")
    assert not any("bought_together" in output or "quantity" in output for output in lacking)


def test_the_table_of_needs_names_what_there_is():
    columns = {f"{table}.{column}" for table, names in TABLES.items() for column in names}
    fields = {f"mapped {kind}.{name}" for kind, names in FIELDS_BY_KIND.items() for name in (*names["required"], *names["optional"])}
    assert {name for need in NEEDS for name in need.any_of} <= columns | fields | set(EVENT_TYPES)


def test_all_a_mapping_can_produce_is_promised(make_door):
    mapping = make_door(WEB).shop.sources[0].event_type
    assert produced(mapping) == {"product_viewed", "product_searched", "order_completed"}


def run(door: Door, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """The command, without any key in its environment."""
    shop_file = folder / "tiny.yml"
    shop_file.write_text(yaml.safe_dump(json.loads(door.shop.model_dump_json(by_alias=True, exclude_defaults=True))))
    command = [sys.executable, "-m", "ingestion.validate", "--shop", str(shop_file), *arguments]
    environment = {"PATH": os.environ["PATH"], "NIGHTCART_DATA": str(door.settings.data), "TMPDIR": str(folder / "tmp")}
    (folder / "tmp").mkdir(exist_ok=True)
    return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_command_needs_no_key_writes_nothing_and_exits_as_a_night_would(make_door, tmp_path):
    door = make_door(TILL)
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,2,2026-01-05 10:00:00,c1"))
    good = run(door, tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert "A night of 2026-01-05 could land these files." in good.stdout
    assert max(map(len, good.stdout.splitlines())) <= 100
    machine = json.loads(run(door, tmp_path, "--json").stdout)
    assert machine["could_land"] and machine["sources"][0]["landed"] == 1
    door.deliver("till/2026-01-06.csv", till("o1,i1,1,x,2026-01-06 10:00:00,c1"))
    bad = run(door, tmp_path)
    assert bad.returncode == 1 and "A night could not land these files" in bad.stdout
    assert [path.name for path in door.paths.root.iterdir()] == ["landing"]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_without_a_landing_folder_or_a_date_the_command_says_so(make_door, tmp_path):
    door = make_door(TILL | {"files": "till.csv"})
    door.deliver("till.csv", till("o1,i1,1,2,2026-01-05 10:00:00,c1"))
    undated = run(door, tmp_path)
    assert undated.returncode == 1 and "pass --run-date" in undated.stderr and "Traceback" not in undated.stderr
    assert run(door, tmp_path, "--run-date", "2026-01-06").returncode == 0
    (door.landing / "till.csv").unlink()
    door.landing.rmdir()
    absent = run(door, tmp_path, "--run-date", "2026-01-06")
    assert absent.returncode == 1 and "does not exist" in absent.stderr
