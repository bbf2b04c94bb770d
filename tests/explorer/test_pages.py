"""What the explorer shows is what the tables hold, of the build that is current at the moment of a click."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from settings import PROJECT_ROOT
from tests.serving_exports.conftest import SmallShop

Opened = Callable[..., AppTest]


def rows(shop: SmallShop, sql: str) -> list[tuple]:
    with shop.current() as connection:
        return connection.execute(sql).fetchall()


def texts(page: AppTest) -> str:
    return "\n".join(str(element.value) for kind in (page.markdown, page.caption, page.error, page.warning, page.info) for element in kind)


def lines(table: object, *columns: str) -> list[tuple]:
    return list(table.value[list(columns)].itertuples(index=False, name=None))


def test_a_person_has_their_list_and_what_is_not_in_the_build_is_named(opened: Opened, published_shop: SmallShop) -> None:
    user = str(rows(published_shop, "select user_key from user_recommendations order by all limit 1")[0][0])
    expected = rows(
        published_shop,
        f"select cast(rank as varchar), item_id, reason from user_recommendations where user_key = '{user}' order by rank",
    )
    page = opened("people", user=user)
    assert lines(page.table[0], "rank", "item_id", "reason") == expected
    assert len(expected) == 10
    assert "not in this build: it has no table user_category_predictions" in texts(page)


@pytest.mark.parametrize(
    ("asked", "told"), [("nobody", "nobody is no user_key"), ("00000000-0000-0000-0000-000000000000", "Nobody with this key")]
)
def test_a_key_of_nobody_is_no_error(opened: Opened, asked: str, told: str) -> None:
    assert told in texts(opened("people", user=asked))


def test_an_item_has_its_neighbours_and_the_people_who_are_shown_it(opened: Opened, published_shop: SmallShop) -> None:
    page = opened("items", item="0001")
    neighbours = "from item_recommendations where item_id = '0001' and relation = '{}' order by rank"
    similar, together, reasons = page.table[0], page.table[1], page.table[2]
    for table, relation in ((similar, "similar"), (together, "bought_together")):
        assert lines(table, "similar_item_id") == rows(published_shop, "select similar_item_id " + neighbours.format(relation))
    people = rows(published_shop, "select count(*) from user_recommendations where item_id = '0001'")[0][0]
    assert sum(int(count) for (count,) in lines(reasons, "people")) == people == len(page.dataframe[0].value)
    assert "No table of this build names an item 9999" in texts(opened("items", item="9999"))


def test_a_segment_has_its_size_and_its_members(opened: Opened, published_shop: SmallShop) -> None:
    page = opened("groups")
    name, people = rows(published_shop, "select segment, count(*) from user_segments group by all order by 2 desc, 1 limit 1")[0]
    assert (page.metric[0].label, page.metric[0].value) == (name, f"{people} people")
    members = rows(published_shop, f"select user_key from user_segments where segment = '{name}' order by user_key")
    assert list(page.dataframe[0].value["user_key"]) == [str(user) for (user,) in members]


def test_an_audience_has_its_rule_and_its_members(opened: Opened, published_shop: SmallShop) -> None:
    page = opened("groups")
    page.radio[0].set_value("audience").run()
    name, people = rows(published_shop, "select audience_id, count(*) from audience_members group by all order by 2 desc, 1 limit 1")[0]
    assert (page.metric[0].label, page.metric[0].value) == (name, f"{people} people")
    assert lines(page.table[0], "rule") == rows(published_shop, f"select rule from audiences where audience_id = '{name}'")
    members = rows(published_shop, f"select user_key from audience_members where audience_id = '{name}' order by user_key")
    assert sorted(page.dataframe[0].value["user_key"]) == [str(user) for (user,) in members]


def test_two_nights_of_the_same_lists_have_them_in_common(opened: Opened) -> None:
    page = opened("nights")
    assert [metric.value for metric in page.metric] == ["100%"]
    assert "nobody" in texts(page)  # the small shop's segments do not change


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("copy user_segments to 'stolen.csv'", "file system operations are disabled"),
        ("select * from read_csv('/etc/passwd')", "file system operations are disabled"),
        ("set enable_external_access = true", "enable_external_access"),
        ("delete from user_segments", "read-only"),
        ("select 1; select 2", "one statement is asked for, not 2"),
        ("select no_such_column from user_segments", "no_such_column"),
    ],
)
def test_sql_reads_the_tables_and_nothing_else(opened: Opened, sql: str, told: str) -> None:
    page = opened("questions")
    page.text_area[0].set_value(sql)
    page.button[0].click().run()
    assert told in page.error[0].value


def test_sql_stops_at_its_rows_and_at_its_seconds(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("explorer.questions.SECONDS", 0.2)
    page = opened("questions")
    page.text_area[0].set_value("select range from range(10001)")
    page.button[0].click().run()
    assert len(page.dataframe[0].value) == 10_000
    assert "there are more" in texts(page)
    page.text_area[0].set_value("select count(*) from range(1000000) as a, range(1000000) as b where a.range * b.range % 7 = 3")
    page.button[0].click().run()
    assert page.error[0].value == "stopped after 0.2 s: ask for less"


def test_the_next_click_after_a_flip_reads_the_new_build(published_shop: SmallShop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTCART_DATA", str(published_shop.settings.data))
    monkeypatch.setenv("NIGHTCART_SHOPS", str(published_shop.file.parent))
    page = AppTest.from_file(str(PROJECT_ROOT / "explorer" / "app.py"), default_timeout=60).run()
    assert "build 2026-06-30-first" in texts(page)
    published_shop.build_serving(build_id="2026-06-30-second")
    published_shop.publish()
    page.run()
    assert not page.exception
    assert "build 2026-06-30-second" in texts(page)
