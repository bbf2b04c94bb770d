"""Pseudonyms: test vectors, DuckDB against Python's own HMAC, and that no raw id or key gets through the door."""

import hashlib
import hmac
import json
import logging
import re
import subprocess
import sys
from dataclasses import replace
from uuid import UUID

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.pseudonyms import make_visitors, mapped_on, mapped_on_in_text, parameters, visitor_key
from ingestion.user_key import user_key
from settings import PROJECT_ROOT, Settings
from steps import StepError
from tests.ingestion.door import KEY, TILL, WEB, till, view

FIRST, SECOND = bytes(range(32)), bytes(range(32, 64))  # 000102…1e1f and 202122…3e3f
# printf 'user:demo:42' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1e1f, the first 32 digits
USER_42 = "036fec2e-8bdf-6eac-b73f-e9bfc6d308c2"
ANON_42 = "16e1fcce-cb0d-39fa-0cf6-7c04b3d9969e"
# printf 036fec2e8bdf6eacb73fe9bfc6d308c2 | xxd -r -p | openssl dgst -sha256 -mac HMAC -macopt hexkey:202122…3e3f
USER_42_MAPPED_ON = "1e11637e-4ae7-b7a3-8f09-0bef24d2afbe"
AWKWARD = ["1", "anna@example.com", "Ünïcødé", 'quo"te', "back\\slash", "new\nline", "x" * 300, "17850.0"]
KEYS = st.lists(st.binary(min_size=16, max_size=80), min_size=1, max_size=4)


def chained(keys, message):
    """The keys of the chain so far, each by Python's own HMAC: the first is the base, the last the published key."""
    links = [message]
    for key in keys:
        links.append(hmac.new(key, links[-1], "sha256").digest()[:16])
    return [UUID(bytes=link) for link in links[1:]]


def visitors(keys, namespace, ids):
    with duckdb.connect() as connection:
        connection.execute("create table ids as select unnest($ids) as id", {"ids": ids})
        make_visitors(connection, keys, namespace, "select 'user' as kind, id from ids union all select 'anon', id from ids")
        return {
            (kind, id_): (base, key) for kind, id_, base, key in connection.execute("select kind, id, base, key from visitors").fetchall()
        }


def test_the_known_vectors_hold():
    assert str(visitor_key([FIRST], "user", "demo", "42")) == USER_42
    assert str(visitor_key([FIRST], "anon", "demo", "42")) == ANON_42
    assert str(visitor_key([FIRST, SECOND], "user", "demo", "42")) == USER_42_MAPPED_ON


def test_the_vectors_in_the_page_hold():
    page = (PROJECT_ROOT / "docs" / "operate.md").read_text()
    rows = re.findall(r"^\| `([0-9a-f,]+)` \| `(user|anon):demo:(\S+)` \| `([0-9a-f-]{36})` \|$", page, re.MULTILINE)
    assert len(rows) == 4
    for keys, kind, raw_id, expected in rows:
        assert chained(map(bytes.fromhex, keys.split(",")), f"{kind}:demo:{raw_id}".encode())[-1] == UUID(expected)


@pytest.mark.parametrize("length", [16, 32, 64, 65, 200])
def test_duckdb_computes_what_pythons_hmac_does(length):
    key = (hashlib.sha512(b"seed").digest() * 4)[:length]
    expected = {(kind, id_): chained([key], f"{kind}:shop:{id_}".encode()) for kind in ("user", "anon") for id_ in AWKWARD}
    assert visitors([key], "shop", AWKWARD) == {visitor: (key, key) for visitor, (key,) in expected.items()}


@settings(max_examples=60, deadline=None)
@given(keys=KEYS, ids=st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1, max_size=5))
def test_a_chain_of_keys_gives_the_same_in_duckdb_and_in_python(keys, ids):
    found = visitors(keys, "shop", ids)
    assert found.keys() == {(kind, id_) for kind in ("user", "anon") for id_ in ids}
    for (kind, id_), (base, key) in found.items():
        links = chained(keys, f"{kind}:shop:{id_}".encode())
        assert (base, key) == (links[0], links[-1])
        assert visitor_key(keys, kind, "shop", id_) == key


@settings(max_examples=60, deadline=None)
@given(key=st.binary(min_size=16, max_size=80), before=st.lists(st.uuids() | st.none(), min_size=1))
def test_a_column_mapped_on_holds_what_the_longer_chain_gives(key, before):
    with duckdb.connect() as connection:
        query = f"select {mapped_on('old')} from (select unnest($before::uuid[]) as old)"
        found = [new for (new,) in connection.execute(query, {"before": before} | parameters([key])).fetchall()]
    assert found == [old and chained([key], old.bytes)[0] for old in before]


@settings(max_examples=60, deadline=None)
@given(
    key=st.binary(min_size=16, max_size=80),
    pieces=st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"))
        | st.uuids().map(str)
        | st.tuples(st.sampled_from(["user", "anon", "trait"]), st.uuids())
    ),
)
def test_in_a_text_the_named_pseudonyms_are_mapped_on_and_nothing_else(key, pieces):
    def text(name):
        return "|".join(piece if isinstance(piece, str) else name(*piece) for piece in pieces)

    with duckdb.connect() as connection:
        query = f"select {mapped_on_in_text('old')}, {mapped_on_in_text('null::varchar')} from (select $old as old)"
        found = connection.execute(query, {"old": text(lambda kind, old: f"{kind}:{old}")} | parameters([key])).fetchone()
    assert found == (text(lambda kind, old: f"{kind}:{chained([key], old.bytes)[0]}"), None)


