"""Each reason that a record can be refused for."""

from tests.ingestion.door import WEB, till, view

LONG = "x" * 257


def reasons_of(door, records: list) -> list[str | None]:
    """Land the records, with a sound one before and after each, and give the reason for each."""
    interleaved = [view(0)]
    for number, record in enumerate(records, start=1):
        interleaved += [record, view(1000 + number)]
    door.deliver("events/2026-01-05.jsonl", interleaved)
    summary = door.land()
    refused = dict(door.reasons())
    assert f"landed {len(interleaved) - len(refused)} + quarantined {len(refused)}" in summary
    return [refused.get(2 * number) for number in range(1, len(records) + 1)]


def test_an_event_is_refused_for_each_fault_by_name(web_door):
    records = {
        "event_at is missing": view(1, at=None),
        "event_at is not a time": view(2, at="yesterday"),
        "event_at is before 2000-01-01": view(3, at="1999-12-31T22:59:59Z"),
        "event_at is more than 1 day(s) after delivery": view(4, at="2026-01-06T23:00:00Z"),
        "unknown event type": view(5, event="scroll"),
        "names no user": view(6, user=None),
        "names no item": view(7, item=None),
        "price is not a number": view(8, price="12,50"),
        "price is negative": view(9, price=-0.01),
        "price is over 1000000": view(10, price=1_000_000.01),
        "currency is unknown": view(11, currency="EURO"),
        "quantity is not a positive whole number": view(12, quantity=1.5),
        "quantity is over 1000000": view(13, quantity=1_000_001),
        "rating is not a number": view(14, rating="good"),
        "position is not a whole number": view(15, position="first"),
        "consent_personalization is not true or false": view(16, consent={"personalization": "maybe"}),
        "user_id is longer than 256 characters": view(17, user=LONG),
        "anonymous_id is longer than 256 characters": view(18, device=LONG),
        "item_id is longer than 256 characters": view(19, item=LONG),
        "event_id is longer than 256 characters": view(LONG),
        "an id holds a control character": view(21, item="a\nb"),
        "lines is no array": view(20, lines={"item": "i1"}),
        "not a JSON object": ["a", "list"],
    }
    assert reasons_of(web_door, list(records.values())) == list(records)


def test_a_refund_may_name_an_order_alone_but_none_of_its_lines_may_lack_the_item(make_door):
    door = make_door(
        WEB | {"event_type": {"from": "event", "map": {"view": "product_viewed", "refund": "order_refunded"}}}, max_refused_share=1
    )
    records = [
        view(1, event="refund", item=None, order="o1"),
        view(2, event="refund", item=None, order="o1", lines=[]),
        view(3, event="refund", item=None),
        view(4, event="refund", item=None, order="o1", lines=[{"item": "i1"}, {"quantity": 1}]),
    ]
    assert reasons_of(door, records) == [None, None, "names no item", "names no item"]
    landed = door.query("select event_id, item_id, order_id from events where event_type = 'order_refunded' order by 1")
    assert landed == [("web:e1#1", None, "o1"), ("web:e2#1", None, "o1")]


def test_numbers_that_are_none_are_refused(web_door):
    records = [
        view(1, price="NaN"),
        view(2, price="inf"),
        view(3, quantity=0),
        view(4, quantity=-1),
        view(5, quantity="1e12"),
        view(6, price=""),
    ]
    assert reasons_of(web_door, records) == [
        "price is not a number",
        "price is not a number",
        "quantity is not a positive whole number",
        "quantity is not a positive whole number",
        "quantity is not a positive whole number",
        None,
    ]


def test_what_is_at_the_limit_lands(web_door):
    records = [
        view(1, at="2000-01-01T00:00:00"),
        view(2, at="2026-01-06T22:59:59.999Z"),
        view(3, price=1_000_000, quantity=1_000_000),
        view(4, user="x" * 256),
        view(5, event="search", item=None),
        view(6, price=0),
    ]
    assert reasons_of(web_door, records) == [None] * 6


def test_the_window_is_the_shop_files(make_door):
    door = make_door(WEB, earliest_event="2026-01-01", latest_after_delivery_days=0, max_refused_share=1)
    records = [view(1, at="2025-12-31T22:59:59Z"), view(2, at="2025-12-31T23:00:00Z"), view(3, at="2026-01-05T23:00:00Z")]
    assert reasons_of(door, records) == ["event_at is before 2026-01-01", None, "event_at is more than 0 day(s) after delivery"]


def test_items_and_users_are_checked_too(make_door):
    items = {
        "name": "goods", "kind": "items", "format": "csv", "files": "goods.csv",
        "columns": {"item_id": "id", "price": "price", "stock_quantity": "stock", "is_active": "on"},
    }  # fmt: skip
    users = {
        "name": "people",
        "kind": "users",
        "format": "csv",
        "files": "people.csv",
        "columns": {"user_id": "id", "consent_personalization": "ok"},
    }
    door = make_door(WEB, items, users, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    door.deliver("goods.csv", "id,price,stock,on\n,1,1,1\na,x,1,1\nb,1,1.5,1\nc,1,-2,perhaps\nd,1,-2.0,0\n")
    door.deliver("people.csv", "id,ok\n,true\nanna,never\nbob,\n")
    door.land("2026-01-06")
    assert door.reasons() == [
        (2, "names no item"),
        (3, "price is not a number"),
        (4, "stock_quantity is not a whole number"),
        (5, "is_active is not true or false"),
        (2, "names no user"),
        (3, "consent_personalization is not true or false"),
    ]
    assert door.query("select item_id, stock_quantity, is_active from items") == [("d", -2, False)]


def test_skipped_records_are_not_checked(make_door):
    rule = {"reason": "internal", "when": [{"column": "event", "one_of": ["ping", "test"]}]}
    door = make_door(WEB | {"skip": [rule]})
    door.deliver("events/2026-01-05.jsonl", [view(1), view(2, event="ping", at="never", user=None)])
    assert "landed 1 + quarantined 0 + duplicate 0 + skipped 1" in door.land()


def test_a_broken_record_is_never_skipped(make_door):
    rule = {"reason": "no event", "when": [{"column": "event", "is_missing": True}]}
    door = make_door(WEB | {"skip": [rule]}, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", '{"half\n{"id": "e1"}\n')
    assert "quarantined 1 + duplicate 0 + skipped 1" in door.land()


def test_a_whole_number_may_be_written_with_a_point(till_door):
    till_door.deliver("till/2026-01-05.csv", till("o1,i1,2.0,1,2026-01-05 10:00:00,anna"))
    till_door.land()
    assert till_door.query("select quantity from events") == [(2,)]
