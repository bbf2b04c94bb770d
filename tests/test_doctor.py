"""The doctor finds what is wrong and says the line that mends it."""

import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
import pytest
import yaml

import doctor
import rotation
import shop as shops
import warehouse
from doctor import machine
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
    make_private(settings)


def make_private(settings: Settings) -> None:
    """As the umask of a night does."""
    for path in settings.data.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)


def publish(settings: Settings, day: date) -> None:
    serving = settings.paths("demo").serving
    (serving / "builds" / "a").mkdir(parents=True)
    (serving / "builds" / "a" / "manifest.json").write_text(json.dumps({"run_date": day.isoformat()}))
    make_private(settings)
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


def test_a_service_that_was_given_up_is_named_with_its_log_and_one_that_was_started_again_is_told(healthy: Settings) -> None:
    own = Started("supervisor", os.getpid(), psutil.Process().create_time())
    for service, is_well, says in (
        (replace(own, name="mlflow", deaths=2), True, "Started again after it had ended: mlflow (2)."),
        (replace(own, name="mlflow", deaths=5, is_given_up=True), False, "given up: mlflow"),
    ):
        record(healthy.data / "services.json", [own, service])
        (finding,) = [finding for finding in doctor.examine(healthy) if finding.topic == "supervisor"]
        assert finding.is_well is is_well and says in finding.found
    assert "mlflow.log" in finding.mend


def test_a_dead_supervisor_is_named(healthy: Settings) -> None:
    record(healthy.data / "services.json", [Started("supervisor", 2**22 - 1, 0.0)])
    assert wrong(healthy).keys() == {"services", "supervisor"}


