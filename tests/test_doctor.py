"""The doctor finds what is wrong and says the line that mends it."""

import json
import os
from datetime import date
from pathlib import Path

import pytest
import yaml

import doctor
import rotation
from services import keys
from services.processes import Started, record
from settings import PROJECT_ROOT, Settings, read_secrets


@pytest.fixture
def healthy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation with its secrets and one shop whose newest night is published."""
    monkeypatch.delenv(keys.HMAC_KEY, raising=False)
    environ = {"NIGHTCART_DATA": str(tmp_path / "data"), "NIGHTCART_SHOPS": str(tmp_path / "shops")}
    settings = Settings.from_environment(environ)
    settings.data.mkdir(mode=0o700)
    keys.ensure(settings)
    settings.shops.mkdir()
    (settings.shops / "demo.yml").write_text((PROJECT_ROOT / "shops" / "demo.yml").read_text())
    deliver(settings, date(2026, 6, 30))
    publish(settings, date(2026, 6, 30))
    return Settings.from_environment(environ)


def deliver(settings: Settings, day: date) -> None:
    events = settings.paths("demo").landing / "events"
    events.mkdir(parents=True, exist_ok=True)
    (events / f"{day}.jsonl").touch()


def publish(settings: Settings, day: date) -> None:
    serving = settings.paths("demo").serving
    (serving / "builds" / "a").mkdir(parents=True)
    (serving / "builds" / "a" / "manifest.json").write_text(json.dumps({"run_date": day.isoformat()}))
    (serving / "current").symlink_to("builds/a")


def wrong(settings: Settings) -> dict[str, str]:
    """What is wrong with the installation; how full this machine is at the moment is its own affair."""
    findings = [finding for finding in doctor.examine(settings) if finding.topic not in ("free space", "memory")]
    return {finding.topic: finding.mend for finding in findings if not finding.is_well}


def test_nothing_is_wrong_with_a_healthy_installation(healthy: Settings) -> None:
    assert wrong(healthy) == {}


def test_an_installation_that_was_never_set_up_is_told_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(keys.HMAC_KEY, raising=False)
    found = wrong(Settings.from_environment({"NIGHTCART_DATA": str(tmp_path / "data")}))
    assert found["secrets.env"] == "make setup"
    assert "key of the pseudonyms" in found


@pytest.mark.parametrize(("name", "mode"), [("secrets.env", 0o640), (".", 0o755)])
def test_what_others_may_read_is_named_with_the_mode_it_should_have(healthy: Settings, name: str, mode: int) -> None:
    place = (healthy.data / name).resolve()
    place.chmod(mode)
    assert wrong(healthy) == {place.name: f"chmod {'600' if name == 'secrets.env' else '700'} {place}"}


def test_a_night_that_is_missing_is_named_with_its_command(healthy: Settings) -> None:
    deliver(healthy, date(2026, 7, 1))
    assert wrong(healthy) == {"demo: last night": f"make nightly SHOP={healthy.shops / 'demo.yml'}"}


def test_a_faulty_shop_file_is_named(healthy: Settings) -> None:
    content = yaml.safe_load((healthy.shops / "demo.yml").read_text()) | {"timezone": "Europe/Atlantis"}
    (healthy.shops / "lost.yml").write_text(yaml.safe_dump(content))
    assert wrong(healthy) == {"lost.yml": f"mend {healthy.shops / 'lost.yml'}"}


def test_a_service_that_died_is_named(healthy: Settings) -> None:
    record(healthy.data / "services.json", [Started("scheduler", 2**22 - 1, 0.0)])
    (finding,) = [finding for finding in doctor.examine(healthy) if finding.topic == "services"]
    assert not finding.is_well
    assert "ended: scheduler" in finding.found


def test_a_package_that_is_not_the_locked_one_is_named() -> None:
    found = {finding.topic: finding.is_well for finding in doctor._packages("duckdb==0.0.1 \\\n")}
    assert set(found) == set(doctor.PACKAGES)
    assert not any(found.values())


def test_a_writer_shows_and_a_dead_writer_does_not(healthy: Settings) -> None:
    lock = healthy.paths("demo").lock
    for holder, expected in ((os.getpid(), "held by land"), (2**22 - 1, "free")):
        lock.write_text(f"land (process {holder}, since 2026-07-01 02:00:00 UTC)")
        (finding,) = [finding for finding in doctor.examine(healthy) if finding.topic == "demo: lock"]
        assert finding.found.startswith(expected)


def test_no_secret_is_shown(healthy: Settings) -> None:
    shown = str(list(doctor.examine(healthy)))
    assert not any(secret in shown for secret in read_secrets(healthy.secrets_file).values())


def test_a_change_of_the_key_that_was_interrupted_is_to_be_finished(healthy: Settings) -> None:
    key = rotation.fingerprint(healthy.hmac_keys)
    for last, mends in (
        (rotation.Rotation(key, True, {"demo": ["a"]}), {"change of the key": "make rotate-key"}),
        (rotation.Rotation(key, False, {"demo": ["a"]}), {"change of the key": "make rotate-key"}),
        (rotation.Rotation(key, False, {}), {}),
    ):
        rotation.write(healthy, last)
        assert wrong(healthy) == mends
    rotation.write(healthy, rotation.Rotation("0" * 16, False, {}))
    assert wrong(healthy).keys() == {"key in use"}
