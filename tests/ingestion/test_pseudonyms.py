"""Pseudonyms: test vectors, DuckDB against Python's own HMAC, and that no raw id or key gets through the door."""

import hashlib
import hmac
import json
import logging
import subprocess
import sys
from dataclasses import replace
from uuid import UUID

import duckdb
import pytest

from ingestion.pseudonyms import make_visitors, visitor_key
from ingestion.user_key import user_key
from settings import PROJECT_ROOT
from steps import StepError
from tests.ingestion.door import KEY, TILL, WEB, till, view

# printf 'user:demo:42' | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1e1f, the first 32 digits
USER_42 = "036fec2e-8bdf-6eac-b73f-e9bfc6d308c2"
ANON_42 = "16e1fcce-cb0d-39fa-0cf6-7c04b3d9969e"
AWKWARD = ["1", "anna@example.com", "Ünïcødé", 'quo"te', "back\\slash", "new\nline", "x" * 300, "17850.0"]


def test_the_documented_vectors_hold():
    key = bytes.fromhex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
    assert str(visitor_key(key, "user", "demo", "42")) == USER_42
    assert str(visitor_key(key, "anon", "demo", "42")) == ANON_42


@pytest.mark.parametrize("length", [16, 32, 64, 65, 200])
def test_duckdb_computes_what_pythons_hmac_does(length):
    key = hashlib.sha512(b"seed").digest() * 4
    with duckdb.connect() as connection:
        connection.execute("create table ids as select unnest($ids) as id", {"ids": AWKWARD})
        make_visitors(connection, key[:length], "shop", "select 'user' as kind, id from ids union all select 'anon', id from ids")
        found = {(kind, id_): value for kind, id_, value in connection.execute("select * from visitors").fetchall()}
    assert found == {
        (kind, id_): UUID(hmac.new(key[:length], f"{kind}:shop:{id_}".encode(), "sha256").hexdigest()[:32])
        for kind in ("user", "anon")
        for id_ in AWKWARD
    }


def test_shops_of_one_namespace_share_their_visitors(web_door):
    settings, shop = web_door.settings, web_door.shop
    sister, stranger = (shop.model_copy(update={"name": "other", "namespace": namespace}) for namespace in ("tiny", None))
    assert user_key(settings, sister, "42") == user_key(settings, shop, "42") != user_key(settings, stranger, "42")


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
    keyless = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert keyless.returncode == 1
    assert "`make setup` makes one" in keyless.stderr and "Traceback" not in keyless.stderr


def test_there_is_no_key_without_an_id_or_a_secret(web_door):
    with pytest.raises(StepError, match="id is empty"):
        user_key(web_door.settings, web_door.shop, "  ")
    with pytest.raises(StepError, match="NIGHTCART_HMAC_KEY"):
        user_key(replace(web_door.settings, hmac_key=None), web_door.shop, "42")


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
