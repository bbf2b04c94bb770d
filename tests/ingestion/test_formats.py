"""What a file of each format gives, whole or broken, and what a shop file can say of it."""

import gzip
import json

import pyarrow
import pytest
from pydantic import ValidationError

from ingestion.pseudonyms import visitor_key
from steps import StepError
from tests.ingestion.door import KEY, TILL, TILL_HEADER, WEB, till, view, write_parquet

ANNA, BOB = (visitor_key([KEY], "user", "tiny", name) for name in ("anna.user", "bob.user"))
PHONE = visitor_key([KEY], "anon", "tiny", "phone-1")
JSON = WEB | {"format": "json", "files": "events/{date}.json"}
ORDER = "o1,i1,2,9.50,2026-01-05 10:00:00,anna.user"


def items(door) -> list[str]:
    return [item for (item,) in door.query("select item_id from events order by event_id")]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b" \n"])
def test_a_json_array_lands_element_by_element(make_door, indent, before):
    door = make_door(JSON)
    records = [view(1, item='a "1"]}'), view(2, item="ü", note="two\nlines"), view(3, item="\\")]
    door.deliver("events/2026-01-05.json", before + json.dumps(records, indent=indent, ensure_ascii=False).encode() + b"\n")
    assert "read 3 = landed 3" in door.land()
    assert items(door) == ['a "1"]}', "ü", "\\"]


def test_a_json_array_of_several_blocks_loses_nothing(make_door):
    door = make_door(JSON)
    records = [view(number, item=f"i{number}", note="x" * 90_000) for number in range(40)]  # 3.6 MB: blocks end inside records
    door.deliver("events/2026-01-05.json", json.dumps(records, indent=1))
    assert "read 40 = landed 40" in door.land()


def test_an_empty_json_array_holds_nothing(make_door):
    door = make_door(JSON)
    door.deliver("events/2026-01-05.json", "[ ]\n")
    assert "read 0 = landed 0" in door.land()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (json.dumps([view(1), view(2)])[:-1], "record 2 is not valid JSON, or the file breaks off in it"),
        (json.dumps([view(1), view(2)])[:-9], "record 2 is not valid JSON, or the file breaks off in it"),
        (json.dumps([view(1)])[:-1] + " ", "is no whole JSON array: it breaks off, or lacks a comma, after record 1"),
        (json.dumps([view(1)]) * 2, "holds more than one JSON array: something follows after record 1"),
        (json.dumps([view(1)]).replace(":", "", 1), "record 1 is not valid JSON"),
        (f"[{json.dumps(view(1))},]", "record 2 is not valid JSON"),
        (json.dumps(view(1)), "is no JSON array"),
        ("", "is no JSON array"),
        (b"[" + json.dumps(view(1, item="x")).encode().replace(b"x", b"\xff") + b"]", "is not utf-8"),
    ],
)
def test_a_broken_json_array_is_refused_whole(make_door, content, fault):
    door = make_door(JSON)
    door.deliver("events/2026-01-05.json", content)
    with pytest.raises(StepError, match=r"events/2026-01-05.json .source web.: ") as refusal:
        door.land()
    assert fault in str(refusal.value)
    assert "anna" not in str(refusal.value)
    assert door.files() == {}


def test_elements_of_a_json_array_that_are_no_records_are_refused_by_number(make_door):
    door = make_door(JSON, max_refused_share=1)
    door.deliver("events/2026-01-05.json", json.dumps([view(1), 7, "x", [view(2)], None, view(3)]))
    assert "read 6 = landed 2 + quarantined 4" in door.land()
    assert door.reasons() == [(number, "not a JSON object") for number in (2, 3, 4, 5)]


PACKED = {"gz": gzip.compress, "zst": lambda content: pyarrow.compress(content, codec="zstd", asbytes=True)}
RECORDS = "".join(json.dumps(view(number)) + "\n" for number in range(500)).encode()


def packed_door(make_door, ending: str, content: bytes):
    door = make_door(WEB | {"files": f"events/{{date}}.jsonl.{ending}"})
    door.deliver(f"events/2026-01-05.jsonl.{ending}", content)
    return door


