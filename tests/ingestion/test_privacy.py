"""What is private besides ids stays out of the lake and out of quarantine."""

import json

import duckdb
import pytest

from ingestion.privacy import DROPPED, Names, without_private_text
from ingestion.pseudonyms import visitor_key
from shop import Privacy
from steps import StepError
from tests.ingestion.door import KEY, TILL, TILL_HEADER, WEB, new_door, view

ANNA = visitor_key([KEY], "user", "tiny", "anna.user")
CONTACTS = ("anna@example.com", "Anna.Muster%40example.co.uk", "+49 30 1234567", "030 1234567", "198.51.100.7", "2001:db8:0:1:1:1:1:1")


def value(sql: str) -> str:
    with duckdb.connect() as connection:
        return connection.execute(f"select {sql}").fetchone()[0]


@pytest.mark.parametrize(
    "name",
    [
        "email",
        "E-Mail",
        "billing_email",
        "Shipping Address",
        "phone",
        "phoneNumber",
        "context.ip",
        "first name",
        "LastName",
        "zip",
        "user_ipaddress",
    ],
)
def test_private_fields_are_known_by_their_names(name):
    assert Names(Privacy()).is_private(name)


@pytest.mark.parametrize("name", ["item_id", "price", "emailed", "country", "ship", "description", "timestamp", "recipe", "template"])
def test_other_names_are_not_private(name):
    assert not Names(Privacy()).is_private(name)


def test_the_shop_file_adds_names_and_takes_them_away():
    names = Names(Privacy(drop=("loyalty_card",), keep=("zip",)))
    assert (names.is_private("Loyalty-Card"), names.is_private("zip")) == (True, False)


@pytest.mark.parametrize("keep", ["email", "E-Mail", "e_mail", "eMail"])
def test_what_a_shop_keeps_is_kept_in_every_spelling(keep):
    names = Names(Privacy(keep=(keep,)))
    assert [names.is_private(name) for name in ("email", "E-Mail", "e_mail", "mail", "e_mail_address")] == [False, False, False, True, True]


def test_the_name_of_goods_is_not_private():
    assert not Names(Privacy(), are_of_items=True).is_private("name")


@pytest.mark.parametrize("contact", CONTACTS)
def test_contacts_in_texts_are_found(contact):
    assert value(without_private_text(f"'ask {contact} today'")) == f"ask {DROPPED} today"


@pytest.mark.parametrize(
    "text", ["2026-01-05T10:00:00+01:00", "2026-01-05 10:00:00", "item 00123456", "12.50", "o-10 20 30", "1,234.50", "v1.2.3"]
)
def test_times_numbers_and_ids_are_no_contacts(text):
    assert value(without_private_text(f"'{text}'")) == text


def test_private_fields_of_json_are_dropped_at_any_depth():
    record = {
        "item": "i1",
        "context": {"ip": "::1", "traits": {"firstName": 'An"na', "age": 7, "address": {"street": "Ring 1", "city": "Ulm"}, "phones": [1]}},
        "phone": 49301234567,
        "products": [{"sku": "a", "recipient": None}],
    }
    text = json.dumps(record, separators=(",", ":")).replace("'", "''")
    assert json.loads(value(Names(Privacy()).without_private(f"'{text}'"))) == {
        "item": "i1",
        "context": {"ip": DROPPED, "traits": {"firstName": DROPPED, "age": 7, "address": DROPPED, "phones": [1]}},
        "phone": DROPPED,
        "products": [{"sku": "a", "recipient": DROPPED}],
    }


