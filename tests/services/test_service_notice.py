"""Who hears that a service was given up: everybody who hears of failed nights, each once."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from services import roster
from settings import PROJECT_ROOT, Settings
from tests.services.ears import Ears, listening

TEXT = (
    "Nightcart: the service scheduler ended again and again and was given up; nights may not run until `make down && make up`. Log: {log}"
)


def write_shops(folder: Path, **notified: dict[str, str]) -> None:
    folder.mkdir()
    for name, channels in notified.items():
        content = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text()) | {"name": name, "notify": channels}
        (folder / f"{name}.yml").write_text(yaml.safe_dump(content))


def call(fresh: Settings, shops: Path, ears: Ears) -> subprocess.CompletedProcess:
    """As the supervisor calls it."""
    notice = roster.notice(fresh, "scheduler")
    smtp = f"smtp://127.0.0.1:{ears.mail_port}/?disable_tls=true&disable_ssl=true"
    told = notice.environment | {"NIGHTCART_SHOPS": str(shops), "AIRFLOW_CONN_SMTP_DEFAULT": smtp}
    return subprocess.run(notice.command, cwd=PROJECT_ROOT, env=told, capture_output=True, text=True, timeout=120, check=False)


def test_each_mailbox_and_webhook_of_the_shops_is_told_once_that_a_service_was_given_up(fresh: Settings, tmp_path: Path) -> None:
    with listening() as ears:
        hook = f"http://127.0.0.1:{ears.web_port}/hook"
        mail_only, both = {"email": "night@example.com"}, {"email": "night@example.com", "webhook": hook}
        write_shops(tmp_path / "shops", one=both, two=both, three=mail_only, four={})
        done = call(fresh, tmp_path / "shops", ears)
    assert done.returncode == 0, done.stderr
    log = str(roster.log_file(fresh, "scheduler"))
    assert ears.posts == [
        {"text": TEXT.format(log=log), "service": "scheduler", "outcome": "ended again and again and was given up", "log": log}
    ]
    assert [line for line in ears.mail if line.startswith(("Subject", "To"))] == [
        "Subject: Nightcart: the service scheduler ended again and again and was given up",
        "To: night@example.com",
    ]


@pytest.mark.parametrize("dead", ["webhook", "mail"])
def test_a_dead_channel_does_not_keep_it_from_the_other_and_is_told_in_the_log(fresh: Settings, tmp_path: Path, dead: str) -> None:
    with listening() as ears:
        port = 1 if dead == "webhook" else ears.web_port
        ears.mail_port = 1 if dead == "mail" else ears.mail_port
        write_shops(tmp_path / "shops", one={"email": "night@example.com", "webhook": f"http://127.0.0.1:{port}/hook"})
        done = call(fresh, tmp_path / "shops", ears)
    assert done.returncode == 1 and "refused" in done.stderr
    assert (bool(ears.posts), bool(ears.mail)) == (dead != "webhook", dead != "mail")


def test_the_supervisor_calls_it_with_the_services_log(fresh: Settings) -> None:
    assert roster.notice(fresh, "mlflow").command == [
        sys.executable, "-m", "dags.service_notice", "mlflow", str(fresh.data / "logs" / "mlflow.log"),
    ]  # fmt: skip