@pytest.mark.parametrize("ending", PACKED)
def test_compressed_files_are_read_by_their_ending_also_in_several_members(make_door, ending):
    pack, middle = PACKED[ending], RECORDS.index(b"\n", 20_000) + 1
    door = packed_door(make_door, ending, pack(RECORDS[:middle]) + pack(RECORDS[middle:]))
    assert "read 500 = landed 500" in door.land()


def _corrupt(content: bytes) -> bytes:
    """With a wrong byte where the first block starts: further on, zstd notices only if the file has a checksum."""
    return content[:12] + bytes([content[12] ^ 0xFF]) + content[13:]


@pytest.mark.parametrize("ending", PACKED)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[: len(content) // 2],
        lambda content: content[:-3],
        _corrupt,
        lambda content: content + b"more",
        lambda content: RECORDS,
        lambda content: b"",
    ],
    ids=["half", "all_but_3_bytes", "a_wrong_byte", "something_behind", "not_compressed", "empty"],
)
def test_a_compressed_file_that_is_not_whole_is_refused(make_door, ending, spoil):
    door = packed_door(make_door, ending, spoil(PACKED[ending](RECORDS)))
    with pytest.raises(StepError, match=f"events/2026-01-05.jsonl.{ending} .source web.: is no whole .{ending} file"):
        door.land()
    assert door.files() == {}


def test_compressed_csv_and_json_arrays_are_read_too(make_door):
    door = make_door(TILL | {"files": "till/{date}.csv.gz"}, JSON | {"files": "events/{date}.json.zst"})
    door.deliver("till/2026-01-05.csv.gz", gzip.compress(till(ORDER).encode()))
    door.deliver("events/2026-01-05.json.zst", PACKED["zst"](json.dumps([view(1)]).encode()))
    assert "read 2 = landed 2" in door.land()


@pytest.mark.parametrize(
    ("encoding", "item"), [("latin-1", "Müsli"), ("cp1252", "5 €"), ("utf-16", "Müsli €"), ("utf-16-le", "日本"), ("cp1251", "мука")]
)
def test_text_in_another_encoding_is_read(make_door, encoding, item):
    door = make_door(TILL | {"encoding": encoding}, JSON | {"encoding": encoding})
    door.deliver("till/2026-01-05.csv", till(ORDER.replace("i1", item)).encode(encoding))
    door.deliver("events/2026-01-05.json", json.dumps([view(1, item=item)], ensure_ascii=False).encode(encoding))
    door.land()
    assert items(door) == [item, item]


@pytest.mark.parametrize(
    ("encoding", "content", "fault"),
    [
        ("cp1252", till(ORDER).encode() + b"\x81", "is not cp1252"),
        ("utf-16", till(ORDER).encode("utf-16")[:-1], "is not utf-16: truncated data"),
        ("ascii", till(ORDER.replace("i1", "ü")).encode(), "is not ascii"),
    ],
)
def test_text_that_is_not_in_its_encoding_refuses_the_file(make_door, encoding, content, fault):
    door = make_door(TILL | {"encoding": encoding})
    door.deliver("till/2026-01-05.csv", content)
    with pytest.raises(StepError, match=f"till/2026-01-05.csv .source till.: {fault}"):
        door.land()
    assert door.files() == {}


BARE = TILL | {"column_names": TILL_HEADER.split(",")}


def test_a_csv_without_a_header_is_read_by_the_names_in_the_shop_file(make_door):
    door = make_door(BARE, max_refused_share=1)
    door.deliver("till/2026-01-05.csv", f"{ORDER}\n{ORDER.replace('o1', 'o2')}\nx,y\n")
    door.deliver("till/2026-01-06.csv", b"\xef\xbb\xbf" + ORDER.replace("o1", "o3").encode())
    door.deliver("till/2026-01-07.csv", "")
    assert "read 4 = landed 3 + quarantined 1" in door.land()
    assert door.query("select order_id from events order by 1") == [("o1",), ("o2",), ("o3",)]
    assert door.reasons() == [(3, "wrong number of fields")]