def test_neither_lake_nor_quarantine_holds_a_contact(tmp_path):
    users = {
        "name": "people", "kind": "users", "format": "csv", "files": "people/{date}.csv", "columns": {"user_id": "id"},
        "traits": ["country", "email", "note", "extra"],
    }  # fmt: skip
    door = new_door(tmp_path, WEB, TILL, users, max_refused_share=1)
    context = {"ip": "198.51.100.7", "traits": {"email": "anna@example.com", "phone": "+49 30 1234567", "name": "Anna Muster"}}
    search = view(1, event="search", query="anna@example.com shoe", context=context)
    records = [search, view(2, price=-1, context=context), view(3, price="x", note="call +49 30 1234567")]
    door.deliver("events/2026-01-05.jsonl", records)
    till_line = "o1,i1,0,1,2026-01-05 10:00:00,anna.user,anna@example.com,Ring 1,call 030 1234567\n"
    door.deliver("till/2026-01-05.csv", TILL_HEADER + ",email,street,note\n" + till_line)
    extra = json.dumps({"phone": "030 1234567", "plan": "a"}).replace('"', '""')
    door.deliver("people/2026-01-05.csv", f'id,country,email,note,extra\nanna.user,DE,anna@example.com,mail anna@example.com,"{extra}"\n')
    door.land()
    landed = repr(door.query("from events")) + repr(door.query("from users")) + repr(door.query("from quarantine"))
    for contact in ("anna@example.com", "1234567", "198.51.100.7", "Ring 1", "Muster", "anna.user"):
        assert contact not in landed
    assert door.query("select query from events") == [(f"{DROPPED} shoe",)]
    ((traits,),) = door.query("select traits from users")
    assert json.loads(traits) == {"country": "DE", "note": f"mail {DROPPED}", "extra": f'{{"phone":"{DROPPED}", "plan": "a"}}'}
    raws = [raw for (raw,) in door.query("select raw from quarantine order by file, line")]
    assert json.loads(raws[0])["item"] == "i1"
    assert raws[-1] == f"o1,i1,0,1,2026-01-05 10:00:00,user:{ANNA},{DROPPED},{DROPPED},call {DROPPED}"


def test_a_hashed_trait_is_a_pseudonym_of_its_value(tmp_path):
    users = {
        "name": "people", "kind": "users", "format": "csv", "files": "people.csv", "columns": {"user_id": "id"}, "traits": ["email"],
    }  # fmt: skip
    door = new_door(tmp_path, WEB, users)
    door.shop = door.shop.model_copy(update={"privacy": Privacy(hash=("email",))})
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    door.deliver("people.csv", "id,email\na,anna@example.com\nb,bob@example.com\nc,anna@example.com\n")
    door.land()
    traits = [json.loads(traits)["email"] for (traits,) in door.query("select traits from users")]
    assert len(set(traits)) == 2
    assert all(trait.startswith("trait:") and len(trait) == 42 for trait in traits)


def test_private_objects_go_whole_however_deep_they_are():
    record = {
        "address": {"lines": ["Ring 1", {"co": "Muster"}], "geo": {"at": {"lat": [51, {"x": "}"}]}}},
        "phone": ["0301", ["0302", {"work": "0303"}]],
        "keep": {"lines": ["a", {"b": [1, {"c": "d"}]}]},
        "user_properties": [{"key": "first_name", "value": {"string_value": "Anna"}}, {"key": "plan", "value": {"string_value": "gold"}}],
    }
    text = json.dumps(record).replace("'", "''")
    assert json.loads(value(Names(Privacy()).without_private(f"'{text}'"))) == {
        "address": DROPPED,
        "phone": DROPPED,
        "keep": record["keep"],
        "user_properties": [{"key": "first_name", "value": DROPPED}, record["user_properties"][1]],
    }


def test_a_trait_is_private_by_its_path_or_its_name(tmp_path):
    people = {
        "name": "people", "kind": "users", "format": "json_lines", "files": "people.jsonl", "columns": {"user_id": "id"},
        "traits": {
            "plan": "traits.plan", "contact": "traits.email", "phone": "traits.anything", "where": "facts[key=address].value",
            "card": "traits.loyalty_card",
        },
    }  # fmt: skip
    door = new_door(tmp_path, WEB, people)
    door.shop = door.shop.model_copy(update={"privacy": Privacy(hash=("loyalty_card",))})
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    traits = {"plan": "gold", "email": "secret1", "anything": "secret2", "loyalty_card": "secret3"}
    door.deliver("people.jsonl", [{"id": "anna.user", "traits": traits, "facts": [{"key": "address", "value": "secret4"}]}])
    door.land()
    ((kept,),) = door.query("select traits from users")
    assert json.loads(kept) == {"plan": "gold", "card": f"trait:{visitor_key([KEY], 'trait', 'tiny', 'secret3')}"}


def refused(door, source: dict, name: str, content) -> list[str]:
    """The raw texts that quarantine keeps of a file."""
    door.deliver(name, content)
    door.land()
    return [raw for (raw,) in door.query(f"select raw from quarantine where source = '{source['name']}' order by line")]


def test_an_id_that_gets_a_prefix_is_no_raw_id_in_quarantine(tmp_path):
    prefixed = TILL | {"columns": TILL["columns"] | {"user_id": {"from": "customer", "prefix": "till-"}}}
    door = new_door(tmp_path, prefixed, max_refused_share=1)
    content = TILL_HEADER + "\no1,i1,0,1,2026-01-05 10:00:00,anna.user\n"
    key = visitor_key([KEY], "user", "tiny", "till-anna.user")
    assert refused(door, prefixed, "till/2026-01-05.csv", content) == [f"o1,i1,0,1,2026-01-05 10:00:00,user:{key}"]


