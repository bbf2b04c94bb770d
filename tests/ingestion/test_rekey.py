"""A change of the key: every pseudonym is mapped on once, wherever the change is killed, and nothing else changes."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import duckdb
import pytest

import rotation
import warehouse
from ingestion.pseudonyms import visitor_key
from ingestion.rekey import rekey
from ingestion.user_key import user_key
from settings import PROJECT_ROOT, Settings
from steps import StepError
from tests.ingestion.door import KEY, TILL, WEB, Door, new_door, till, view

NEW_KEY = bytes(range(100, 132))
IDS = {"user": ["anna", "bert", "cora"], "anon": ["dev-1", "dev-2"]}
FAULTS = (
    "file_staged", "staged", "key_kept", "prepared", "file_moved", "moved", "warehouse_removed", "key_written", "cleared_up",
)  # fmt: skip
# a rotation in a process of its own, so that a fault point can kill it; the key comes in where no other process sees it
CHILD = (
    "import sys, shop as shops; from ingestion.rekey import rekey; from settings import Settings;"
    "print(rekey(Settings.from_environment(), [shops.Shop.model_validate_json(sys.argv[1])], bytes.fromhex(sys.stdin.read())))"
)


def landed_door(folder: Path) -> Door:
    """A shop with events that carry ids of their own and some that do not, refused records, users, predictions and a warehouse."""
    users = {
        "name": "crm", "kind": "users", "format": "json_lines", "files": "users/{date}.jsonl",
        "columns": {"user_id": "id", "consent_personalization": "consent"}, "traits": ["city"],
    }  # fmt: skip
    door = new_door(folder, WEB, TILL, users, max_refused_share=1)
    anna, both = {"user": "anna", "device": "dev-1"}, {"user": "bert", "device": "dev-2"}
    door.deliver("events/2026-01-05.jsonl", [view(1, **anna), view(2, user=None, device="dev-2"), view(3, user="bert")])
    door.deliver("events/2026-01-06.jsonl", [view(4, **anna, price=-1), view(5, **both, item=None), view(1, **anna)])
    door.deliver("till/2026-01-06.csv", till(*2 * ["o1,i1,2,9.5,2026-01-06 10:00:00,anna"]))
    door.deliver("users/2026-01-06.jsonl", [{"id": "anna", "consent": True, "city": "Bonn"}, {"id": "cora", "city": "Ulm"}])
    write_secrets(door, KEY)
    door.land()
    write_predictions(door)
    for name in ("warehouse.duckdb", "warehouse.json", "nights/2026-01-04/warehouse.duckdb"):
        (door.paths.root / name).parent.mkdir(parents=True, exist_ok=True)
        (door.paths.root / name).write_text("{}")
    (door.paths.serving / "builds" / "2026-01-06-first").mkdir(parents=True)
    return door


def write_secrets(door: Door, *keys: bytes) -> None:
    door.settings.secrets_file.write_text(f"# mine\nNIGHTCART_HMAC_KEY={','.join(key.hex() for key in keys)}\nOTHER=1\n")
    door.settings.secrets_file.chmod(0o600)


def write_predictions(door: Door) -> None:
    folder = door.paths.predictions / "run_date=2026-01-06"
    folder.mkdir(parents=True)
    keys = ", ".join(f"('{visitor_key([KEY], 'user', 'tiny', id_)}'::uuid)" for id_ in IDS["user"])
    rows = f"select user_key, 1 as rank from (values {keys}) as users (user_key)"
    with duckdb.connect() as connection:
        connection.execute(f"copy ({rows}) to '{folder}/user_recommendations.parquet'")
        connection.execute(f"copy (select 'recommendations' as task) to '{folder}/models.parquet'")
    hashes = {file.name: digest(file) for file in sorted(folder.glob("*.parquet"))}
    (folder / "manifest.json").write_text(json.dumps({"inputs": {"shop": "tiny"}, "sha256": hashes}, indent=1, sort_keys=True) + "\n")


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def run_child(door: Door, fault: str = "", new_key: bytes = NEW_KEY) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "NIGHTCART_DATA": str(door.settings.data), "NIGHTCART_FAULT": fault}
    return subprocess.run(
        [sys.executable, "-c", CHILD, door.shop.model_dump_json(by_alias=True, exclude_unset=True)],
        cwd=PROJECT_ROOT, env=environment, input=new_key.hex(), capture_output=True, text=True, check=False,
    )  # fmt: skip


def state(door: Door) -> dict[str, str]:
    """Every file below the data folder but landing's and the lock: its mode and the hash of its bytes, times left out."""
    kept = [path for path in sorted(door.settings.data.rglob("*")) if path.is_file() and door.landing not in path.parents]
    found = {}
    for path in kept:
        name = path.relative_to(door.settings.data).as_posix()
        if name.endswith("rewrites.jsonl"):
            notes = [json.loads(line) for line in path.read_text().splitlines()]
            found[name] = json.dumps([note | {"at": "then"} for note in notes])
        elif path != door.paths.lock:
            found[name] = f"{path.stat().st_mode:o} {digest(path)}"
    return found