def test_a_header_where_none_should_be_is_quarantined_not_landed(make_door):
    door = make_door(BARE, max_refused_share=1)
    door.deliver("till/2026-01-05.csv", till(ORDER))
    assert "read 2 = landed 1 + quarantined 1" in door.land()
    assert door.reasons() == [(1, "event_at is not a time")]


APP = {
    "name": "app", "format": "parquet", "files": "{date}.parquet", "event_type": {"default": "order_completed"},
    "columns": {"user_id": "who.id", "event_at": "at", "item_id": "item"},
}  # fmt: skip
WHO = "{'id': 'anna.user'} as who, timestamp '2026-01-05 13:00' as at"


def parquet_door(make_door, query: str, **changes):
    source = APP | changes
    door = make_door(source | {"columns": APP["columns"] | changes.get("columns", {})})
    write_parquet(door.landing / "2026-01-05.parquet", f"select {WHO}, {query}")
    return door


def test_lines_of_a_parquet_record_are_event_lines(make_door):
    columns = {"item_id": {"from": "item", "line": "sku"}, "price": {"line": "price.amount"}}
    lines = "[{'sku': 'a', 'price': {'amount': 1.5}}, {'sku': 'b', 'price': {'amount': 2}}]"
    door = parquet_door(make_door, f"{{'goods': {lines}}} as basket, 'none' as item", lines="basket.goods", columns=columns)
    assert "read 1 = landed 1 + quarantined 0 + duplicate 0 + skipped 0, 1 files, 2 event lines" in door.land()
    assert door.query("select item_id, price::double from events order by event_id") == [("a", 1.5), ("b", 2.0)]


def test_a_parquet_record_whose_lines_are_empty_is_one_line(make_door):
    columns = {"item_id": {"from": "item", "line": "sku"}}
    door = parquet_door(make_door, "[]::struct(sku varchar)[] as lines, 'i1' as item", lines="lines", columns=columns)
    door.land()
    assert items(door) == ["i1"]


PARAMS = [{"key": "size", "value": {"text": "L"}}, {"key": "item.id", "value": {"text": "i9"}}, {"key": "item.id", "value": {"text": "i8"}}]
BY_KEY = "params[key=item.id].value.text"


@pytest.mark.parametrize(("path", "item"), [(BY_KEY, "i9"), ("params[0].value.text", "L"), ("params[2].key", "item.id")])
def test_an_element_of_a_list_is_taken_by_a_key_or_its_place(make_door, path, item):
    parquet = APP | {"event_type": {"default": "product_viewed"}, "columns": APP["columns"] | {"item_id": path}}
    door = make_door(WEB | {"columns": WEB["columns"] | {"item_id": path}}, parquet)
    door.deliver("events/2026-01-05.jsonl", [view(1, params=PARAMS)])
    params = ", ".join(f"{{'key': '{param['key']}', 'value': {{'text': '{param['value']['text']}'}}}}" for param in PARAMS)
    write_parquet(door.landing / "2026-01-05.parquet", f"select {WHO}, [{params}] as params")
    door.land()
    assert items(door) == [item, item]