@pytest.mark.parametrize("lines", ["lines", None])
def test_a_second_id_of_a_visitor_is_no_raw_id_in_quarantine(tmp_path, lines):
    columns = {"user_id": {"from": ["user", "old.id"]}, "anonymous_id": "device", "event_at": "at", "item_id": "item"}
    two = WEB | {"lines": lines, "columns": columns}
    door = new_door(tmp_path, two, max_refused_share=1)
    record = view(1, item=None, device="anna.user/dev", old={"id": 'olga\\1"x'}, note='once olga\\1"x')
    (raw,) = refused(door, two, "events/2026-01-05.jsonl", [record])
    assert json.loads(raw) == record | {
        "user": f"user:{ANNA}",
        "device": f"anon:{visitor_key([KEY], 'anon', 'tiny', 'anna.user/dev')}",
        "old": {"id": f"user:{ANNA}"},
        "note": f"once user:{ANNA}",
    }


@pytest.mark.parametrize("short_id", ["7", "#7", "7!", "\\1"])
def test_short_ids_are_replaced_as_words_of_any_characters(tmp_path, short_id):
    door = new_door(tmp_path, WEB, max_refused_share=1)
    (raw,) = refused(door, WEB, "events/2026-01-05.jsonl", [view(1, user=short_id, item=None, note="e77")])
    assert json.loads(raw)["user"] == f"user:{visitor_key([KEY], 'user', 'tiny', short_id)}"
    assert json.loads(raw)["note"] == "e77"


def test_the_other_id_of_a_refused_link_is_no_raw_id_in_quarantine(tmp_path):
    links = {
        "name": "crm", "kind": "links", "format": "csv", "files": "crm.csv",
        "columns": {"user_id": "id", "other_user_id": "old", "linked_at": "since"},
    }  # fmt: skip
    door = new_door(tmp_path, WEB, links, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", [view(1)])
    keys = [visitor_key([KEY], "user", "tiny", name) for name in ("anna.user", "olga.old")]
    assert refused(door, links, "crm.csv", "id,old,since\nanna.user,olga.old,long ago\n") == [f"user:{keys[0]},user:{keys[1]},long ago"]


@pytest.mark.parametrize("ids", [{"user": "anna." * 180_000}, {"account": "anna." * 180_000, "price": "x"}], ids=["first", "second"])
def test_an_endless_id_is_refused_without_a_trace_and_without_delay(tmp_path, ids):
    door = new_door(tmp_path, WEB | {"columns": WEB["columns"] | {"user_id": ["user", "account"]}}, max_refused_share=1)
    door.deliver("events/2026-01-05.jsonl", [view(1, **ids), view(2)])
    door.land()
    ((raw,),) = door.query("select raw from quarantine")
    assert "anna.anna" not in raw


def test_a_first_line_that_is_no_header_stands_in_no_message(tmp_path):
    door = new_door(tmp_path, TILL)
    door.deliver("till/2026-01-05.csv", "o1,i1,1,5,2026-01-05,anna@example.com\n")
    with pytest.raises(StepError, match="is its first line a header") as refusal:
        door.land()
    assert "anna" not in str(refusal.value)


def test_a_name_in_the_shop_file_is_no_pattern():
    names = Names(Privacy(drop=("name (private)", "c++"), hash=("club[no]",)))
    assert names.is_private("Name (Private)") and names.is_private("c++") and names.is_hashed("club[no]")


def test_private_fields_of_json_in_a_text_of_json_are_dropped():
    inner = {"first_name": 'Anna "Q" \\ back', "city": "Rome", "address": {"lines": ["Via 1", {"x": "Via 2"}]}, "phone": 12}
    pair = {"key": "email", "value": {"string_value": "Anna at home"}}
    record = json.dumps({"extra": json.dumps(inner), "last": json.dumps([pair, {"key": "plan", "value": "gold"}])})
    with duckdb.connect() as connection:
        (found,) = connection.execute(f"select {Names(Privacy()).without_private('$record')}", {"record": record}).fetchone()
    found = {name: json.loads(text) for name, text in json.loads(found).items()}
    assert found["extra"] == {"first_name": DROPPED, "city": "Rome", "address": DROPPED, "phone": DROPPED}
    assert found["last"] == [{"key": "email", "value": DROPPED}, {"key": "plan", "value": "gold"}]
