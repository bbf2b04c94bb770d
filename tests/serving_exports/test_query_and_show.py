"""What an operator sees in the terminal."""

import pytest

import steps
from serving_exports.query import query
from serving_exports.show import show
from serving_exports.text_table import text_table


def ask(shop, sql: str, width: int | None = None) -> str:
    return query(shop.settings, shop.shop, sql, width)


def test_a_query_is_printed_as_a_table(published_shop):
    answer = ask(published_shop, "select reason, count(*) as places from user_recommendations group by reason order by places desc, reason")
    assert answer.splitlines() == [
        "reason               places",
        "───────────────────  ──────",
        "because_viewed          174",
        "because_bought           58",
        "popular                  29",
        "popular_in_category      29",
        "(4 rows)",
    ]


def test_no_row_is_said_and_not_shown_as_nothing(published_shop):
    assert ask(published_shop, "select rank from user_recommendations where rank > 10").splitlines() == ["rank", "────", "(no rows)"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("create table mine (i integer)", "read-only"),
        ("delete from user_segments", "read-only"),
        ("copy user_segments to '{folder}/segments.csv'", "disabled by configuration"),
        ("export database '{folder}/all'", "disabled by configuration"),
        ("select * from read_csv('/etc/passwd')", "disabled by configuration"),
        ("attach '{folder}/other.duckdb'", "disabled by configuration"),
        ("install httpfs", "disabled by configuration"),
        ("set enable_external_access = true", "configuration has been locked"),
        ("select 1; select 2", "one statement is asked for, not 2"),
        ("", "one statement is asked for, not 0"),
        ("selec 1", "syntax error"),
        ("select * from nowhere", "Table with name nowhere does not exist"),
    ],
)
def test_a_query_can_only_read_what_is_published(published_shop, tmp_path, sql, message):
    with pytest.raises(steps.StepError, match=message):
        ask(published_shop, sql.format(folder=tmp_path))
    assert {file.name for file in tmp_path.iterdir()} == {"corner.yml", "data"}


def test_the_warehouse_is_asked_only_where_it_is_asked_for_and_only_read(published_shop):
    bots = "select count(*) as bots from int_user_eligibility where not is_eligible"
    with pytest.raises(steps.StepError, match="int_user_eligibility does not exist"):
        ask(published_shop, bots)
    assert query(published_shop.settings, published_shop.shop, bots, of_warehouse=True).splitlines()[2].split() == ["1"]
    with pytest.raises(steps.StepError, match="read-only"):
        query(published_shop.settings, published_shop.shop, "delete from int_user_eligibility", of_warehouse=True)
    done = published_shop.run("query", "--marts", bots)
    assert (done.returncode, done.stdout.splitlines()[2].split()) == (0, ["1"])


def test_a_warehouse_that_was_never_built_is_a_clear_error(empty_shop):
    with pytest.raises(steps.StepError, match="shop corner has no warehouse yet"):
        query(empty_shop.settings, empty_shop.shop, "select 1", of_warehouse=True)


def test_a_query_from_the_command_line_answers_or_says_why_not(published_shop):
    done = published_shop.run("query", "select build_id from run_manifest")
    assert (done.returncode, done.stdout.splitlines()[2]) == (0, "2026-06-30-first")
    failed = published_shop.run("query", "select nothing from nowhere")
    assert failed.returncode == 1
    assert "Table with name nowhere does not exist" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_nothing_published_is_a_clear_error(empty_shop):
    for answer in (lambda: ask(empty_shop, "select 1"), lambda: show(empty_shop.settings, empty_shop.shop)):
        with pytest.raises(steps.StepError, match="nothing is published for shop corner yet"):
            answer()


def test_show_names_every_table_the_build_and_where_it_is_in_140_columns(published_shop):
    told = show(published_shop.settings, published_shop.shop)
    lines = told.splitlines()
    tables, last = told.split("The corner shop, night 2026-06-30, build 2026-06-30-first")
    assert [line for line in tables.splitlines() if line.endswith(" rows")] == [
        "audience_members: 10 rows",
        "audiences: 1 rows",
        "daily_kpis: 270 rows",
        "item_recommendations: 120 rows",
        "newcomer_recommendations: 20 rows",
        "segment_migrations: 6 rows",
        "user_predictions: 30 rows",
        "user_profiles: 30 rows",
        "user_recommendations: 290 rows",
        "user_segment_history: 60 rows",
        "user_segments: 30 rows",
    ]
    assert max(len(line) for line in lines if "/current/" not in line) <= 140
    assert str(published_shop.builds.link / "shop.duckdb") in last
    assert "recommendations: two_tower 1" in last
    assert next(line for line in lines if line.startswith("2026-")).startswith("2026-06-30")  # the newest day first


def test_show_of_a_night_that_is_not_current_says_what_consumers_see(published_shop):
    told = published_shop.run("show", "--run-date", "2026-06-29").stdout
    assert "night 2026-06-29, build 2026-06-29-first\n  note       consumers see another build: 2026-06-30-first" in told
    assert str(published_shop.builds.folder("2026-06-29-first") / "shop.duckdb") in told
    assert "note" not in published_shop.run("show", "--run-date", "2026-06-30").stdout
    assert "there is no build of night 2026-01-01" in published_shop.run("show", "--run-date", "2026-01-01").stderr


def test_a_table_that_is_too_wide_leaves_out_columns_and_cuts_texts_but_no_numbers():
    names, rows = ["user_key", "amount", "story", "run_date"], [["0018b944…", 12345.67, "a very long story of a cart", "2026-06-30"]]
    assert text_table(names, rows, width=40).splitlines() == [
        "user_key     amount  story",
        "─────────  ────────  ───────────────────",
        "0018b944…  12345.67  a very long story …",
        "(and run_date)",
    ]


def test_missing_values_lists_and_line_breaks_keep_the_table_straight():
    assert text_table(["a", "b", "c"], [[None, [1, 2], "two\nlines"], [5, None, True]]).splitlines() == [
        "a  b     c",
        "─  ────  ─────────",
        "   1, 2  two lines",
        "5        True",
    ]