@pytest.mark.parametrize("params", [None, [], "text", {"key": "item.id"}, [{"key": "other"}], [{"key": "item.id", "value": "flat"}]])
def test_where_no_such_element_is_the_value_is_missing(make_door, params):
    door = make_door(WEB | {"columns": WEB["columns"] | {"item_id": BY_KEY}}, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", [view(1, params=params)])
    door.land()
    assert door.reasons() == [(1, "names no item")]


@pytest.mark.parametrize(
    ("query", "changes", "named"),
    [
        ("{'name': 'x'} as good, 'i1' as item", {"columns": {"price": "good.price"}}, "good.price"),
        ("'i1' as item", {"columns": {"price": BY_KEY}}, BY_KEY),
        ("'text' as params, 'i1' as item", {"columns": {"price": BY_KEY}}, BY_KEY),
        ("[{'name': 'x'}] as params, 'i1' as item", {"columns": {"price": BY_KEY}}, BY_KEY),
        ("'i1' as item", {"lines": "goods", "columns": {"price": {"line": "price"}}}, "goods with a list"),
        ("{'sku': 'a'} as goods, 'i1' as item", {"lines": "goods", "columns": {"price": {"line": "price"}}}, "goods with a list"),
    ],
)
def test_a_parquet_file_without_a_nested_field_is_refused_and_names_it(make_door, query, changes, named):
    door = parquet_door(make_door, query, **changes)
    with pytest.raises(StepError) as refusal:
        door.land()
    assert f"2026-01-05.parquet (source app): has no column {named}" in str(refusal.value)
    assert door.files().keys() == {"landing/2026-01-05.parquet"}


def test_of_several_places_the_first_that_holds_a_value_counts(make_door):
    paths = ["good.sku", "good.id", "item"]
    columns = WEB["columns"] | {"item_id": {"from": paths, "line": ["sku", "id"]}}
    door = make_door(WEB | {"columns": columns}, APP | {"columns": APP["columns"] | {"item_id": paths}})
    records = [view(1, good={"sku": " ", "id": 7}), view(2, good=None), view(3, event="order", lines=[{"sku": "a", "id": 1}, {"id": 2}])]
    door.deliver("events/2026-01-05.jsonl", records)
    write_parquet(door.landing / "2026-01-05.parquet", f"select {WHO}, {{'id': 8}} as good, 'i1' as item")
    door.land()
    assert door.query("select item_id from events where source = 'app'") == [("8",)]
    assert door.query("select item_id from events where source = 'web' order by event_id") == [("7",), ("i1",), ("a",), ("2",)]


def test_a_prefix_keeps_apart_what_two_sources_number_by_themselves(make_door):
    prefixed = TILL["columns"] | {"order_id": {"from": "order", "prefix": "till-"}, "user_id": {"from": "customer", "prefix": "till-"}}
    door = make_door(TILL, TILL | {"name": "shop_till", "files": "shop/{date}.csv", "columns": prefixed})
    for folder in ("till", "shop"):
        door.deliver(f"{folder}/2026-01-05.csv", till(ORDER))
    door.land()
    assert door.query("select order_id, visitor_key from events order by source desc") == [
        ("o1", ANNA),
        ("till-o1", visitor_key([KEY], "user", "tiny", "till-anna.user")),
    ]


def test_what_is_missing_has_no_prefix(make_door):
    prefixed = TILL["columns"] | {"order_id": {"from": "order", "prefix": "till-"}}
    door = make_door(TILL | {"event_type": {"default": "product_viewed"}, "columns": prefixed})
    door.deliver("till/2026-01-05.csv", till(ORDER.removeprefix("o1")))
    door.land()
    assert door.query("select order_id from events") == [(None,)]


def test_a_session_id_that_is_unique_per_visitor_tells_visitors_apart(make_door):
    session = {"from": "session", "per_visitor": True}
    door = make_door(WEB | {"columns": WEB["columns"] | {"session_id": session}})
    who = [("anna.user", "phone-1"), ("bob.user", "phone-2"), ("bob.user", "phone-2"), (None, "phone-1"), ("anna.user", None)]
    records = [view(number, user=user, device=device, session="1767603600") for number, (user, device) in enumerate(who)]
    door.deliver("events/2026-01-05.jsonl", [*records, view(9, session=None), view(10, session="1767603601")])
    door.land()
    found = dict(door.query("select event_id, session_id from events"))
    assert found["web:e9#1"] is None
    anna, bob, bob_again, phone, elsewhere, other = (found[f"web:e{number}#1"] for number in (0, 1, 2, 3, 4, 10))
    assert bob == bob_again and anna == phone  # before and after log-in on one device
    assert len({anna, bob, elsewhere, other}) == 4
    assert not any("1767603" in session for session in (anna, bob, elsewhere, other))


LINKS = {"name": "crm", "kind": "links", "format": "csv", "files": "crm/{date}.csv"}


def test_links_tie_devices_and_other_ids_to_users(make_door):
    devices = LINKS | {"columns": {"user_id": "id", "anonymous_id": "other", "linked_at": "since"}}
    others = LINKS | {"name": "old", "files": "old/{date}.csv", "columns": {"user_id": "id", "other_user_id": "other"}}
    door = make_door(WEB, devices, others, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    door.deliver(
        "crm/2026-01-05.csv", "id,other,since\nanna.user,phone-1,2026-01-03\n,phone-2,\nanna.user,,\nbob.user,p,2026-02-01\nbob.user,p,x\n"
    )
    door.deliver("old/2026-01-05.csv", "id,other\nanna.user,bob.user\n")
    assert "read 7 = landed 3 + quarantined 4" in door.land()
    fields = "source, visitor_key, linked_key, is_device, strftime(linked_at, '%m-%d %H'), landed_date::varchar"
    assert door.query(f"select {fields} from links order by source") == [
        ("crm", ANNA, PHONE, True, "01-02 23", "2026-01-05"),
        ("old", ANNA, BOB, False, None, "2026-01-05"),
    ]
    assert [reason for _, reason in door.reasons()] == [
        "names no user",
        "links the user to nothing",
        "linked_at is more than 1 day(s) after delivery",
        "linked_at is not a time",
    ]


def test_a_link_is_known_since_it_was_first_named(make_door):
    door = make_door(WEB, LINKS | {"columns": {"user_id": "id", "anonymous_id": "other", "linked_at": "since"}})
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    times = ("", "2026-01-04", "2026-01-02", "2026-01-03")
    door.deliver("crm/2026-01-05.csv", "id,other,since\n" + "".join(f"anna.user,phone-1,{time}\n" for time in times))
    assert "duplicate 3" in door.land()
    assert door.query("select strftime(linked_at, '%m-%d') from links") == [("01-01",)]  # midnight in Berlin


def test_others_events_are_skipped_whatever_they_hold(make_door):
    door = make_door(WEB | {"event_type": WEB["event_type"] | {"skip_others": True}}, max_refused_share=1)
    others = [view(2, event="custom"), view(3, event=None), view(4, event="custom", at="never", item=None, lines="no list", price=-1)]
    door.deliver("events/2026-01-05.jsonl", [view(1), *others, view(5, item=None), view(6, lines="no list"), [7]])
    assert "read 7 = landed 1 + quarantined 3 + duplicate 0 + skipped 3" in door.land()
    assert door.reasons() == [(5, "names no item"), (6, "lines is no array"), (7, "not a JSON object")]
    assert [entry.skipped for entry in door.entries] == [{"event type is declared to be none of ours": 3}]


def test_without_skip_others_an_unknown_event_is_refused(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1, event="custom"), view(2, event=None)])
    web_door.land()
    assert web_door.reasons() == [(1, "unknown event type"), (2, "unknown event type")]