def all_values(door: Door) -> str:
    """Everything below the shop's folder but landing, as text; Parquet is unpacked."""
    texts = []
    with duckdb.connect() as connection:
        for path in sorted(door.paths.root.rglob("*")):
            if path.is_file() and door.landing not in path.parents:
                is_table = path.suffix == ".parquet"
                read = f"from read_parquet('{path}', hive_partitioning = false)"
                texts.append(repr(connection.sql(read).fetchall()) if is_table else path.read_bytes().decode(errors="replace"))
    return "\n".join(texts)


def keys_of(keys: list[bytes]) -> set[str]:
    return {str(visitor_key(keys, kind, "tiny", id_)) for kind, ids in IDS.items() for id_ in ids}


def rekeyed(door: Door) -> Door:
    """The door with what a process that starts now would read."""
    return Door(Settings.from_environment({"NIGHTCART_DATA": str(door.settings.data)}), door.shop)


def copied(door: Door, folder: Path) -> Door:
    """The same shop in another data folder, with the same times of change."""
    shutil.copytree(door.settings.data, folder)
    return Door(replace(door.settings, data=folder), door.shop)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """The shop as it is before a rotation; only to be copied."""
    return landed_door(tmp_path_factory.mktemp("untouched"))


@pytest.fixture
def door(untouched, tmp_path, monkeypatch):
    monkeypatch.delenv("NIGHTCART_HMAC_KEY", raising=False)
    return copied(untouched, tmp_path / "data")