def test_shops_of_one_namespace_share_their_visitors(web_door):
    its, shop = web_door.settings, web_door.shop
    sister, stranger = (shop.model_copy(update={"name": "other", "namespace": namespace}) for namespace in ("tiny", None))
    assert user_key(its, sister, "42") == user_key(its, shop, "42") != user_key(its, stranger, "42")


def test_the_user_key_of_an_id_is_the_one_in_the_lake(web_door):
    web_door.deliver("events/2026-01-05.jsonl", [view(1, user="42"), view(2, user=None, device="42")])
    web_door.land()
    expected = [(user_key(web_door.settings, web_door.shop, " 42 "),), (user_key(web_door.settings, web_door.shop, "42", is_device=True),)]
    assert web_door.query("select visitor_key::varchar from events order by event_id") == expected


def test_the_command_prints_a_key_or_says_what_is_missing(tmp_path):
    command = [sys.executable, "-m", "ingestion.user_key", "42", "--shop", "shops/demo.yml"]
    environment = {"NIGHTCART_DATA": str(tmp_path), "PATH": "/usr/bin:/bin"}
    keyed = subprocess.run(command, cwd=PROJECT_ROOT, env=environment | {"NIGHTCART_HMAC_KEY": KEY.hex()}, capture_output=True, text=True)
    assert (keyed.stdout.strip(), keyed.returncode) == (USER_42, 0)
    chain = environment | {"NIGHTCART_HMAC_KEY": f"{FIRST.hex()},{SECOND.hex()}"}
    assert subprocess.run(command, cwd=PROJECT_ROOT, env=chain, capture_output=True, text=True).stdout.strip() == USER_42_MAPPED_ON
    keyless = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert keyless.returncode == 1
    assert "`make setup` makes one" in keyless.stderr and "Traceback" not in keyless.stderr


def test_there_is_no_key_without_an_id_or_a_secret(web_door):
    with pytest.raises(StepError, match="id is empty"):
        user_key(web_door.settings, web_door.shop, "  ")
    with pytest.raises(StepError, match="NIGHTCART_HMAC_KEY"):
        user_key(replace(web_door.settings, hmac_keys=()), web_door.shop, "42")


@pytest.mark.parametrize(
    "text", ["00112233445566778899aabbccddeeff,", "00112233445566778899aabbccddeeff,0011", "00112233445566778899aabbccddeeff;ff" * 2]
)
def test_a_chain_with_something_else_than_a_key_in_it_is_refused_and_not_repeated(text):
    with pytest.raises(ValueError, match="NIGHTCART_HMAC_KEY is") as refused:
        Settings.from_environment({"NIGHTCART_HMAC_KEY": text})
    assert "0011" not in str(refused.value)


def test_no_raw_id_and_no_key_gets_through_the_door(make_door, caplog):
    caplog.set_level(logging.DEBUG)
    door = make_door(WEB, TILL, max_refused_share=1)
    ids = {"plain": "anna.user-77", "quotes": 'bo"b\\77', "unicode": "jürgen77", "short": "q7"}
    bad = [{"price": -1}, {"item": None}, {"at": "never"}, {"event": "scroll"}, {"quantity": 0}, {}]
    records = [
        view(f"{name}{number}", user=id_, device=f"dev-{id_}", page=f"/account/{id_}?x", **change)
        for name, id_ in ids.items()
        for number, change in enumerate(bad)
    ]
    text = "".join(json.dumps(record, ensure_ascii=number % 2 == 0) + "\n" for number, record in enumerate(records)).encode()
    half = text.splitlines()[0][:-20]
    door.deliver("events/2026-01-05.jsonl", b"\n".join([text.strip(), half, half.replace(b'"', b""), half + b"\xff"]))
    quoted = ['"' + id_.replace('"', '""') + '"' for id_ in ids.values()]
    lines = [f"o{quantity},i1,{quantity},1,2026-01-05 10:00:00,{id_}" for id_ in quoted for quantity in (1, 0)]
    door.deliver("till/2026-01-05.csv", till(*lines, "o9,i1,anna.user-77", 'o9,"i"1,1,1,anna.user-77,anna.user-77'))
    door.land()
    stored = " ".join(str(value) for table in ("events", "quarantine") for row in door.query(f"select * from {table}") for value in row)
    files = b"".join(path.read_bytes() for path in door.paths.root.rglob("*") if path.is_file() and door.landing not in path.parents)
    for id_ in (ids["plain"], "dev-", 'bo"b', 'bo\\"b', ids["unicode"], "rgen77", "anna.user"):
        assert id_ not in stored and id_.encode() not in files
    assert " q7 " not in stored and '"q7"' not in stored
    assert KEY not in files and KEY.hex().encode() not in files and KEY.hex() not in caplog.text
    assert "user:" in stored and "anon:" in stored


def test_quarantine_keeps_the_rest_of_a_refused_record(web_door):
    record = view(1, user="anna.user", device="dev-1", price=-1, note="see /u/anna.user")
    web_door.deliver("events/2026-01-05.jsonl", [record])
    web_door.land()
    user, device = (
        user_key(web_door.settings, web_door.shop, "anna.user"),
        user_key(web_door.settings, web_door.shop, "dev-1", is_device=True),
    )
    ((source, file, raw),) = web_door.query("select source, file, raw from quarantine")
    assert (source, file) == ("web", "events/2026-01-05.jsonl")
    assert json.loads(raw) == record | {"user": f"user:{user}", "device": f"anon:{device}", "note": f"see /u/user:{user}"}


def test_of_a_record_too_broken_for_its_id_quarantine_keeps_the_shape(web_door):
    web_door.deliver("events/2026-01-05.jsonl", '{"user": "anna.user", "price": 12.5, "it\n')
    web_door.land()
    assert web_door.query("select reason, raw from quarantine") == [("not valid JSON", '{"x": "x", "x": x, "x')]
