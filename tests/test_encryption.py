"""Encryption at rest: what the files hold, who can open them, and what is said to who cannot."""

import traceback
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

import shop as shops
import steps
import warehouse
from settings import Settings
from tests.lake_by_hand import TINY, LakeByHand, event
from warehouse import dbt_calls, encryption

KEY, OTHER_KEY = "a key of more than 16 characters", "another key of more than 16 characters"
PLANTED = "planted-item-8472"
NIGHT = date(2026, 3, 30)
SHOP = shops.Shop.model_validate(TINY | {"timezone": "UTC"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environment({"NIGHTCART_DATA": str(tmp_path / "data"), "NIGHTCART_ENCRYPTION_KEY": KEY})


@pytest.fixture
def encrypted_file(settings: Settings, tmp_path: Path) -> Path:
    """A database with one table, written with KEY."""
    file = tmp_path / "it's.duckdb"
    with duckdb.connect() as connection:
        warehouse.attach(connection, settings, file, "written")
        connection.execute(f"create table written.items as select '{PLANTED}' as item_id, range as number from range(1000)")
    return file


def opened(settings: Settings, file: Path, *options: str) -> list[tuple]:
    with duckdb.connect() as connection:
        warehouse.attach(connection, settings, file, "opened", *options)
        return connection.execute("select distinct item_id from opened.items").fetchall()


def test_an_encrypted_file_does_not_hold_what_is_in_it_and_opens_with_its_key(settings, encrypted_file):
    assert PLANTED.encode() not in encrypted_file.read_bytes()
    assert opened(settings, encrypted_file, "read_only") == opened(settings, encrypted_file) == [(PLANTED,)]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (OTHER_KEY, r"NIGHTCART_ENCRYPTION_KEY is not the key that .*it's.duckdb was written with: put that one back"),
        (None, r"it's.duckdb is encrypted, and NIGHTCART_ENCRYPTION_KEY is not set"),
    ],
)
@pytest.mark.parametrize("options", [(), ("read_only",)])
def test_without_the_right_key_it_is_refused_in_words_that_hold_no_key(settings, encrypted_file, key, told, options):
    with pytest.raises(steps.StepError, match=told) as refused:
        opened(replace(settings, encryption_key=key), encrypted_file, *options)
    assert "characters" not in "".join(traceback.format_exception(refused.value)), "neither key is repeated"


def test_a_file_that_was_written_without_a_key_is_refused_where_there_is_one(settings, tmp_path):
    opened_file = tmp_path / "plain.duckdb"
    duckdb.connect(str(opened_file)).close()
    with pytest.raises(steps.StepError, match="was written without a key"):
        opened(settings, opened_file, "read_only")


def test_what_writes_encrypted_files_reaches_no_network(settings):
    with duckdb.connect() as connection:
        encryption.load_cipher(connection)
        with pytest.raises(duckdb.PermissionException, match="disabled by configuration"):
            connection.execute("from 'http://127.0.0.1:1/x.parquet'")


def test_settings_never_show_their_keys_and_refuse_a_short_one(settings):
    secret = replace(settings, hmac_keys=(b"0123456789abcdef",))
    assert KEY not in repr(secret) and "0123456789abcdef" not in repr(secret)
    with pytest.raises(ValueError, match="NIGHTCART_ENCRYPTION_KEY is shorter than 16 characters") as refused:
        Settings.from_environment({"NIGHTCART_ENCRYPTION_KEY": "hunter2"})
    assert "hunter2" not in str(refused.value)


def test_dbt_builds_and_adds_to_an_encrypted_warehouse(settings, monkeypatch, capfd):
    """A first night, one that is added, and one under another key; of the models as many as the events take."""
    monkeypatch.setitem(dbt_calls.STAGES, "features", ("+fct_events",))
    monkeypatch.setenv("NIGHTCART_DATA", str(settings.data))
    monkeypatch.delenv("NIGHTCART_ENCRYPTION_KEY", raising=False)
    lake = LakeByHand(settings.paths("tiny").lake)
    for day in (NIGHT, NIGHT + timedelta(days=1)):
        lake.deliver("events", f"web-{day}", day.isoformat(), [event(1, f"{day} 10:00:00", item_id=PLANTED)])
        summary = warehouse.build(settings, SHOP, day, "features")
    assert "added to 1 earlier" in summary
    file = settings.paths("tiny").warehouse
    assert file.stat().st_size > 100_000 and PLANTED.encode() not in file.read_bytes()
    with warehouse.reader(settings, SHOP, day) as connection:
        assert connection.execute("select item_id, count(*) from fct_events group by all").fetchall() == [(PLANTED, 2)]
    with pytest.raises(steps.StepError, match="is not the key that"):
        warehouse.build(replace(settings, encryption_key=OTHER_KEY), SHOP, day, "features")
    written = [each for each in settings.data.rglob("*") if each.is_file()]
    assert not [each for each in written if KEY.encode() in each.read_bytes()]
    assert KEY not in "".join(capfd.readouterr())
