"""report.html in a browser: nothing asked for, nothing complained of, every chart drawn, readable for everybody."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.serving_exports.conftest import SmallShop

pytestmark = pytest.mark.ui
VIEWS = [("light", 1280), ("dark", 1280), ("light", 390)]


def opened(open_page: Callable[..., Any], shop: SmallShop, scheme: str = "light", width: int = 1280) -> Any:
    file = (shop.builds.link / "report.html").resolve()
    watched = open_page(file.as_uri(), color_scheme=scheme, viewport={"width": width, "height": 900})
    watched.page.wait_for_function("document.querySelectorAll('[data-chart]:not([data-drawn])').length === 0")
    return watched


def test_it_opens_without_a_request_or_an_error_and_draws_its_charts(open_page: Callable[..., Any], published_shop: SmallShop) -> None:
    watched = opened(open_page, published_shop)
    assert watched.errors == []
    assert watched.requests == [watched.page.url]
    charts = watched.page.locator("[data-chart]")
    assert charts.count() > 10
    drawn = watched.page.evaluate("[...document.querySelectorAll('[data-chart]')].map(c => c.querySelectorAll('svg path').length)")
    assert min(drawn) > 0


@pytest.mark.parametrize(("scheme", "width"), VIEWS)
def test_it_is_accessible_and_no_wider_than_the_screen(
    open_page: Callable[..., Any], published_shop: SmallShop, serious_violations: Callable[[Any], list[str]], scheme: str, width: int
) -> None:
    page = opened(open_page, published_shop, scheme, width).page
    assert serious_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


CUT_OFF = """[...document.querySelectorAll('[data-chart] .mark-text text')].filter(
    text => text.getBoundingClientRect().right > text.closest('svg').getBoundingClientRect().right + 1).map(text => text.textContent)"""


def test_no_number_beside_a_bar_is_cut_off_on_a_phone(open_page: Callable[..., Any], published_shop: SmallShop) -> None:
    page = opened(open_page, published_shop, width=390).page
    assert page.locator("[data-chart] .mark-text text").count() > 10
    assert page.evaluate(CUT_OFF) == []


def test_the_charts_follow_the_page_into_the_dark(open_page: Callable[..., Any], published_shop: SmallShop) -> None:
    def line(scheme: str) -> str:
        page = opened(open_page, published_shop, scheme).page
        return page.evaluate("getComputedStyle(document.querySelector('[data-chart] .mark-line path')).stroke")

    assert line("light") != line("dark")


def test_a_figure_that_is_drawn_can_also_be_read(open_page: Callable[..., Any], published_shop: SmallShop) -> None:
    page = opened(open_page, published_shop).page
    figure = page.locator("figure", has_text="Rows by the reason given")
    figure.locator("summary").click()
    assert figure.get_by_role("cell", name="Because viewed").is_visible()


def test_names_from_the_shop_are_text_in_charts_too(open_page: Callable[..., Any], published_shop: SmallShop) -> None:
    published_shop.build_serving(build_id="hostile")
    for name in ("user_segments", "user_segment_history"):
        published_shop.change(f"update {name} set segment = '</script><img src=x onerror=\"document.title = 1\">'")
    published_shop.publish()
    watched = opened(open_page, published_shop)
    assert watched.page.title() == "The corner shop: the night of 2026-06-30"
    assert watched.errors == []
    assert watched.requests == [watched.page.url]