@pytest.mark.parametrize(("address", "is_well"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_a_listener_that_other_machines_can_reach_is_named(healthy: Settings, address: str, is_well: bool) -> None:
    program = f"import socket, time; s = socket.create_server(('{address}', 0)); print(s.getsockname()[1], flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        port = process.stdout.readline().strip()
        record(healthy.data / "services.json", [Started("mlflow", process.pid, psutil.Process(process.pid).create_time())])
        (finding,) = [finding for finding in doctor.examine(healthy) if finding.topic == "listeners"]
    finally:
        process.kill()
        process.communicate()
    assert finding.is_well is is_well
    assert is_well or f"0.0.0.0:{port}" in finding.found


def test_a_package_that_is_not_the_locked_one_is_named() -> None:
    found = {finding.topic: finding.is_well for finding in machine.packages("duckdb==0.0.1 \\\n")}
    assert set(found) == set(machine.PACKAGES)
    assert not any(found.values())


def test_a_writer_shows_and_a_dead_writer_or_a_later_process_of_its_number_does_not(healthy: Settings) -> None:
    lock, born = healthy.paths("demo").lock, datetime.fromtimestamp(psutil.Process().create_time(), UTC)
    for holder, since, now, says, is_well in (
        (os.getpid(), born, born + timedelta(hours=1), "held by land", True),
        (os.getpid(), born, born + timedelta(hours=13), "held by land", False),
        (os.getpid(), born - timedelta(days=1), born, "free", True),
        (2**22 - 1, born, born, "free", True),
    ):
        lock.write_text(f"land (process {holder}, since {since + timedelta(seconds=1):%Y-%m-%d %H:%M:%S} UTC)")
        (finding,) = [finding for finding in doctor.examine(healthy, now) if finding.topic == "demo: lock"]
        assert (finding.found.startswith(says), finding.is_well) == (True, is_well)
    lock.unlink()


def test_the_lock_of_a_real_writer_shows(healthy: Settings) -> None:
    shop = shops.read(healthy.shops / "demo.yml")
    with warehouse.lock(healthy, shop, "land"):
        (finding,) = [finding for finding in doctor.examine(healthy) if finding.topic == "demo: lock"]
    assert finding.found.startswith(f"held by land (process {os.getpid()}")


@pytest.mark.parametrize(
    ("place", "mode", "topic"),
    [
        ("demo/warehouse.duckdb", 0o640, "file modes"),
        ("demo/landing", 0o750, "file modes"),
        ("demo/serving/builds/a/manifest.json", 0o444, "file modes of builds"),
        ("demo/serving/builds/a/manifest.json", 0o660, "file modes of builds"),
        ("demo/serving/builds/a", 0o755, "file modes of builds"),
    ],
)
def test_a_file_that_others_may_read_is_named_and_the_line_mends_it(healthy: Settings, place: str, mode: int, topic: str) -> None:
    (healthy.data / place).touch()
    (healthy.data / place).chmod(mode)
    found = wrong(healthy)
    assert found.keys() == {topic}
    subprocess.run(found[topic], shell=True, check=True)
    assert wrong(healthy) == {}


def test_what_was_delivered_may_have_any_mode_within_its_closed_folder(healthy: Settings) -> None:
    (healthy.paths("demo").landing / "events" / "2026-06-30.jsonl").chmod(0o644)
    assert wrong(healthy) == {}


def test_a_build_and_its_public_file_are_well(healthy: Settings) -> None:
    build = healthy.paths("demo").serving / "builds" / "a"
    (build / "shop_public.duckdb").touch()
    (build / "shop.duckdb").touch()
    (build / "shop_public.duckdb").chmod(0o444)
    (build / "shop.duckdb").chmod(0o440)
    build.chmod(0o751)
    assert wrong(healthy) == {}


def test_what_was_set_aside_as_broken_is_named(healthy: Settings) -> None:
    broken = healthy.paths("demo").root / "warehouse.duckdb.corrupt-20260701T020000"
    broken.touch(mode=0o600)
    assert str(broken) in wrong(healthy)["demo: set aside"]


def test_what_waits_for_mlflow_is_named_with_the_line_that_hands_it_over(healthy: Settings) -> None:
    """As MLflow lays its store out: `tests/training/test_away.py` asks the doctor about a real one."""
    spool(healthy, active=("demo.recommendations", "demo.purchase_7d", "another.recommendations"), deleted=("demo.value_90d",))
    assert wrong(healthy) == {
        "demo: waits for MLflow": "when MLflow answers: python -m training.promote purchase_7d recommendations "
        f"--shop {healthy.shops / 'demo.yml'} --run-date 2026-06-30"
    }
    (finding,) = [finding for finding in doctor.examine(healthy) if finding.topic == "demo: waits for MLflow"]
    assert finding.found == f"4 runs of purchase_7d, recommendations in {healthy.mlflow_spool}"


def spool(settings: Settings, active: tuple[str, ...], deleted: tuple[str, ...]) -> None:
    """Two runs of two nights for each experiment."""
    settings.mlflow_spool.mkdir(mode=0o700)
    with closing(sqlite3.connect(settings.mlflow_spool / "mlflow.db")) as store, store:
        store.execute("create table experiments (experiment_id integer, name text, lifecycle_stage text)")
        store.execute("create table runs (run_uuid text, experiment_id integer)")
        store.execute("create table tags (key text, value text, run_uuid text)")
        for number, name in enumerate([*active, *deleted]):
            store.execute("insert into experiments values (?, ?, ?)", (number, name, "active" if name in active else "deleted"))
            for night in ("2026-06-29", "2026-06-30"):
                store.execute("insert into runs values (?, ?)", (f"{name} {night}", number))
                store.executemany(
                    "insert into tags values (?, ?, ?)", [("run_date", night, f"{name} {night}"), ("stage", "x", f"{name} {night}")]
                )
    make_private(settings)


def test_a_spool_that_cannot_be_read_is_named(healthy: Settings) -> None:
    healthy.mlflow_spool.mkdir(mode=0o700)
    (healthy.mlflow_spool / "mlflow.db").write_bytes(b"no database" * 100)
    make_private(healthy)
    assert wrong(healthy)["demo: waits for MLflow"].endswith(f"rm -r {healthy.mlflow_spool}")


def test_a_night_that_is_late_by_the_hour_of_the_shop_file_is_named(healthy: Settings) -> None:
    content = yaml.safe_load((healthy.shops / "demo.yml").read_text()) | {"publish_by": "06:00"}
    (healthy.shops / "demo.yml").write_text(yaml.safe_dump(content))
    late = datetime(2026, 7, 2, 6, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    for now, names in ((late - timedelta(minutes=2), set()), (late, {"demo: by 06:00"})):
        assert {finding.topic for finding in doctor.examine(healthy, now) if not finding.is_well} - {"free space", "memory"} == names


def test_a_machine_reads_the_same_as_json(healthy: Settings) -> None:
    deliver(healthy, date(2026, 7, 1))
    command = [sys.executable, "-m", "doctor", "--json"]
    environ = os.environ | {"NIGHTCART_DATA": str(healthy.data), "NIGHTCART_SHOPS": str(healthy.shops)}
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environ, capture_output=True, text=True, check=False)
    found = {finding["topic"]: finding for finding in json.loads(done.stdout)}
    assert done.returncode == 1
    assert found["demo: last night"]["is_well"] is False and found["demo: last night"]["mend"].startswith("make nightly")


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
