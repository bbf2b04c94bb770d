"""A build with an encryption key: its database opens with the key alone, and nothing lies open beside it."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb
import pytest

import steps
import warehouse
from serving_exports import published
from serving_exports.publish import publish
from serving_exports.show import show
from settings import Settings
from tests.serving_exports.conftest import SmallShop

KEY = "a key of more than 16 characters"
NIGHT = date(2026, 6, 30)


@pytest.fixture
def settings(filled_shop: SmallShop) -> Settings:
    """The shop's settings with a key, its warehouse being encrypted already."""
    settings = replace(filled_shop.settings, encryption_key=KEY)
    file = warehouse.path(settings, filled_shop.shop, NIGHT)
    plain = file.rename(file.with_name("plain.duckdb"))
    with duckdb.connect() as connection:
        connection.execute(f"attach '{plain}' as plain (read_only)")
        warehouse.attach(connection, settings, file, "encrypted")
        connection.execute("copy from database plain to encrypted")
    return settings


def holding(folder: Path, text: str) -> set[str]:
    return {file.name for file in folder.iterdir() if text.encode() in file.read_bytes()}


def test_a_build_opens_with_the_key_alone(filled_shop, settings):
    assert publish(settings, filled_shop.shop, NIGHT).endswith("now current")
    build = published.current(settings, filled_shop.shop)
    assert {file.name for file in build.iterdir()} == {"shop.duckdb", "shop_public.duckdb", "report.html", "manifest.json"}
    assert "user_segments: 30 rows" in show(settings, filled_shop.shop)
    with published.opened(settings, build) as connection:
        assert published.answer(connection, "select count(*) from user_profiles").table.to_pylist() == [{"count_star()": 30}]
    assert "shop.duckdb" not in holding(build, "rfm_monetary"), "not even its columns are to be seen"
    with duckdb.connect() as consumer:
        consumer.execute(f"attach '{build / 'shop.duckdb'}' as shop (read_only, encryption_key '{KEY}')")
        assert consumer.execute("select count(*) from shop.user_profiles").fetchone() == (30,)
    with duckdb.connect(str(build / "shop_public.duckdb"), read_only=True) as anybody:
        assert anybody.execute("select count(*) from daily_kpis").fetchone() == (270,)
    wrong = replace(settings, encryption_key="another key of more than 16 characters")
    with pytest.raises(steps.StepError, match="is not the key that"), published.opened(wrong, build):
        pass
    assert not holding(build, KEY)
