"""The small shop's builds, and the explorer's pages over them without a browser."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from settings import Settings
from shop import Shop
from tests.serving_exports.conftest import SmallShop, chart_script, empty_shop, published_data, published_shop, shop_in, written_warehouses

__all__ = ["chart_script", "empty_shop", "published_data", "published_shop", "shop_in", "written_warehouses"]


def show(name: str, settings: "Settings", shop: "Shop") -> None:
    """What Streamlit runs: one page over the current build. It knows no name but its own, so it imports."""
    import importlib

    from explorer.view import View
    from serving_exports import published

    folder = published.current(settings, shop)
    with published.opened(settings, folder) as connection:
        importlib.import_module(f"explorer.{name}").page(View(settings, shop, folder, connection))


@pytest.fixture
def opened(published_shop: SmallShop) -> Callable[..., AppTest]:
    """Opens a page of the explorer with what its address asks for."""

    def open_page(name: str, **asked: str) -> AppTest:
        page = AppTest.from_function(show, default_timeout=60, args=(name, published_shop.settings, published_shop.shop))
        for key, value in asked.items():
            page.query_params[key] = value
        page.run()
        assert not page.exception
        return page

    return open_page
