"""How the shop file's mapping reads records."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from tests.ingestion.door import TILL, TILL_HEADER, WEB, till, view, write_parquet

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()


def only_event(door, columns: str) -> tuple:
    (row,) = door.query(f"select {columns} from events")
    return row


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("iso", "2026-01-05T12:00:00Z"),
        ("iso", "2026-01-05T14:00:00+02:00"),
        ("iso", "2026-01-05 13:00"),
        ("unix_s", str(int(NOON))),
        ("unix_s", f"{NOON:.6f}"),
        ("unix_ms", str(int(NOON * 1000))),
        ("unix_us", str(int(NOON * 1_000_000))),
        ("%d.%m.%Y %H:%M", "05.01.2026 13:00"),
        ("%Y%m%d%H%M%S%z", "20260105070000-0500"),
    ],
)
def test_a_time_is_read_in_each_format(make_door, form, text):
    door = make_door(TILL | {"columns": TILL["columns"] | {"event_at": {"from": "time", "format": form}}})
    door.deliver("till/2026-01-05.csv", till(f"o1,i1,1,1,{text},anna.user"))
    door.land()
    assert only_event(door, "epoch(event_at)") == (NOON,)


@pytest.mark.parametrize(
    ("form", "text"), [("unix_s", "1e30"), ("unix_us", "9223372036854775807"), ("%Y-%m-%d", "2026-02-30"), ("iso", "12:00")]
)
def test_what_is_no_time_is_refused(make_door, form, text):
    columns = TILL["columns"] | {"event_at": {"from": "time", "format": form}}
    door = make_door(TILL | {"columns": columns}, max_refused_share=1)
    door.deliver("till/2026-01-05.csv", till(f"o1,i1,1,1,{text},anna.user"))
    door.land()
    assert door.reasons()[0][1].startswith("event_at is ")


@pytest.mark.parametrize("form", ["iso", "%Y-%m-%dT%H:%M:%S%z"])
def test_an_offset_that_no_zone_has_is_no_time_and_the_furthest_is(make_door, form):
    door = make_door(TILL | {"columns": TILL["columns"] | {"event_at": {"from": "time", "format": form}}}, max_refused_share=1)
    offsets = ["+99:99", "+24:00", "-16:00", "+05:60", "+0575", "+02:00:61", "+14:00", "-12:00", "+0545", "-15:57"]
    door.deliver("till/2026-01-05.csv", till(*(f"o{n},i1,1,1,2026-01-05T00:00:00{offset},c{n}" for n, offset in enumerate(offsets))))
    door.land()
    refused = [(line, "event_at is not a time") for line in range(2, 8)]
    assert door.reasons() == refused
    hours = [(-14.0,), (12.0,), (-5.75,), (15.95,)]
    assert door.query("select epoch(event_at - timestamptz '2026-01-05 00:00:00+00') / 3600 from events order by order_id") == hours


def test_the_first_rule_that_holds_gives_the_event_type(make_door):
    rules = [
        {"when": [{"column": "order", "starts_with": "C"}], "then": "order_refunded"},
        {"when": [{"column": "price", "at_most": 1}, {"column": "item", "matches": "^cat"}], "then": "wishlist_added"},
        {"when": [{"column": "item", "equals": "look"}], "then": "product_viewed"},
    ]
    door = make_door(
        TILL | {"event_type": {"rules": rules, "from": "quantity", "map": {"7": "product_added"}, "default": "order_completed"}}
    )
    rest = "2026-01-05 10:00:00,anna.user"
    lines = [f"C1,look,7,1,{rest}", f"o2,cat1,7,1,{rest}", f"o3,cat1,7,2,{rest}", f"o4,look,1,1,{rest}", f"o5,i1,1,1,{rest}"]
    door.deliver("till/2026-01-05.csv", till(*lines))
    door.land()
    assert door.query("select order_id, event_type from events order by 1") == [
        ("C1", "order_refunded"),
        ("o2", "wishlist_added"),
        ("o3", "product_added"),
        ("o4", "product_viewed"),
        ("o5", "order_completed"),
    ]


def test_missing_values_meet_no_condition_but_is_missing(make_door):
    comparisons = [{"equals": ""}, {"one_of": [""]}, {"starts_with": ""}, {"matches": ""}, {"at_most": 0}, {"is_missing": False}]
    skip = [{"reason": str(number), "when": [{"column": "price"} | test]} for number, test in enumerate(comparisons)]
    door = make_door(TILL | {"skip": [*skip, {"reason": "no price", "when": [{"column": "price", "is_missing": True}]}]})
    door.deliver("till/2026-01-05.csv", till("o1,i1,1,,2026-01-05 10:00:00,anna.user"))
    door.land()
    assert [entry.skipped for entry in door.entries] == [{"no price": 1}]


def test_columns_can_be_mended_where_they_are_mapped(make_door):
    columns = TILL["columns"] | {
        "user_id": {"from": "customer", "remove_suffix": ".0"},
        "quantity": {"from": "quantity", "absolute": True},
        "item_id": {"from": "item", "uppercase": True},
        "currency": {"value": "EUR"},
        "consent_personalization": {"value": False},
    }
    door = make_door(TILL | {"columns": columns})
    door.deliver("till/2026-01-05.csv", till("o1,85123a,-3,1,2026-01-05 10:00:00,17850.0", "o2,b,3,1,2026-01-05 10:00:00,17850"))
    door.land()
    assert door.query("select item_id, quantity, currency, consent_personalization from events order by 1") == [
        ("85123A", 3, "EUR", False),
        ("B", 3, "EUR", False),
    ]
    assert door.query("select count(distinct visitor_key) from events") == [(1,)]


def test_spaces_around_values_do_not_count_and_leading_zeros_do(till_door):
    till_door.deliver(
        "till/2026-01-05.csv", till('o1 , 007 ,1,1,2026-01-05 10:00:00,"anna.user "', "o2,i1,1, ,2026-01-05 10:00:00,anna.user")
    )
    till_door.land()
    assert till_door.query("select order_id, item_id, price is null from events order by 1") == [("o1", "007", False), ("o2", "i1", True)]
    assert till_door.query("select count(distinct visitor_key) from events") == [(1,)]


def test_a_path_reaches_into_nested_json_whatever_its_keys(make_door):
    source = WEB | {"columns": {"user_id": 'who."id"', "event_at": "at", "item_id": "deep.er.item", "event_id": "id"}, "lines": None}
    door = make_door(source)
    door.deliver("events/2026-01-05.jsonl", [view(1, item=None) | {"who": {'"id"': "anna.user"}, "deep": {"er": {"item": "ü/1"}}}])
    door.land()
    assert only_event(door, "item_id") == ("ü/1",)


def test_a_path_reaches_into_parquet_structs(make_door):
    source = {
        "name": "app", "format": "parquet", "files": "{date}.parquet", "event_type": {"default": "product_viewed"},
        "columns": {"user_id": "who.id", "event_at": "at", "item_id": "odd.name"},
    }  # fmt: skip
    door = make_door(source)
    write_parquet(door.landing / "2026-01-05.parquet", "select {'id': 42} as who, timestamp '2026-01-05 13:00' as at, 'i1' as \"odd.name\"")
    door.land()
    assert only_event(door, "epoch(event_at), item_id") == (NOON, "i1")


def test_other_delimiters_are_read(make_door):
    door = make_door(TILL | {"delimiter": ";"})
    door.deliver("till/2026-01-05.csv", TILL_HEADER.replace(",", ";") + '\n"o;1";i1;1;1;2026-01-05 13:00:00;anna\n')
    door.land()
    assert only_event(door, "order_id, epoch(event_at)") == ("o;1", NOON)


def test_numbers_with_a_decimal_comma_are_read_and_others_are_refused(make_door):
    columns = TILL["columns"] | {"price": {"from": "price", "decimal": ","}}
    door = make_door(TILL | {"delimiter": ";", "columns": columns}, max_refused_share=1)
    prices = ["12,50", "1.234,50", "1234,5", "1.234", "7", "", "12.50", "1.23,4", "1,234.50", "1,2,3", "x"]
    rows = [f"o{number:02};i1;1;{price};2026-01-05 13:00:00;anna" for number, price in enumerate(prices)]
    door.deliver("till/2026-01-05.csv", "\n".join([TILL_HEADER.replace(",", ";"), *rows]) + "\n")
    door.land()
    landed = [price for (price,) in door.query("select price::double from events order by order_id")]
    assert landed == [12.5, 1234.5, 1234.5, 1234, 7, None]
    assert door.reasons() == [(line, "price is not a number") for line in range(8, 13)]


def test_texts_that_stand_for_no_value_are_missing(make_door):
    door = make_door(WEB | {"null_values": ["(not set)", "NA"]}, max_refused_share=1)
    lines = [{"item": "i1", "price": "NA"}, {"item": "i2", "price": 2}]
    door.deliver(
        "events/2026-01-05.jsonl", [view(1, price="(not set)", query="NA"), view(2, item="NA"), view(3, event="order", lines=lines)]
    )
    door.land()
    assert door.query("select item_id, price::double, query from events order by event_id") == [
        ("i1", None, None),
        ("i1", None, None),
        ("i2", 2, None),
    ]
    assert door.reasons() == [(2, "names no item")]


def test_none_of_holds_for_other_values_and_not_for_missing_ones(make_door):
    skip = [{"reason": "not a sale", "when": [{"column": "order", "none_of": ["o1", "o2"]}]}]
    door = make_door(TILL | {"skip": skip, "event_type": {"default": "product_viewed"}})
    rest = "i1,1,1,2026-01-05 13:00:00,anna"
    door.deliver("till/2026-01-05.csv", till(f"o1,{rest}", f"o3,{rest}", f",{rest}"))
    door.land()
    assert door.query("select order_id from events order by all") == [("o1",), (None,)]


def test_a_category_of_another_separator_becomes_a_path(make_door):
    goods = {
        "name": "goods", "kind": "items", "format": "csv", "files": "goods.csv",
        "columns": {"item_id": "id", "category": {"from": "category", "separator": "."}},
    }  # fmt: skip
    door = make_door(WEB, goods)
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    door.deliver("goods.csv", "id,category\n1,home.kitchen.mugs\n2,home\n3,\n")
    door.land()
    assert door.query("select category from items order by item_id") == [("home > kitchen > mugs",), ("home",), (None,)]


@pytest.mark.parametrize(
    ("form", "text"), [("iso", "2026-01-05 12:00:00"), ("%d.%m.%Y %H:%M", "05.01.2026 12:00"), ("iso", "2026-01-05T13:00:00+01:00")]
)
def test_times_without_a_zone_can_be_in_another_than_the_shops(make_door, form, text):
    door = make_door(TILL | {"columns": TILL["columns"] | {"event_at": {"from": "time", "format": form, "timezone": "UTC"}}})
    door.deliver("till/2026-01-05.csv", till(f"o1,i1,1,1,{text},anna.user"))
    door.land()
    assert only_event(door, "epoch(event_at)") == (NOON,)


def test_a_field_can_be_meant_in_events_of_some_types_alone(make_door):
    columns = WEB["columns"] | {"order_id": {"from": "session", "prefix": "s-", "event_types": ["order_completed", "order_refunded"]}}
    door = make_door(WEB | {"columns": columns})
    door.deliver("events/2026-01-05.jsonl", [view(1, session="7"), view(2, event="order", session="7"), view(3, event="order")])
    door.land()
    assert door.query("select order_id from events order by event_id") == [(None,), ("s-7",), (None,)]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"price": {"from": "price", "timezone": "UTC"}}, "only for times"),
        ({"event_at": {"from": "time", "timezone": "Utopia"}}, "no such time zone"),
        ({"price": {"from": "price", "format": "unix_s"}}, "format: only for times"),
        ({"item_id": {"from": "item", "decimal": ","}}, "decimal: only for numbers"),
        ({"item_id": {"from": "item", "absolute": True}}, "absolute: only for numbers"),
    ],
)
def test_a_key_of_a_column_that_would_do_nothing_or_harm_is_refused(make_door, change, fault):
    with pytest.raises(ValidationError, match=fault):
        make_door(TILL | {"columns": TILL["columns"] | change})


@pytest.mark.parametrize("field", ["event_id", "user_id", "anonymous_id"])
def test_the_lines_of_a_record_are_of_one_event_and_one_person(make_door, field):
    with pytest.raises(ValidationError, match=f"{field}.line: a record has one"):
        make_door(WEB | {"columns": WEB["columns"] | {field: {"line": "id"}}})


@pytest.mark.parametrize("delimiter", [" ", '"', "\n"])
def test_a_delimiter_that_means_something_else_in_csv_is_refused(make_door, delimiter):
    with pytest.raises(ValidationError, match="delimiter: no quote"):
        make_door(TILL | {"delimiter": delimiter})
