"""The page "Bring your shop" is true: its files, its draft and its figures are those that its commands give."""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

import shop as shops
from ingestion.draft_shop.account import account
from ingestion.draft_shop.drafts import draft
from ingestion.draft_shop.file_names import samples_in
from ingestion.draft_shop.shop_text import shop_text
from ingestion.draft_shop.sources_of_one_shop import one_shop
from ingestion.land import land
from ingestion.validate.findings import validate
from ingestion.validate.report import as_text
from settings import PROJECT_ROOT, Settings
from tests.ingestion.door import KEY

PAGE = (PROJECT_ROOT / "docs" / "bring-your-shop.md").read_text()
NIGHT = date(2026, 3, 31)


def block(start: str) -> str:
    """The page's code block that starts with a text."""
    return next(code for code in re.findall(r"```\w*\n(.*?)```", PAGE, re.DOTALL) if code.startswith(start))


@pytest.fixture(scope="module")
def corner_shop(tmp_path_factory) -> tuple[Settings, Path, str, str]:
    """(settings, finished shop file, the draft, what drafting said), made as the page says."""
    folder = tmp_path_factory.mktemp("corner")
    done = subprocess.run([sys.executable, "-c", block("import csv")], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == block("29960 clicks")
    settings = replace(Settings.from_environment({"NIGHTCART_DATA": str(folder / "data")}), hmac_keys=(KEY,))
    landing = settings.paths("corner_shop").landing
    drafts, _ = one_shop([draft(sample, 2_000) for sample in samples_in(landing)])
    text = shop_text("corner_shop", drafts, None)
    file = folder / "corner_shop.yml"
    file.write_text(text.replace("# skip_others: true", "skip_others: true"))
    return settings, file, text, account(drafts)


def test_the_draft_is_the_one_on_the_page(corner_shop):
    _, _, text, said = corner_shop
    assert block("timezone:") in text
    assert said in block("$ make shop")


def test_validation_says_what_the_page_says(corner_shop):
    settings, file, _, _ = corner_shop
    findings = validate(settings, shops.read(file), NIGHT, records=10_000, newest=3)
    said = as_text(findings)
    assert findings.could_land
    for part in block("$ make validate").split("\n", 1)[1].split("…\n"):
        assert part.strip() in said


def test_the_night_lands_as_many_records_as_the_page_says(corner_shop):
    settings, file, _, _ = corner_shop
    summary = land(settings, shops.read(file), NIGHT)
    promised = re.search(r"land corner_shop 2026-03-31: read .*? event lines", block("$ make nightly")).group()
    assert summary.startswith(promised)
