"""DuckDB must find the records that were counted, or the file is refused."""

import json
import os

import pytest

from ingestion import batch, formats
from ingestion.counting import Count
from steps import StepError
from tests.ingestion.door import TILL, WEB, till, view, write_parquet

SOUND = [f"o{number},i1,1,1,2026-01-05 10:00:00,anna.user" for number in range(5)]


def test_quarantine_names_the_right_lines_among_blank_and_long_records(till_door):
    sound, bad = (f"{number},o{number},i1,1,2026-01-05 10:00:00,anna.user,{{}}" for number in (1, 0))
    header = "quantity,order,item,price,time,customer,note"
    lines = [header, sound, "", bad, sound.replace("o1", "o2").format('"two\n\nlines"'), bad, "x,y", bad]
    till_door.deliver("till/2026-01-05.csv", "\n".join(lines) + "\n")
    assert "read 6 = landed 2 + quarantined 4" in till_door.land()
    quantity = "quantity is not a positive whole number"
    assert till_door.reasons() == [(4, quantity), (8, quantity), (9, "wrong number of fields"), (10, quantity)]


def test_lines_of_json_are_counted_with_blank_and_unreadable_ones(web_door):
    content = b'\n{"half\n' + b'{"a": "\xff"}\n' + b"\n" + b'{"event": "view"}\n'
    web_door.deliver("events/2026-01-05.jsonl", content)
    web_door.land()
    assert web_door.reasons() == [(2, "not valid JSON"), (3, "not valid UTF-8"), (5, "event_at is missing")]


def test_blank_lines_of_one_column_are_no_records(make_door):
    goods = {"name": "goods", "kind": "items", "format": "csv", "files": "goods.csv", "columns": {"item_id": "id"}}
    door = make_door(WEB, goods, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", [])
    door.deliver("goods.csv", "id\na\n\n  \nb\n\n")
    assert "read 2 = landed 2" in door.land()


def test_windows_line_ends_are_read_in_both_text_formats(make_door):
    door = make_door(WEB, TILL)
    door.deliver("till/2026-01-05.csv", till(*SOUND).replace("\n", "\r\n"))
    door.deliver("events/2026-01-05.jsonl", "".join(json.dumps(view(number)) + "\r\n" for number in range(3)))
    door.deliver("events/2026-01-06.jsonl", json.dumps(view(7)) + "\n" + json.dumps(view(8)) + "\r\n")
    assert "read 10 = landed 10" in door.land()


def test_an_empty_file_among_others_is_no_matter(web_door):
    for day, records in ((5, []), (6, [view(1)]), (7, [view(2)])):
        web_door.deliver(f"events/2026-01-0{day}.jsonl", records)
    assert "read 2 = landed 2 + quarantined 0 + duplicate 0 + skipped 0, 3 files" in web_door.land()
    landed = web_door.query("select event_id, landed_date::varchar from events order by 1")
    assert landed == [("web:e1#1", "2026-01-06"), ("web:e2#1", "2026-01-07")]


def test_an_unterminated_quote_refuses_the_file_instead_of_losing_rows(till_door):
    till_door.deliver("till/2026-01-05.csv", till(*SOUND[:2], SOUND[2].replace("i1", '"i1'), *SOUND[3:]))
    with pytest.raises(StepError, match=r"till/2026-01-05.csv .source till.: line 4: a quoted field spans lines up to 6"):
        till_door.land()
    assert till_door.files() == {}


@pytest.mark.parametrize("claimed", [4, 6])
def test_a_count_that_differs_refuses_the_file(till_door, monkeypatch, claimed):
    def miscount(source, path, copy):
        return Count(path, tuple(till().strip().split(",")), claimed)

    monkeypatch.setattr(formats, "count", miscount)
    till_door.deliver("till/2026-01-05.csv", till(*SOUND))
    with pytest.raises(StepError, match=f"till/2026-01-05.csv .source till.: {claimed} records counted, but DuckDB reads 5"):
        till_door.land()
    assert not any("till-" in path for path in till_door.files())


def test_what_duckdb_cannot_read_is_named_without_its_content(till_door, monkeypatch):
    def overlook(source, path, copy):
        return Count(path, tuple(till().strip().split(",")), 5)

    monkeypatch.setattr(formats, "count", overlook)
    till_door.deliver("till/2026-01-05.csv", till(*SOUND))
    till_door.deliver("till/2026-01-06.csv", till(*SOUND, "anna.user"))
    with pytest.raises(StepError, match=r"till/2026-01-06.csv .source till. cannot be read: .*CSV Error on Line: 7") as refusal:
        till_door.land()
    assert "anna" not in str(refusal.value)


def test_parquet_damaged_inside_is_refused(make_door):
    source = {
        "name": "app", "format": "parquet", "files": "{date}.parquet", "event_type": {"default": "product_viewed"},
        "columns": {"user_id": "user", "event_at": "at", "item_id": "item"},
    }  # fmt: skip
    door = make_door(source)
    path = door.landing / "2026-01-05.parquet"
    query = "select 'u' || hash(range) as user, timestamp '2026-01-05 13:00' as at, 'i1' as item from range(5000)"
    write_parquet(path, query)
    content = bytearray(path.read_bytes())
    content[100:2000] = bytes(1900)
    path.write_bytes(content)
    with pytest.raises(StepError, match=r"2026-01-05.parquet .source app. cannot be read"):
        door.land()
    assert not any("app-" in name for name in door.files())


def test_a_file_that_changes_while_it_is_read_is_refused(web_door, monkeypatch):
    path = web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    count = formats.count

    def count_and_touch(*arguments):
        os.utime(path, (0, 0))
        return count(*arguments)

    monkeypatch.setattr(formats, "count", count_and_touch)
    with pytest.raises(StepError, match="changed while it was read"):
        web_door.land()


def test_rows_are_numbered_in_the_order_of_the_file(make_door, monkeypatch):
    """What DuckDB plans as a join, such as IN over a long list, would hand on rows as they come."""
    plans = []

    class Connection:
        def __init__(self, connection):
            self.connection = connection

        def execute(self, sql, *parameters):
            if "table checked_lines" in sql:
                plans.append(self.connection.execute(f"explain {sql}").fetchall()[0][1])
            return self.connection.execute(sql, *parameters)

    monkeypatch.setattr("ingestion.land.stage", lambda connection, *rest: batch.stage(Connection(connection), *rest))
    rule = {"reason": "other", "when": [{"column": "item", "one_of": [str(number) for number in range(50)]}]}
    columns = TILL["columns"] | {name: "item" for name in ("currency", "consent_personalization", "rating", "position")}
    door = make_door(WEB, TILL | {"skip": [rule], "columns": columns}, max_refused_share=1)
    door.deliver("till/2026-01-05.csv", till(*SOUND))
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    door.land()
    assert len(plans) == 2
    assert not any("JOIN" in plan for plan in plans)