def test_a_column_of_canonical_names_needs_no_map(make_door):
    door = make_door(WEB | {"event_type": {"from": "event"}}, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", [view(1, event="product_clicked"), view(2, event="view")])
    door.land()
    assert door.query("select event_type from events") == [("product_clicked",)]
    assert door.reasons() == [(2, "unknown event type")]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"columns": WEB["columns"] | {"item_id": "a[b"}}, "a\\[b: not a path"),
        ({"columns": WEB["columns"] | {"item_id": "a[key=]"}}, "not a path"),
        ({"columns": WEB["columns"] | {"item_id": {"from": "a", "separator": "/"}}}, "columns.item_id.separator: only for category"),
        ({"columns": WEB["columns"] | {"item_id": {"from": "a", "per_visitor": True}}}, "per_visitor: only for session_id"),
        ({"skip": [{"reason": "x", "when": [{"column": "a..b", "is_missing": True}]}]}, "a..b: not a path"),
        ({"lines": "a[key=b].c"}, "lines: a path to one list"),
        ({"lines": None}, "needs lines"),
        ({"encoding": "utf-99"}, "encoding: no such encoding: utf-99"),
        ({"encoding": "hex"}, "encoding: no such encoding: hex"),
        ({"column_names": ["a"]}, "column_names: only for format csv"),
        ({"delimiter": ","}, "delimiter: only for format csv"),
        ({"format": "parquet", "encoding": "latin-1"}, "encoding: only for text"),
        ({"columns": WEB["columns"] | {"event_at": {"from": "at", "format": "unix_ms", "timezone": "UTC"}}}, "timezone: .* in no zone"),
        (
            {"kind": "items", "event_type": None, "lines": None, "columns": {"item_id": "sku"}, "anonymous_orders": True},
            "anonymous_orders: only for kind events",
        ),
        ({"files": "{day}.jsonl"}, "needs {date}"),
        ({"kind": "items", "event_type": None, "columns": {"item_id": {"line": "sku"}}}, "lines: only for kind events"),
    ],
)
def test_what_a_source_cannot_mean_is_said_when_the_shop_file_is_read(make_door, change, fault):
    with pytest.raises(ValidationError, match=fault):
        make_door(WEB | change)


