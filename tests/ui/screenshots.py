"""Pictures of the report and the explorer for the pages in docs/, from what is published, by the browser of the tests.

    python -m tests.ui.screenshots shops/demo.yml --explorer http://127.0.0.1:8082     # after `make up` and `make test-ui`

Each is of the first screen, in as few colours as it takes to stay small.
"""

import argparse
import io
from pathlib import Path
from typing import Any

from PIL import Image

import shop as shops
from services import keys
from serving_exports import published
from serving_exports.report import FILE
from settings import PROJECT_ROOT, Settings, read_secrets
from tests.ui import browsing

FOLDER = PROJECT_ROOT / "docs" / "images"
COLOURS = 64
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
REPORTS = {"report-light": ("light", DESKTOP), "report-dark": ("dark", DESKTOP), "report-phone": ("light", PHONE)}


def of_report(browser: Any, file: Path) -> None:
    for name, (scheme, viewport) in REPORTS.items():
        page = browser.new_context(color_scheme=scheme, viewport=viewport).new_page()
        page.goto(file.as_uri())
        page.wait_for_function("document.querySelectorAll('[data-chart]:not([data-drawn])').length === 0")
        page.locator("#kpis" if viewport == PHONE else "header").scroll_into_view_if_needed()
        save(page, name)


def of_explorer(browser: Any, url: str, password: str, user: str) -> None:
    login = {"username": "admin", "password": password}
    page = browser.new_context(http_credentials=login, viewport=DESKTOP).new_page()
    page.goto(f"{url}/?user={user}")
    page.get_by_test_id("stTable").nth(1).wait_for(timeout=60_000)
    save(page, "explorer")


def save(page: Any, name: str) -> None:
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB").quantize(COLOURS)
    picture.save(FOLDER / f"{name}.png", optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--explorer", help="the address of a running explorer; without one only the report is taken")
    options = parser.parse_args()
    settings, shop = Settings.from_environment(), shops.read(options.shop)
    folder = published.current(settings, shop)
    with published.opened(settings, folder) as connection:
        user = published.answer(connection, "select user_key from user_recommendations order by all limit 1").table["user_key"][0].as_py()
    with browsing.browser() as browser:
        of_report(browser, folder / FILE)
        if options.explorer:
            of_explorer(browser, options.explorer, read_secrets(settings.secrets_file)[keys.EXPLORER_PASSWORD], str(user))


if __name__ == "__main__":
    main()