@pytest.fixture(scope="module")
def uninterrupted(untouched, tmp_path_factory):
    """What a rotation leaves that nobody disturbs."""
    door = copied(untouched, tmp_path_factory.mktemp("uninterrupted") / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("NIGHTCART_HMAC_KEY", raising=False)
        rekey(door.settings, [door.shop], NEW_KEY)
    return state(door)


def test_every_pseudonym_is_mapped_on_and_none_of_the_old_is_left(door):
    assert {key for key in keys_of([KEY]) if key in all_values(door)} == keys_of([KEY])
    rekey(door.settings, [door.shop], NEW_KEY)
    values = all_values(door)
    assert {key for key in keys_of([KEY]) if key in values} == set()
    assert {key for key in keys_of([KEY, NEW_KEY]) if key in values} == keys_of([KEY, NEW_KEY])


def test_all_else_stays_as_it_was(door):
    read = "select * exclude (visitor_key, device_key), visitor_key is null, device_key is null from events order by all"
    everything = [read, read.replace("from events", "from repeats")]
    everything += ["select * exclude (visitor_key) from users order by all", "select file, line, reason from quarantine order by all"]
    before = [door.query(query) for query in everything]
    files = {path: door.paths.root.joinpath(path).stat().st_mode for path in door.files()}
    rekey(door.settings, [door.shop], NEW_KEY)
    assert [door.query(query) for query in everything] == before
    assert {path: door.paths.root.joinpath(path).stat().st_mode for path in door.files()} == files


def test_rows_keep_their_order_and_files_their_compression(make_door):
    door = make_door(WEB)
    door.deliver("events/2026-01-05.jsonl", [view(number, user=f"user-{number % 7}") for number in range(500)])
    write_secrets(door, KEY)
    door.land()
    rekey(door.settings, [door.shop], NEW_KEY)
    (part,) = (path for path in door.paths.lake.glob("events/*/*.parquet") if path.name != "schema.parquet")
    with duckdb.connect() as connection:
        found = connection.execute(f"select visitor_key, event_id from read_parquet('{part}')").fetchall()
        codecs = connection.execute(f"select distinct compression from parquet_metadata('{part}')").fetchall()
    assert found == [(visitor_key([KEY, NEW_KEY], "user", "tiny", f"user-{n % 7}"), f"web:e{n}#1") for n in range(500)]
    assert codecs == [("ZSTD",)]


def test_the_named_pseudonyms_in_quarantine_and_in_traits_are_mapped_on(door):
    old = visitor_key([KEY], "anon", "tiny", "mail")
    part = next(path for path in door.paths.lake.glob("users/landed_date=2026*/*.parquet"))
    before = digest(part)
    with duckdb.connect() as connection:
        traits = f"""'{{"mail":"trait:{old}","n":1}}'"""
        connection.execute(f"create table users as select * replace ({traits} as traits) from read_parquet('{part}')")
        connection.execute(f"copy users to '{part}' (format parquet, compression zstd)")
    (record,) = (file for file in door.paths.lake.glob("manifest/*/crm-*.json"))
    record.write_text(record.read_text().replace(before, digest(part)))
    rekey(door.settings, [door.shop], NEW_KEY)
    expected = f"""{{"mail":"trait:{visitor_key([KEY, NEW_KEY], "anon", "tiny", "mail")}","n":1}}"""
    assert door.query("select distinct traits from users") == [(expected,)]
    raws = [json.loads(raw) for (raw,) in door.query("select raw from quarantine order by line")]
    person, device = (visitor_key([KEY, NEW_KEY], kind, "tiny", id_) for kind, id_ in (("user", "anna"), ("anon", "dev-1")))
    assert (raws[0]["user"], raws[0]["device"], raws[0]["price"]) == (f"user:{person}", f"anon:{device}", -1)


def test_the_manifests_record_the_new_files(door):
    rekey(door.settings, [door.shop], NEW_KEY)
    assert any(entry.repeats for entry in door.entries)
    for entry in door.entries:
        for part in entry.kept:
            assert digest(door.paths.root / part.path) == part.sha256
    folder = door.paths.predictions / "run_date=2026-01-06"
    hashes = json.loads((folder / "manifest.json").read_text())["sha256"]
    assert hashes == {file.name: digest(file) for file in folder.glob("*.parquet")}
    (note,) = (json.loads(line) for line in (door.paths.lake / "manifest" / "rewrites.jsonl").read_text().splitlines())
    assert (note["why"], note["keys"]) == ("the key was changed", rotation.fingerprint([KEY, NEW_KEY]))


def test_records_that_come_again_are_duplicates_and_new_ones_get_the_new_key(door):
    rekey(door.settings, [door.shop], NEW_KEY)
    later = rekeyed(door)
    later.deliver("till/2026-01-07.csv", till(*2 * ["o1,i1,2,9.5,2026-01-06 10:00:00,anna"], "o2,i1,1,9.5,2026-01-07 10:00:00,bert"))
    later.deliver("events/2026-01-07.jsonl", [view(1, user="anna", device="dev-1"), view(9, user="anna")])
    assert "read 5 = landed 2 + quarantined 0 + duplicate 3 " in later.land()
    anna, bert = (visitor_key([KEY, NEW_KEY], "user", "tiny", id_) for id_ in ("anna", "bert"))
    landed = later.query("select visitor_key from events where landed_date = '2026-01-07' order by source")
    assert landed == [(bert,), (anna,)]
    assert later.query(f"select count(*) from events where visitor_key = '{anna}'") == [(4,)]
    assert user_key(later.settings, later.shop, "anna") == str(anna)


def test_the_new_key_stands_behind_the_old_and_only_its_owner_may_read_it(door):
    rekey(door.settings, [door.shop], NEW_KEY)
    assert sorted(door.settings.secrets_file.read_text().splitlines()) == sorted(
        ["# mine", "OTHER=1", f"NIGHTCART_HMAC_KEY={KEY.hex()},{NEW_KEY.hex()}"]
    )
    assert door.settings.secrets_file.stat().st_mode & 0o777 == 0o600
    rest = [path for path in door.settings.data.rglob("*") if path.is_file() and path != door.settings.secrets_file]
    assert [path for path in rest if NEW_KEY in path.read_bytes() or NEW_KEY.hex().encode() in path.read_bytes()] == []


def test_the_warehouses_are_removed_and_the_old_builds_named(door):
    rekey(door.settings, [door.shop], NEW_KEY)
    assert [path.name for path in door.paths.root.iterdir() if path.name.startswith(("warehouse", "nights", ".rekey"))] == []
    assert rotation.read(door.settings).old_builds == {"tiny": ["2026-01-06-first"]}


def test_a_second_change_maps_the_first_on(door):
    rekey(door.settings, [door.shop], NEW_KEY)
    rekey(door.settings, [door.shop], KEY)
    values = all_values(door)
    assert {key for key in keys_of([KEY, NEW_KEY, KEY]) if key in values} == keys_of([KEY, NEW_KEY, KEY])
    assert not any(key in values for key in keys_of([KEY, NEW_KEY]))


def test_without_a_given_key_two_changes_have_different_keys(make_door, monkeypatch):
    monkeypatch.delenv("NIGHTCART_HMAC_KEY", raising=False)
    door = make_door(WEB)
    write_secrets(door, KEY)
    rekey(door.settings, [door.shop])
    rekey(door.settings, [door.shop])
    keys = rekeyed(door).settings.hmac_keys
    assert keys[0] == KEY and len(set(keys)) == 3 and {len(key) for key in keys} == {32}


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=[] if fault in ("staged", "file_moved") else pytest.mark.long) for fault in FAULTS]
)
def test_a_change_that_is_killed_and_called_again_ends_as_if_nothing_had_happened(door, uninterrupted, fault):
    before = state(door)
    assert run_child(door, f"kill:rekey.{fault}").returncode == -signal.SIGKILL
    last = rotation.read(door.settings)
    is_begun = last is not None and last.is_prepared
    assert is_begun == (fault not in ("file_staged", "staged", "key_kept"))
    if not is_begun:
        assert {name: what for name, what in state(door).items() if name in before} == before
    assert not (NEW_KEY in rekeyed(door).settings.hmac_keys and door.paths.warehouse.exists())  # else a step could read it with the new key
    again = rekey(door.settings, [door.shop], NEW_KEY if not is_begun else bytes(32))  # an interrupted change keeps its own key
    assert ("finished the change" in again) == is_begun
    assert state(door) == uninterrupted


