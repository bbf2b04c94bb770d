"""A browser, the explorer over the small shop's builds, and the rules of accessibility."""

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from settings import PROJECT_ROOT
from tests.services.conftest import free_port, installation, installed_environment
from tests.serving_exports.conftest import SmallShop, chart_script, empty_shop, published_data, published_shop, shop_in, written_warehouses
from tests.ui import browsing

__all__ = [
    "chart_script", "empty_shop", "installation", "installed_environment", "published_data", "published_shop", "shop_in",
    "written_warehouses",
]  # fmt: skip
AXE = "axe-core@4.10.3"
PASSWORD = "a password of the tests"


@dataclass
class Watched:
    """A page, and what it said and asked for while it was open."""

    page: Any
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Explorer:
    """A running explorer."""

    shop: SmallShop
    url: str
    password: str = PASSWORD


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if browsing.chromium() is None:
        pytest.skip(browsing.MISSING)
    with browsing.browser() as started:
        yield started


@pytest.fixture
def open_page(chromium: Any) -> Iterator[Callable[..., Watched]]:
    """Opens a page in a context of its own, and keeps what the console says and what is asked for."""
    contexts = []

    def opened(url: str, wait: str = "load", **options: Any) -> Watched:
        contexts.append(chromium.new_context(**options))
        watched = Watched(contexts[-1].new_page())
        watched.page.on("console", lambda message: watched.errors.append(message.text) if message.type == "error" else None)
        watched.page.on("pageerror", lambda error: watched.errors.append(str(error)))
        watched.page.on("request", lambda request: watched.requests.append(request.url))
        watched.page.goto(url, wait_until=wait)
        return watched

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, and axe-core comes from there (Debian: apt install npm)")
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(
        ["npm", "install", "--silent", "--no-audit", "--no-fund", AXE], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"npm could not bring {AXE}: {done.stderr.strip()[-200:]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text()


@pytest.fixture
def serious_violations(axe: str) -> Callable[[Any], list[str]]:
    """What axe-core finds on a page that is serious or critical: the rule and where."""

    def found(page: Any) -> list[str]:
        page.evaluate(axe)
        result = page.evaluate("axe.run()")
        return [
            f"{violation['id']}: {node['html'][:200]}"
            for violation in result["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]

    return found


@pytest.fixture
def explorer(published_shop: SmallShop) -> Iterator[Explorer]:
    secrets = published_shop.settings.secrets_file
    secrets.write_text(f"NIGHTCART_EXPLORER_PASSWORD={PASSWORD}\n")
    port = free_port()
    environment = published_shop.environment | {
        "NIGHTCART_EXPLORER_PORT": str(port),
        "NIGHTCART_SHOPS": str(published_shop.file.parent),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    process = subprocess.Popen([sys.executable, "-m", "explorer"], cwd=PROJECT_ROOT, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/health", process)
        yield Explorer(published_shop, url)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_for(url: str, process: subprocess.Popen, seconds: float = 60) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, "the explorer ended"
        try:
            direct.open(url, timeout=5).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"no answer from {url}")
