"""What people are told when a night failed, and over which channels."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest

import shop as shops
from dags import notice
from settings import PROJECT_ROOT

FAILED = {
    "ti": SimpleNamespace(task_id="score", try_number=4, log_url="http://127.0.0.1:8080/dags/nightly_demo/runs/x/tasks/score"),
    "params": {"run_date": None},
    "dag_run": SimpleNamespace(logical_date=None, run_after=datetime(2026, 7, 1, 2, tzinfo=UTC)),
}


def shop_telling(**channels: str) -> shops.Shop:
    shop = shops.read(PROJECT_ROOT / "shops" / "demo.yml")
    return shop.model_copy(update={"notify": shops.Notify(**channels)})


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """A web server on a free port, and what was posted to it."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    posted: list[dict] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(500 if self.path == "/broken" else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{server.server_port}", posted=posted)
    server.shutdown()
    server.server_close()


def test_a_shop_without_channels_tells_nobody() -> None:
    assert notice.callbacks(shop_telling()) == []


def test_the_webhook_hears_shop_task_night_and_log_and_nothing_else(webhook: SimpleNamespace) -> None:
    (tell,) = notice.callbacks(shop_telling(webhook=webhook.url))
    tell(FAILED)
    assert webhook.posted == [
        {
            "text": "Nightcart: the night 2026-06-30 of Demo shop failed in score. The tables published before stay as they are. "
            f"Log: {FAILED['ti'].log_url}",
            "shop": "demo",
            "outcome": "failed in score",
            "task": "score",
            "run_date": "2026-06-30",
            "try_number": 4,
            "log": FAILED["ti"].log_url,
        }
    ]


def test_a_webhook_that_refuses_raises_without_naming_its_address(webhook: SimpleNamespace) -> None:
    (tell,) = notice.callbacks(shop_telling(webhook=f"{webhook.url}/broken"))
    with pytest.raises(OSError, match="500") as refused:
        tell(FAILED)
    assert "broken" not in str(refused.value)


def test_each_channel_is_told_by_itself(webhook: SimpleNamespace) -> None:
    mail, web = notice.callbacks(shop_telling(email="night@example.com", webhook=webhook.url))
    assert mail is not web
    web(FAILED)
    assert len(webhook.posted) == 1
