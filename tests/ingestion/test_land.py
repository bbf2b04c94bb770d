"""The whole door: what lands, what is refused, and that every record is accounted for."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

import warehouse
from ingestion.pseudonyms import visitor_key
from steps import StepError
from tests.ingestion.door import KEY, TILL, WEB, till, view, write_parquet

ANNA = visitor_key([KEY], "user", "tiny", "anna.user")
PHONE = visitor_key([KEY], "anon", "tiny", "phone-1")


def test_csv_json_lines_and_parquet_land_as_the_same_rows(make_door):
    columns = {"event_id": "id", "user_id": "user", "event_at": "at", "item_id": "item", "price": "price", "quantity": "quantity"}
    source = {"event_type": {"from": "event", "map": {"view": "product_viewed"}}, "columns": columns}
    door = make_door(
        source | {"name": "a", "format": "csv", "files": "a.csv"},
        source | {"name": "b", "format": "json_lines", "files": "b.jsonl"},
        source | {"name": "c", "format": "parquet", "files": "c.parquet"},
    )
    door.deliver("a.csv", "event,id,user,item,price,quantity,at\nview,1,anna.user,007,9.5,2,2026-01-05T10:00:00Z\n")
    record = {"event": "view", "id": 1, "user": "anna.user", "item": "007", "price": 9.5, "quantity": 2, "at": "2026-01-05 11:00:00"}
    door.deliver("b.jsonl", [record])
    values = "'view' as event, 1 as id, 'anna.user' as user, '007' as item, 9.5::double as price, 2::utinyint as quantity"
    write_parquet(door.landing / "c.parquet", f"select {values}, timestamptz '2026-01-05 10:00:00+00' as at")
    assert door.land("2026-01-06").startswith("land tiny 2026-01-06: read 3 = landed 3 + ")
    rows = door.query("select event_id, event_type, epoch(event_at), visitor_key, item_id, price, quantity from events order by event_id")
    at = datetime(2026, 1, 5, 10, tzinfo=UTC).timestamp()
    expected = ("product_viewed", at, ANNA, "007", Decimal("9.5000"), 2)
    assert rows == [("a:1#1", *expected), ("b:1#1", *expected), ("c:1#1", *expected)]


def test_the_summary_line_accounts_for_every_record(make_door):
    skip = [{"reason": "test order", "when": [{"column": "event", "equals": "test"}]}]
    door = make_door(WEB | {"skip": skip}, TILL, max_refused_share=0.5)
    door.deliver("events/2026-01-05.jsonl", [view(1), view(2), view(1), view(3, event="test"), view(4, item=None)])
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,2.50,2026-01-05 10:00:00,anna.user"))
    summary = door.land("2026-01-05")
    assert re.fullmatch(
        r"land tiny 2026-01-05: read 6 = landed 3 \+ quarantined 1 \+ duplicate 1 \+ skipped 1, 2 files, 3 event lines, "
        r"\d+\.\d s \(web 5, till 1\)",
        summary,
    )
    assert {entry.source: (entry.read, entry.landed, entry.skipped) for entry in door.entries} == {
        "web": (5, 2, {"test order": 1}),
        "till": (1, 1, {}),
    }


def test_every_canonical_field_of_an_event_arrives(web_door):
    web_door.deliver(
        "events/2026-01-05.jsonl",
        [
            view(
                1,
                device="phone-1",
                price=19.99,
                currency="eur",
                rating=4.5,
                query="red shoe",
                position=3,
                consent={"personalization": False},
            )
        ],
    )
    web_door.land()
    (row,) = web_door.query("select * exclude (event_at, session_id, order_id, quantity) from events")
    assert row == (
        "web:e1#1", "web", "product_viewed", date(2026, 1, 5), ANNA, PHONE, "i1", Decimal("19.9900"), "EUR", 4.5, "red shoe", 3,
        None, None, None, False,
    )  # fmt: skip


def test_a_device_alone_is_the_visitor(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1, user=None, device="phone-1")])
    web_door.land()
    assert web_door.query("select visitor_key, device_key from events") == [(PHONE, None)]


def test_an_order_lands_with_all_its_lines(web_door):
    lines = [{"item": "i1", "quantity": 1, "price": 5}, {"item": "i2", "quantity": 3, "price": 2.5}]
    web_door.deliver("events/2026-01-05.jsonl", [view(1, event="order", order="o1", item=None, lines=lines, price=12.5)])
    assert "read 1 = landed 1 + quarantined 0 + duplicate 0 + skipped 0, 1 files, 2 event lines" in web_door.land()
    assert web_door.query("select event_id, order_id, item_id, quantity, price from events order by event_id") == [
        ("web:e1#1", "o1", "i1", 1, Decimal("5.0000")),
        ("web:e1#2", "o1", "i2", 3, Decimal("2.5000")),
    ]


def test_an_order_with_one_bad_line_lands_not_at_all(web_door):
    lines = [{"item": "i1", "quantity": 1}, {"item": "i2", "quantity": 0}]
    web_door.deliver("events/2026-01-05.jsonl", [view(1, event="order", item=None, lines=lines), view(2)])
    assert "read 2 = landed 1 + quarantined 1 + " in web_door.land()
    assert web_door.reasons() == [(1, "quantity is not a positive whole number")]
    assert web_door.query("select event_id from events") == [("web:e2#1",)]


def test_orders_that_name_nobody_land_only_where_the_shop_file_says_so(make_door):
    line = till("o1,i1,1,2.50,2026-01-05 10:00:00,")
    strict, lenient = make_door(TILL, name="strict", max_refused_share=1), make_door(TILL | {"anonymous_orders": True}, name="lenient")
    for door in (strict, lenient):
        door.deliver("till/2026-01-05.csv", line)
        door.land()
    assert strict.reasons() == [(2, "names no user")]
    assert lenient.query("select order_id, visitor_key from events") == [("o1", None)]


def test_the_last_line_of_an_item_or_user_in_a_file_wins(make_door):
    items = {
        "name": "goods",
        "kind": "items",
        "format": "csv",
        "files": "goods.csv",
        "columns": {"item_id": "id", "title": "title", "is_active": "on"},
    }
    users = {
        "name": "people", "kind": "users", "format": "csv", "files": "people.csv",
        "columns": {"user_id": "id", "consent_personalization": "ok"}, "traits": ["country", "plan"],
    }  # fmt: skip
    door = make_door(WEB, items, users)
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    door.deliver("goods.csv", "id,title,on\n1,Old,yes\n2,Hat,no\n1,New,\n")
    door.deliver("people.csv", "id,ok,country,plan\nanna.user,true,DE,a\nanna.user,false,AT,\n")
    assert "read 6 = landed 4 + quarantined 0 + duplicate 2 + " in door.land("2026-01-06")
    assert door.query("select item_id, title, is_active, landed_date from items order by all") == [
        ("1", "New", None, date(2026, 1, 6)),
        ("2", "Hat", False, date(2026, 1, 6)),
    ]
    assert door.query("select visitor_key, traits, consent_personalization from users") == [(ANNA, '{"country":"AT","plan":null}', False)]


def test_two_sources_may_read_the_same_file(make_door):
    goods = {"name": "goods", "kind": "items", "format": "csv", "files": "till/{date}.csv", "columns": {"item_id": "item"}}
    door = make_door(TILL, goods)
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,2.50,2026-01-05 10:00:00,anna.user"))
    assert "read 2 = landed 2 + " in door.land()
    assert door.query("select item_id from items") == door.query("select item_id from events") == [("i1",)]


def test_times_without_a_zone_are_in_the_shops_zone(till_door):
    winter, summer = "o1,i1,1,1,2026-01-05 10:00:00,anna.user", "o2,i1,1,1,2026-07-05 10:00:00,anna.user"
    till_door.deliver("till/2026-07-05.csv", till(winter, summer))
    till_door.land("2026-07-05")
    assert till_door.query("select order_id, strftime(event_at, '%m-%d %H') from events order by 1") == [
        ("o1", "01-05 09"),
        ("o2", "07-05 08"),
    ]


def test_files_delivered_after_the_night_wait_for_theirs(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.deliver("events/2026-01-06.jsonl", [view(2)])
    assert "read 1 = landed 1" in web_door.land("2026-01-05")
    assert "read 1 = landed 1" in web_door.land("2026-01-06")
    assert web_door.query("select event_id, landed_date from events order by 1") == [
        ("web:e1#1", date(2026, 1, 5)),
        ("web:e2#1", date(2026, 1, 6)),
    ]


def test_too_many_refused_records_leave_the_lake_as_it_was(make_door):
    door = make_door(WEB, max_refused_share=0.2)
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    door.land("2026-01-05")
    before = door.files()
    door.deliver("events/2026-01-06.jsonl", [view(2), view(3), view(4, item=None), view(5, price=-1)])
    with pytest.raises(
        StepError, match=r"source web: 2 of 4 records refused \(50.0%, limit 20.0%\): (names no item|price is negative) \(1\)"
    ):
        door.land("2026-01-06")
    quarantine = [path for path in door.files() if path.startswith("quarantine/")]
    assert [(line, reason) for line, reason in door.reasons()] == [(3, "names no item"), (4, "price is negative")]
    assert {path: content for path, content in door.files().items() if path not in quarantine} == before
    assert len(door.entries) == 1


def test_nothing_lands_without_a_key(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.settings = replace(web_door.settings, hmac_keys=())
    with pytest.raises(StepError, match=r"NIGHTCART_HMAC_KEY is not set.*`make setup`"):
        web_door.land()
    assert web_door.files() == {}


def test_a_missing_landing_folder_is_named(web_door):
    web_door.landing.rmdir()
    with pytest.raises(StepError, match=f"landing folder {web_door.landing} of shop tiny does not exist"):
        web_door.land()


def test_a_source_without_any_file_is_named(web_door):
    with pytest.raises(StepError, match=r"no file matches events/\{date\}.jsonl \(source web\)"):
        web_door.land()


def test_a_source_whose_landed_files_were_cleared_away_is_no_fault(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.land()
    (web_door.landing / "events/2026-01-05.jsonl").unlink()
    assert "read 0 = " in web_door.land()


def test_a_file_name_without_a_date_is_named(web_door):
    web_door.deliver("events/notes.jsonl", [view(1)])
    with pytest.raises(StepError, match=r"events/notes.jsonl: time data 'notes' does not match"):
        web_door.land()


@pytest.mark.parametrize(
    ("files", "name"),
    [
        ("{date}-*.jsonl", "2026-01-05-001.jsonl"),
        ("{date}*.jsonl", "2026-01-05.jsonl"),
        ("*{date}.jsonl", "web2026-01-05.jsonl"),
        ("{date}.jsonl", "2026-1-5.jsonl"),
    ],
)
def test_a_date_is_found_beside_what_looks_like_a_part_of_it(make_door, files, name):
    door = make_door(WEB | {"files": files})
    door.deliver(name, [view(1)])
    door.land()
    assert door.query("select landed_date from events") == [(date(2026, 1, 5),)]


def test_hidden_files_are_uploads_under_way(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.deliver("events/.2026-01-06.jsonl", '{"half')
    assert "read 1 = landed 1" in web_door.land()


def test_a_missing_column_refuses_the_file_and_names_it(till_door):
    till_door.deliver("till/2026-01-05.csv", "order,item,qty,price,time,customer\no1,i1,1,1,2026-01-05 10:00:00,anna.user\n")
    with pytest.raises(StepError, match=r"till/2026-01-05.csv .source till.: has no column quantity .*it has order, item, qty, price"):
        till_door.land()
    assert till_door.files() == {}


def test_one_file_that_cannot_be_read_keeps_all_others_out(till_door):
    till_door.deliver("till/2026-01-05.csv", till("o1,i1,1,1,2026-01-05 10:00:00,anna.user"))
    till_door.deliver("till/2026-01-06.csv", "")
    with pytest.raises(StepError, match=r"1 file\(s\) cannot be landed, and nothing was\n  till/2026-01-06.csv .source till.: is empty"):
        till_door.land()
    assert till_door.files() == {}


def test_new_and_reordered_columns_are_no_matter(till_door):
    till_door.deliver("till/2026-01-05.csv", till("o1,i1,1,1,2026-01-05 10:00:00,anna.user"))
    till_door.deliver("till/2026-01-06.csv", "new,customer,time,price,quantity,item,order\nx,anna.user,2026-01-06 10:00:00,1,1,i2,o2\n")
    till_door.land()
    assert till_door.query("select order_id, item_id from events order by 1") == [("o1", "i1"), ("o2", "i2")]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"columns": TILL["columns"] | {"event_at": {"from": "time", "format": "%Q"}}}, "event_at"),
        ({"skip": [{"reason": "x", "when": [{"column": "item", "matches": "("}]}]}, "skip"),
    ],
)
def test_a_wrong_pattern_in_the_shop_file_is_named_before_anything_is_written(make_door, change, named):
    door = make_door(TILL | change)
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,1,2026-01-05 10:00:00,anna.user"))
    with pytest.raises(StepError, match=f"shop tiny, source till, {named}: "):
        door.land()
    assert door.files() == {}


def test_landing_may_be_read_only_and_lie_elsewhere(web_door, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    web_door.landing.rename(elsewhere)
    for path in (elsewhere / "events/2026-01-05.jsonl", elsewhere / "events", elsewhere):
        path.chmod(0o555 if path.is_dir() else 0o444)
    web_door.settings = replace(web_door.settings, landing_overrides=(("tiny", elsewhere),))
    assert "landed 1" in web_door.land()
    for path in (elsewhere, elsewhere / "events"):
        path.chmod(0o755)


def test_a_second_landing_at_once_is_turned_away(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1)])
    with (
        warehouse.lock(web_door.settings, web_door.shop, "build features"),
        pytest.raises(StepError, match="held by build features"),
    ):
        web_door.land()


def test_new_columns_are_reported_and_ignored_and_their_order_is_no_matter(make_door, caplog):
    door = make_door(WEB, TILL)
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,2.50,2026-01-05 10:00:00,anna.user"))
    door.land()
    assert "new columns" not in caplog.text
    door.deliver("events/2026-01-06.jsonl", [view(2) | {"colour": "red"}])
    door.deliver("till/2026-01-06.csv", "shop,customer,time,price,quantity,item,order\nB,anna.user,2026-01-06 10:00:00,2.50,1,i1,o2\n")
    assert "read 2 = landed 2" in door.land()
    assert "events/2026-01-06.jsonl has new columns, which are ignored: colour" in caplog.text
    assert "till/2026-01-06.csv has new columns, which are ignored: shop" in caplog.text
    assert door.query("select item_id, price from events where order_id = 'o2'") == [("i1", Decimal("2.5000"))]


def test_a_renamed_column_refuses_the_file_and_names_it(till_door):
    till_door.deliver("till/2026-01-05.csv", till("o1,i1,1,2.50,2026-01-05 10:00:00,anna.user").replace("customer", "client"))
    with pytest.raises(StepError, match=r"till/2026-01-05.csv .source till.: has no column customer .*it has order, .*client"):
        till_door.land()
    assert till_door.files() == {}
