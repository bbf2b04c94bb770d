"""A night by hand that fails: real Airflow, a real first step, and everybody hears of it."""

import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
import yaml

import shop as shops
from services import environment, keys, nightly
from services.processes import Started, record
from settings import PROJECT_ROOT, Settings
from steps import StepError
from tests.services.ears import Ears, listening

RUN_DATE = "2026-06-30"


@pytest.fixture(scope="module")
def ears() -> Iterator[Ears]:
    with listening() as ears:
        yield ears


@pytest.fixture(scope="module")
def failed_night(
    installation: Settings, installed_environment: dict[str, str], ears: Ears, tmp_path_factory: pytest.TempPathFactory
) -> subprocess.CompletedProcess:
    """The night of a shop whose landing folder does not exist."""
    content = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text())
    content |= {"name": "empty", "title": "Empty shop", "landing": str(tmp_path_factory.mktemp("nothing") / "here")}
    content |= {"notify": {"email": "night@example.com", "webhook": f"http://127.0.0.1:{ears.web_port}/hook-of-the-shop"}}
    shop_file = tmp_path_factory.mktemp("shops") / "empty.yml"
    shop_file.write_text(yaml.safe_dump(content))
    smtp = f"smtp://127.0.0.1:{ears.mail_port}/?disable_tls=true&disable_ssl=true"
    command = [sys.executable, "-m", "services.nightly", "--shop", str(shop_file), "--run-date", RUN_DATE]
    return subprocess.run(
        command, cwd=PROJECT_ROOT, env=installed_environment | {"AIRFLOW_CONN_SMTP_DEFAULT": smtp},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_exit_code_and_the_last_line_tell_of_the_failure(failed_night: subprocess.CompletedProcess) -> None:
    assert failed_night.returncode == 1
    last = failed_night.stderr.strip().splitlines()[-1]
    assert last.startswith(f"nightly: nightly_empty {RUN_DATE}: task land failed; what was published before is unchanged")
    assert "Traceback" not in failed_night.stdout + failed_night.stderr


def test_the_steps_own_reason_is_on_the_screen(failed_night: subprocess.CompletedProcess) -> None:
    land = [line for line in failed_night.stdout.splitlines() if line.startswith("land ")]
    assert land[-1].split() == ["land", "FAILED"]
    assert any("here" in line for line in land[:-1])


def test_nothing_is_tried_again_and_nothing_after_it_is_run(failed_night: subprocess.CompletedProcess, installation: Settings) -> None:
    with closing(sqlite3.connect(environment.airflow_home(installation) / "airflow.db")) as store:
        tried = store.execute("select task_id, state, try_number from task_instance where dag_id = 'nightly_empty'").fetchall()
    states = {task: (state, tries) for task, state, tries in tried}
    assert states.pop("land") == ("failed", 1)
    assert {state for state, _ in states.values()} <= {"upstream_failed", None}


def test_the_webhook_and_the_mailbox_hear_of_it_once(failed_night: subprocess.CompletedProcess, ears: Ears) -> None:
    assert failed_night.returncode == 1
    (post,) = ears.posts
    assert (post["shop"], post["task"], post["run_date"]) == ("empty", "land", RUN_DATE)
    letter = "\n".join(ears.mail)
    assert f"Subject: Nightcart: the night {RUN_DATE} of empty failed in land" in letter
    assert "To: night@example.com" in letter
    assert ears.mail.count(".") == 1


def test_no_secret_is_in_a_log(failed_night: subprocess.CompletedProcess, installation: Settings) -> None:
    secrets = [line.split("=", 1)[1] for line in installation.secrets_file.read_text().splitlines() if "=" in line]
    written = [path.read_text(errors="replace") for path in environment.logs(installation).rglob("*") if path.is_file()]
    said = [failed_night.stdout, failed_night.stderr, *written]
    assert len(secrets) == len(keys.MAKERS) and len(written) > 0
    assert not any(secret in text for secret in [*secrets, "hook-of-the-shop"] for text in said)


def test_the_demo_makes_its_files_only_where_there_are_none(fresh: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(nightly, "_part", lambda _, module, *__: called.append(module))
    demo, other = (shops.read(PROJECT_ROOT / "shops" / f"{name}.yml") for name in ("demo", "online_retail"))
    nightly.make_demo_files(fresh, other, Path("shops/online_retail.yml"))
    assert called == []
    nightly.make_demo_files(fresh, demo, Path("shops/demo.yml"))
    assert called == ["ingestion.demo_shop"]
    (demo.landing_folder(fresh) / "events").mkdir(parents=True)
    nightly.make_demo_files(fresh, demo, Path("shops/demo.yml"))
    assert called == ["ingestion.demo_shop"]


@pytest.mark.parametrize(("paused", "may_run"), [("True", True), ("False", False)])
def test_a_night_by_hand_keeps_out_of_the_schedulers_way(
    fresh: Settings, monkeypatch: pytest.MonkeyPatch, paused: str, may_run: bool
) -> None:
    """The scheduler takes up every running night of a DAG that is switched on: its tasks would run twice."""
    fresh.data.mkdir()
    record(environment.services_file(fresh), [Started("scheduler", 1, 0.0)])
    monkeypatch.setattr(Started, "is_alive", property(lambda _: True))
    listed = f'a warning\n[{{"dag_id": "nightly_demo", "is_paused": "{paused}"}}]'
    monkeypatch.setattr(nightly.subprocess, "run", lambda *_, **__: subprocess.CompletedProcess([], 0, listed))
    if may_run:
        nightly._refuse_beside_the_scheduler(fresh, "nightly_demo")
    else:
        with pytest.raises(StepError, match="make down"):
            nightly._refuse_beside_the_scheduler(fresh, "nightly_demo")


@pytest.mark.parametrize(("age", "parts"), [(6, ["serving_exports.show"]), (8, ["services.tidy", "serving_exports.show"])])
def test_a_night_by_hand_tidies_up_where_nobody_has_for_a_week_and_is_published_if_that_fails(
    fresh: Settings, monkeypatch: pytest.MonkeyPatch, age: int, parts: list[str]
) -> None:
    called: list[str] = []

    def part(settings: Settings, module: str, *arguments: str) -> None:
        called.append(module)
        if module == "services.tidy":
            raise StepError("database is locked")

    monkeypatch.setattr(nightly, "_part", part)
    monkeypatch.setattr(nightly, "_test_dag", lambda *_: Path("night.jsonl"))
    fresh.data.mkdir()
    (fresh.data / "setup.json").touch()
    os.utime(fresh.data / "setup.json", (0, time.time() - age * 86400))
    shop_file = PROJECT_ROOT / "shops" / "demo.yml"
    assert "published in" in nightly.run(fresh, shops.read(shop_file), shop_file, date(2026, 6, 30))
    assert called == parts