ONE = json.dumps({"id": "anna.user", "firstName": "Anna", "deep": [{"key": "vip", "value": "yes"}]})
GOODS = json.dumps({"goods": [{"sku": "a", "price": 1.5}, {"sku": "b", "price": 2}]})
CART = TILL | {
    "delimiter": ";",
    "lines": "cart.goods",
    "columns": {
        "user_id": "who.id",
        "event_at": "at",
        "order_id": "order.no",
        "item_id": {"line": "sku"},
        "price": {"line": "price"},
        "campaign_id": "who.deep[key=vip].value",
    },
}


def cart(*rows: tuple[str, str, str]) -> str:
    """A CSV whose columns who and cart hold JSON, and whose column order.no has a dot in its name."""
    fields = (f'o;2026-01-05 10:00:00;"{who}";"{goods}";{number}' for who, goods, number in rows)
    return "\n".join(["x;at;who;cart;order.no", *(field for field in fields)]) + "\n"


def in_csv(text: str) -> str:
    return text.replace('"', '""')


def test_a_path_goes_on_in_a_csv_column_that_holds_json(make_door):
    door = make_door(CART)
    door.deliver("till/2026-01-05.csv", cart((in_csv(ONE), in_csv(GOODS), "o1"), (in_csv(ONE), in_csv('{"goods": [{"sku": 7}]}'), "o2")))
    assert "read 2 = landed 2 + quarantined 0 + duplicate 0 + skipped 0, 1 files, 3 event lines" in door.land()
    assert door.query("select visitor_key, order_id, item_id, price::double, campaign_id from events order by order_id, item_id") == [
        (ANNA, "o1", "a", 1.5, "yes"),
        (ANNA, "o1", "b", 2.0, "yes"),
        (ANNA, "o2", "7", None, "yes"),
    ]


def test_broken_json_in_a_csv_column_is_refused_and_names_the_column(make_door):
    door = make_door(CART, max_refused_share=1)
    rows = [("{broken", in_csv(GOODS), "o1"), (in_csv(ONE), "[1", "o2"), (in_csv(ONE), in_csv('{"goods": "none"}'), "o3"), ("", "", "o4")]
    door.deliver("till/2026-01-05.csv", cart(*rows))
    assert "read 4 = landed 0 + quarantined 4" in door.land()
    assert [reason for _, reason in door.reasons()] == [
        "who is not valid JSON",
        "cart is not valid JSON",
        "lines is no array",
        "names no user",
    ]


def test_quarantine_keeps_no_private_field_of_json_in_a_csv_column(make_door):
    door = make_door(CART, max_refused_share=1)
    door.deliver("till/2026-01-05.csv", cart((in_csv(ONE), in_csv('{"goods": [{"sku": null}]}'), "o1")))
    door.land()
    ((raw,),) = door.query("select raw from quarantine")
    assert "Anna" not in raw and "anna" not in raw
    assert in_csv(json.dumps({"id": f"user:{ANNA}"})[1:-1]) in raw and "vip" in raw


def test_a_csv_without_the_column_of_a_path_is_refused_and_names_it(make_door):
    door = make_door(CART)
    door.deliver("till/2026-01-05.csv", cart().replace("who", "whom").replace("cart", "basket"))
    with pytest.raises(StepError, match=r"has no column who.id, who.deep.*, cart.goods with a list"):
        door.land()
