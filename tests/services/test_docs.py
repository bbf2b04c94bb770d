"""The documentation says what every table and column is, comes from nowhere else, and is shown to who logs in."""

import base64
import http.client
import json
import re
import threading
from collections.abc import Iterator

import pytest

import metrics
from services import docs
from settings import PROJECT_ROOT, Settings

PASSWORD = "a password"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page as dbt writes it and the server shows it."""
    return docs.written(Settings.from_environment({"NIGHTCART_DATA": str(tmp_path_factory.mktemp("docs"))})).decode()


@pytest.fixture(scope="module")
def manifest(page: str) -> dict:
    """What the page was told of the project."""
    return json.JSONDecoder().raw_decode(page, page.index('{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest'))[
        0
    ]


@pytest.fixture
def server() -> Iterator[docs.Server]:
    with docs.Server(0, b"<p>the tables</p>", PASSWORD) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: docs.Server, path: str, password: str | None = None, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    if password is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    return answer.status, answer.read(), dict(answer.headers)


def test_who_logs_in_sees_the_page_and_nobody_else_does(server: docs.Server) -> None:
    assert ask(server, "/", PASSWORD)[:2] == (200, b"<p>the tables</p>")
    for password in (None, "", "another"):
        status, body, headers = ask(server, "/", password)
        assert (status, headers["WWW-Authenticate"]) == (401, 'Basic realm="Nightcart"')
        assert b"tables" not in body


def test_there_is_one_page_and_a_word_for_who_asks_whether_it_is_there(server: docs.Server) -> None:
    assert ask(server, "/health")[:2] == (200, b"ok\n")
    assert ask(server, "/../../etc/hostname", PASSWORD)[0] == 404


def test_nobody_comes_in_under_another_hosts_name(server: docs.Server) -> None:
    assert ask(server, "/", PASSWORD, Host="shop.example.com")[0] == 400


def test_it_listens_on_loopback_and_lets_the_browser_load_nothing(server: docs.Server) -> None:
    assert server.server_address[0] == "127.0.0.1"
    policy = ask(server, "/", PASSWORD)[2]["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert not re.search(r"https?:|//|\*|'self'", policy)


def test_the_page_loads_nothing_from_elsewhere_and_tracks_nobody(page: str, manifest: dict) -> None:
    assert re.findall(r"""<(?:script|link|img|iframe)\b[^>]*(?:src|href)=["'](?:https?:)?//""", page) == []
    assert "cloudfront" not in page
    assert manifest["metadata"]["send_anonymous_usage_stats"] is False
    assert str(PROJECT_ROOT) not in page


def test_every_model_is_described_and_says_what_a_row_is(manifest: dict) -> None:
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    assert len(models) > 30
    assert [model["name"] for model in models if "One row per " not in model["description"]] == []
    assert [
        f"{model['name']}.{name}" for model in models for name, column in model["columns"].items() if not column["description"].strip()
    ] == []


def test_it_opens_with_our_own_words(manifest: dict) -> None:
    (overview,) = [block for name, block in manifest["docs"].items() if name.endswith("nightcart.__overview__")]
    assert overview["block_contents"].strip().startswith("# The warehouse")


def test_every_kpi_is_documented(manifest: dict) -> None:
    described = {metric["name"]: metric["description"] for metric in manifest["metrics"].values()}
    assert described.keys() == {metric.name for metric in metrics.read()}
    assert all(described.values())