@pytest.mark.long
def test_a_change_that_is_killed_after_every_single_file_still_ends(door, uninterrupted):
    kills = 0
    while run_child(door, "kill:rekey.file_moved").returncode == -signal.SIGKILL:
        kills += 1
        assert kills < 100
    assert kills > 10
    assert state(door) == uninterrupted


def test_until_an_interrupted_change_is_finished_nobody_else_writes(door):
    assert run_child(door, "kill:rekey.file_moved").returncode == -signal.SIGKILL
    files = state(door)
    for settings in (door.settings, rekeyed(door).settings):
        with pytest.raises(StepError, match=r"key rotation was interrupted: run `make rotate-key` to finish it"):
            Door(settings, door.shop).land()
    assert state(door) == files


def test_a_step_that_began_before_the_change_does_not_write_after_it(door):
    rekey(door.settings, [door.shop], NEW_KEY)
    files = state(door)
    with pytest.raises(StepError, match=r"made with another key than this step has.*run it again"):
        door.land()
    with pytest.raises(StepError, match="another key"), warehouse.lock(door.settings, door.shop, "score"):
        pass
    assert state(door) == files
    with warehouse.lock(rekeyed(door).settings, door.shop, "score"):
        assert door.paths.lock.exists()


def test_a_held_lock_refuses_the_change_and_says_who_holds_it(door):
    files = state(door)
    with warehouse.lock(door.settings, door.shop, "score"), pytest.raises(StepError, match="lock of shop tiny is held by score"):
        rekey(door.settings, [door.shop], NEW_KEY)
    assert state(door) == files


