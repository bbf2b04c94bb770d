"""Secrets are made once, kept to their owner, and never lost for new ones."""

from pathlib import Path

import pytest

from services import keys
from settings import Settings, read_secrets
from steps import StepError


@pytest.fixture(autouse=True)
def data_folder(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(keys.HMAC_KEY, raising=False)
    fresh.data.mkdir()
    return fresh.data


def test_every_secret_is_made_once_and_only_its_owner_may_read_it(fresh: Settings) -> None:
    assert keys.ensure(fresh) == list(keys.MAKERS)
    first = fresh.secrets_file.read_bytes()
    assert fresh.secrets_file.stat().st_mode & 0o777 == 0o600
    assert len(set(read_secrets(fresh.secrets_file).values())) == len(keys.MAKERS)

    assert keys.ensure(fresh) == []
    assert fresh.secrets_file.read_bytes() == first


def test_no_two_installations_share_a_secret(tmp_path: Path) -> None:
    values = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        settings = Settings.from_environment({"NIGHTCART_DATA": str(tmp_path / name)})
        keys.ensure(settings)
        values += read_secrets(settings.secrets_file).values()
    assert len(set(values)) == 2 * len(keys.MAKERS)


def test_a_file_with_some_secrets_keeps_them_and_gets_the_rest(fresh: Settings) -> None:
    keys.write_private(
        fresh.secrets_file, "# mine\nNIGHTCART_HMAC_KEY=00112233445566778899aabbccddeeff\nAIRFLOW_CONN_SMTP_DEFAULT=smtp://x\n"
    )
    made = keys.ensure(fresh)
    assert keys.HMAC_KEY not in made
    text = fresh.secrets_file.read_text()
    assert text.startswith("# mine\nNIGHTCART_HMAC_KEY=00112233445566778899aabbccddeeff\nAIRFLOW_CONN_SMTP_DEFAULT=smtp://x\n")
    assert set(read_secrets(fresh.secrets_file)) == set(keys.MAKERS) | {"AIRFLOW_CONN_SMTP_DEFAULT"}


def test_a_last_line_without_an_end_is_not_run_together_with_the_next(fresh: Settings) -> None:
    keys.write_private(fresh.secrets_file, "NIGHTCART_HMAC_KEY=00112233445566778899aabbccddeeff")
    keys.ensure(fresh)
    assert read_secrets(fresh.secrets_file)[keys.HMAC_KEY] == "00112233445566778899aabbccddeeff"


def test_a_key_from_the_environment_is_not_given_a_rival_in_the_file(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.HMAC_KEY, "ff" * 32)
    assert keys.HMAC_KEY not in keys.ensure(fresh)
    assert keys.HMAC_KEY not in read_secrets(fresh.secrets_file)


def test_a_lost_key_is_not_replaced_where_a_lake_was_made_with_it(fresh: Settings) -> None:
    events = fresh.paths("demo").lake / "events" / "landed_date=2026-06-30"
    events.mkdir(parents=True)
    (events / "web-0123456789abcdef.parquet").touch()
    with pytest.raises(StepError, match="put the old line back"):
        keys.ensure(fresh)
    assert not fresh.secrets_file.exists()


def test_a_file_that_others_may_read_is_refused_with_the_command_that_mends_it(fresh: Settings) -> None:
    keys.ensure(fresh)
    fresh.secrets_file.chmod(0o644)
    with pytest.raises(StepError, match=f"chmod 600 {fresh.secrets_file}"):
        keys.ensure(fresh)
