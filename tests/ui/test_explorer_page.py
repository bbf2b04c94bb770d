"""The explorer in a browser: behind its login, over the tables, through a flip."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.ui.conftest import Explorer

pytestmark = pytest.mark.ui
PATIENCE = 60_000  # milliseconds; two slow cores draw a page in seconds


def somebody(explorer: Explorer) -> str:
    with explorer.shop.current() as connection:
        return str(connection.execute("select user_key from user_recommendations order by all limit 1").fetchone()[0])


def opened(open_page: Callable[..., Any], explorer: Explorer, path: str, **options: Any) -> Any:
    login = {"username": "admin", "password": explorer.password}
    watched = open_page(f"{explorer.url}{path}", http_credentials=login, **options)
    watched.page.get_by_role("heading", level=1).wait_for(timeout=PATIENCE)
    return watched


def asked(page: Any, sql: str) -> str:
    """What the page of SQL says to a statement that it refuses."""
    page.get_by_label("Statement").fill(sql)
    page.get_by_role("button", name="Run").click()
    alert = page.get_by_test_id("stAlert")
    alert.wait_for(timeout=PATIENCE)
    return alert.inner_text()


def test_nobody_sees_anything_without_the_password(open_page: Callable[..., Any], explorer: Explorer) -> None:
    for path in ("/", "/sql", "/_stcore/stream"):
        with pytest.raises(Exception, match="ERR_INVALID_AUTH_CREDENTIALS"):
            open_page(f"{explorer.url}{path}")


def test_a_person_is_found_with_the_ten_items_of_the_table(open_page: Callable[..., Any], explorer: Explorer) -> None:
    user = somebody(explorer)
    page = opened(open_page, explorer, "/").page
    page.get_by_label("user_key").fill(user)
    page.get_by_label("user_key").press("Enter")
    table = page.get_by_test_id("stTable").first
    table.wait_for(timeout=PATIENCE)
    rows = table.locator("tbody tr")
    shown = [rows.nth(place).locator("td").nth(1).inner_text() for place in range(rows.count())]
    with explorer.shop.current() as connection:
        query = f"select item_id from user_recommendations where user_key = '{user}' order by rank"
        expected = [item for (item,) in connection.execute(query).fetchall()]
    assert shown == expected
    assert len(expected) == 10


def test_an_open_page_follows_a_flip_by_itself(open_page: Callable[..., Any], explorer: Explorer) -> None:
    page = opened(open_page, explorer, f"/?user={somebody(explorer)}").page
    page.get_by_text("build 2026-06-30-first").wait_for(timeout=PATIENCE)
    explorer.shop.build_serving(build_id="second")
    explorer.shop.change("update user_recommendations set reason = 'because_added'")
    explorer.shop.publish()
    page.get_by_text("build second").wait_for(timeout=PATIENCE)
    page.get_by_test_id("stTable").first.get_by_text("because_added").first.wait_for(timeout=PATIENCE)
    assert page.get_by_test_id("stException").count() == 0


def test_sql_can_neither_write_nor_read_other_files(open_page: Callable[..., Any], explorer: Explorer) -> None:
    page = opened(open_page, explorer, "/sql").page
    assert "file system operations are disabled" in asked(page, "copy user_segments to 'stolen.csv'")
    page.reload()
    page.get_by_role("heading", level=1).wait_for(timeout=PATIENCE)
    assert "file system operations are disabled" in asked(page, "select * from read_csv('/etc/passwd')")


def test_the_members_of_a_segment_can_be_taken_along(open_page: Callable[..., Any], explorer: Explorer) -> None:
    page = opened(open_page, explorer, "/groups", accept_downloads=True).page
    button = page.get_by_role("button", name="Download all members as CSV")
    button.wait_for(timeout=PATIENCE)
    with page.expect_download(timeout=PATIENCE) as download:
        button.click()
    lines = download.value.path().read_text().splitlines()
    with explorer.shop.current() as connection:
        largest = connection.execute("select count(*) from user_segments group by segment order by 1 desc limit 1").fetchone()[0]
    assert len(lines) == largest + 1


@pytest.mark.parametrize("path", ["/?user={}", "/items?item=0001", "/groups", "/nights", "/sql"])
def test_every_page_is_accessible_and_asks_nobody_else(
    open_page: Callable[..., Any], explorer: Explorer, serious_violations: Callable[[Any], list[str]], path: str
) -> None:
    watched = opened(open_page, explorer, path.format(somebody(explorer)))
    watched.page.get_by_text("build 2026-06-30-first").wait_for(timeout=PATIENCE)
    watched.page.wait_for_timeout(2_000)  # the last elements of the page arrive one by one
    assert [url for url in watched.requests if not url.startswith((explorer.url, "data:", "blob:"))] == []
    assert serious_violations(watched.page) == []