def test_a_key_of_the_environment_cannot_be_changed_and_the_message_says_what_to_do(door, monkeypatch):
    files = state(door)
    monkeypatch.setenv("NIGHTCART_HMAC_KEY", KEY.hex())
    with pytest.raises(StepError, match=r"comes from the environment.*the line NIGHTCART_HMAC_KEY=… of .*secrets.env") as refused:
        rekey(door.settings, [door.shop], NEW_KEY)
    assert KEY.hex() not in str(refused.value)
    assert state(door) == files


def test_a_shop_without_a_shop_file_is_not_left_behind_with_old_keys(door):
    (door.settings.data / "forgotten" / "lake").mkdir(parents=True)
    with pytest.raises(StepError, match="no shop file here: forgotten"):
        rekey(door.settings, [door.shop], NEW_KEY)


def test_a_lake_file_that_is_not_what_its_manifest_records_is_not_given_a_new_hash(door):
    part = door.paths.root / door.entries[0].parts[0].path
    good = part.read_bytes()
    with duckdb.connect() as connection:
        connection.execute(f"copy (from read_parquet('{part}') limit 1) to '{part}' (format parquet)")
    with pytest.raises(StepError, match=r"is not the file that .*manifest records"):
        rekey(door.settings, [door.shop], NEW_KEY)
    part.unlink()
    with pytest.raises(StepError, match=r"is gone, though .*manifest records it"):
        rekey(door.settings, [door.shop], NEW_KEY)
    part.write_bytes(good)
    rekey(door.settings, [door.shop], NEW_KEY)


def test_what_killed_steps_left_goes_too(door):
    key = visitor_key([KEY], "user", "tiny", "anna")
    for name in ("lake/.staging-1/lake/events", "predictions/.run_date=2026-01-06.old"):
        (door.paths.root / name).mkdir(parents=True)
        (door.paths.root / name / "left.txt").write_text(str(key))
    rekey(door.settings, [door.shop], NEW_KEY)
    assert str(key) not in all_values(door)


def test_without_a_key_or_without_space_nothing_begins(door, monkeypatch):
    files = state(door)
    monkeypatch.setattr("ingestion.rekey.SPARE", 1e15)
    with pytest.raises(StepError, match="GB are needed"):
        rekey(door.settings, [door.shop], NEW_KEY)
    door.settings.secrets_file.write_text("OTHER=1\n")
    with pytest.raises(StepError, match="NIGHTCART_HMAC_KEY is not set"):
        rekey(door.settings, [door.shop], NEW_KEY)
    assert {name: what for name, what in state(door).items() if "secrets" not in name} == {
        name: what for name, what in files.items() if "secrets" not in name
    }


def test_python_and_the_lake_agree_on_uuids(door):
    """The bytes that are hashed are those of the UUID in the order of its digits."""
    rekey(door.settings, [door.shop], NEW_KEY)
    ((key,),) = door.query("select distinct visitor_key from events where event_id = 'web:e3#1'")
    assert isinstance(key, UUID) and key == visitor_key([KEY, NEW_KEY], "user", "tiny", "bert")
