"""What `make up` serves shows nothing to a browser without a login."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from services import keys
from settings import PROJECT_ROOT, Settings, read_secrets

pytestmark = pytest.mark.ui


@pytest.fixture(scope="module")
def addresses(installation: Settings, installed_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """Where the started services answer, by the name of the variable that chose the port."""
    command = [sys.executable, "-m"]
    subprocess.run([*command, "services.up"], cwd=PROJECT_ROOT, env=installed_environment, check=True, timeout=300)
    yield {name: f"http://127.0.0.1:{value}" for name, value in installed_environment.items() if name.endswith("_PORT")}
    subprocess.run([*command, "services.down"], cwd=PROJECT_ROOT, env=installed_environment, check=True, timeout=120)


def test_airflow_asks_for_user_and_password(addresses: dict[str, str], installation: Settings, open_page: Callable[..., Any]) -> None:
    page = open_page(addresses["NIGHTCART_AIRFLOW_PORT"], wait="networkidle").page
    page.locator("input[name=password]").wait_for(timeout=60_000)
    assert "nightly_demo" not in page.content()
    page.locator("input[name=username]").fill("admin")
    page.locator("input[name=password]").fill(read_secrets(installation.secrets_file)[keys.AIRFLOW_PASSWORD])
    page.locator("button[type=submit]").click()
    page.wait_for_url(lambda url: "login" not in url, timeout=60_000)


def test_mlflow_asks_for_user_and_password(addresses: dict[str, str], installation: Settings, open_page: Callable[..., Any]) -> None:
    url = addresses["NIGHTCART_MLFLOW_PORT"]
    with pytest.raises(Exception, match="ERR_INVALID_AUTH_CREDENTIALS"):
        open_page(url)
    password = read_secrets(installation.secrets_file)[keys.MLFLOW_PASSWORD]
    page = open_page(url, http_credentials={"username": "admin", "password": password}).page
    page.get_by_text("Experiments").first.wait_for(timeout=60_000)
