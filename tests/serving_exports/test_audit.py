"""Every fault that the audit must find, and what becomes of a build in which it finds one."""

import json
import shutil
from datetime import date

import duckdb
import pytest

import steps
import warehouse
from segments import Segments
from serving_exports import audit
from shop import Recommendations
from sources import Part

NIGHT = date(2026, 6, 30)
ONE = "(select min(user_key) from user_recommendations)"
MEMBER = "(select min(user_key) from audience_members)"

FAULTS = {
    "a key twice": (
        "insert into user_segments select * from user_segments limit 1",
        "user_segments: the key (user_key) is unique and never null",
    ),
    "a key that is null": (
        "update user_predictions set target = null where user_key = (select min(user_key) from user_predictions)",
        "user_predictions: the key (user_key, target) is unique and never null",
    ),
    "a place left empty": (
        f"delete from user_recommendations where rank = 10 and user_key = {ONE}",
        "every eligible user has k recommendations or all that the rules allow",
    ),
    "an eligible user without any": (
        f"delete from user_recommendations where user_key = {ONE}",
        "every eligible user has k recommendations or all that the rules allow",
    ),
    "no recommendations at all": (
        "delete from user_recommendations",
        "every eligible user has k recommendations or all that the rules allow",
    ),
    "a day without a date": (
        "update daily_kpis set date = null, conversion_rate = 'nan' where date = date '2026-06-29'",
        "daily_kpis: the key (date) is unique and never null",
    ),
    "a gap in the ranks": (
        f"update user_recommendations set rank = 11 where rank = 5 and user_key = {ONE}",
        "ranks run from 1 without a gap",
    ),
    "item ranks from 0": ("update item_recommendations set rank = rank - 1", "ranks run from 1 without a gap"),
    "a probability above 1": (
        "update user_predictions set probability = 1.01 where probability > 0.5",
        "probabilities lie between 0 and 1",
    ),
    "a probability that is no number": (
        "update user_predictions set probability = 'nan' where is_eligible",
        "probabilities lie between 0 and 1",
    ),
    "a score that is infinite": (
        "update user_recommendations set score = 'inf' where rank = 1",
        "scores and values are finite numbers",
    ),
    "rows of another night": (
        "update user_segments set run_date = run_date - 1 where cluster_id = 0",
        "user_segments: every row is of this night",
    ),
    "a user without a profile": (
        f"delete from user_profiles where user_key = {ONE}",
        "every user with recommendations or a segment has a profile",
    ),
    "an eligible user without a segment": (
        f"delete from user_segments where user_key = {ONE}",
        "every eligible user has a profile a segment and a prediction",
    ),
    "a person who did not agree": (
        f"delete from warehouse.int_user_eligibility where user_key = {ONE}",
        "user_profiles: only people who agreed to be in it",
    ),
    "an item that is not for sale": (
        "delete from warehouse.recommendable_items where item_id = '0003' and as_of_date = date '2026-06-30'",
        "recommended items are recommendable and not excluded",
    ),
    "an item the user just bought": (
        "insert into warehouse.excluded_items select run_date, user_key, item_id, 'bought' from user_recommendations"
        f" where rank = 1 and user_key = {ONE}",
        "recommended items are recommendable and not excluded",
    ),
    "an item twice": (
        f"update user_recommendations set item_id = (select item_id from user_recommendations where rank = 1 and user_key = {ONE})"
        f" where rank = 2 and user_key = {ONE}",
        "no user is recommended the same item twice",
    ),
    "an item beside itself": (
        "update item_recommendations set similar_item_id = item_id where rank = 1",
        "no item is recommended beside itself or a variant",
    ),
    "an item beside its own variant": (
        "update warehouse.dim_items set item_group_id = '0003' where item_id = '0004'",
        "no item is recommended beside itself or a variant",
    ),
    "an audience above its cap": (
        "update audiences set max_people = 5",
        "audiences count their members and keep their caps",
    ),
    "a member who is counted nowhere": (
        f"delete from audience_members where user_key = {MEMBER}",
        "audiences count their members and keep their caps",
    ),
    "members of an audience that is not": (
        "update audience_members set audience_id = 'unknown'",
        "audiences count their members and keep their caps",
    ),
    "a member without a segment": (
        f"delete from user_segments where user_key = {MEMBER}",
        "members of audiences have a segment",
    ),
    "a member held out here and treated there": (
        f"update audience_members set treatment = 'both' where user_key = {MEMBER}",
        "a member is treated alike in audiences and recommendations",
    ),
    "a history that ends elsewhere": (
        f"update user_segments set segment = 'Loyal' where user_key = {MEMBER}",
        "the history of segments ends in those of tonight and has no overlap",
    ),
    "two segments at once": (
        "update user_segment_history set valid_until = run_date where valid_until is not null",
        "the history of segments ends in those of tonight and has no overlap",
    ),
    "a stay that ends before it begins": (
        "update user_segment_history set valid_until = valid_from where valid_until is not null",
        "the history of segments ends in those of tonight and has no overlap",
    ),
    "people whom no migration counts": (
        "update segment_migrations set people = people + 1",
        "migrations count everybody who was in a segment",
    ),
    "an RFM score of 6": ("update user_segments set rfm_monetary = 6 where cluster_id = 1", "rfm scores run from 1 to 5"),
    "no days": ("delete from daily_kpis", "daily kpis have days and none after the night"),
    "a day to come": (
        "update daily_kpis set date = date '2026-07-02' where date = date '2026-06-30'",
        "daily kpis have days and none after the night",
    ),
    "a raw id as a column": (
        "alter table user_profiles add column customer_id varchar",
        "user_profiles: no column could carry a raw id",
    ),
    "a raw id under the name of a pseudonym": (
        "alter table user_profiles alter user_key type varchar",
        "user_profiles: no column could carry a raw id",
    ),
    "an e-mail address in a text": (
        "update user_profiles set favourite_brand = 'ann.other@example.com' where usual_hour = 20",
        "user_profiles: no text looks like an e-mail address",
    ),
    "a column that is gone": (
        "alter table user_segments drop column rfm_recency",
        "rfm scores run from 1 to 5",
    ),
}


@pytest.fixture
def failures_after(published_data, shop_in, tmp_path):
    """Audits a copy of a published build after a change to it, or to the warehouse it was made from; the sentences that fail."""
    shop = shop_in(published_data.parent)
    shutil.copy(shop.settings.paths("corner").warehouse, tmp_path / "warehouse.duckdb")
    for name in ("shop.duckdb", "shop_public.duckdb"):
        (tmp_path / name).write_bytes((shop.builds.link / name).read_bytes())

    def audit_after(sql: str, **parts: Part) -> dict[str, str]:
        with duckdb.connect() as connection:
            for database, file in (("warehouse", "warehouse"), ("serving", "shop"), ("public_shop", "shop_public")):
                connection.execute(f"attach '{tmp_path / file}.duckdb' as {database}")
            connection.execute("use serving")
            connection.execute(sql)
            listed = warehouse.serving_tables(shop.settings, shop.shop, NIGHT)
            written = [audit.read_back(connection, table) for table in listed]
            checks = audit.run(connection, written, shop.builds.link, NIGHT, shop.shop.model_copy(update=parts))
        return {check.name: check.detail for check in checks if not check.passed}

    return audit_after


@pytest.fixture
def shop_with_a_second_build(published_shop):
    """One published build, and a second of the same night in the warehouse."""
    published_shop.build_serving(NIGHT, build_id="second")
    return published_shop


@pytest.mark.parametrize("fault", FAULTS)
def test_the_audit_finds(failures_after, fault):
    sql, sentence = FAULTS[fault]
    failures = failures_after(sql)
    assert sentence in failures
    assert failures[sentence]
    assert "ann.other" not in str(failures)


def test_more_of_a_category_or_brand_than_the_shop_file_allows_is_found(failures_after):
    sentence = "no list holds more of a category or brand than the shop file allows"
    assert sentence not in failures_after("select 1", recommendations=Recommendations(max_per_category=3, max_per_brand=2))
    assert "brand" in failures_after("select 1", recommendations=Recommendations(max_per_category=3, max_per_brand=1))[sentence]
    assert "category" in failures_after("select 1", recommendations=Recommendations(max_per_category=2))[sentence]


def test_groups_that_are_too_small_to_be_shown_are_found(failures_after):
    sentence = "no segment cluster or audience is smaller than the shop file allows"
    few = "update user_segments set segment = 'Loyal', cluster_id = 1; "
    assert sentence not in failures_after(few, segments=Segments(min_people=5))
    for fault, kind in (
        (f"update user_segments set segment = 'alone' where user_key = {ONE}", "segment"),
        (f"update user_segments set cluster_id = 9 where user_key = {ONE}", "cluster"),
        (f"delete from audience_members where user_key <> {MEMBER}", "audience"),
    ):
        assert f'"kind":"{kind}"' in failures_after(few + fault, segments=Segments(min_people=5))[sentence]
    assert sentence in failures_after("select 1", segments=Segments(min_people=31))
    together = "update user_segments set segment = 'other', cluster_id = null; delete from audience_members"
    assert sentence not in failures_after(together, segments=Segments(min_people=31)), "a tiny shop is one group"


@pytest.mark.parametrize(("first_turn", "is_found"), [(12, False), (19, True)])
def test_under_caps_a_list_may_be_shorter_but_not_by_more_than_they_explain(failures_after, first_turn, is_found):
    """Five places are filled: what twelve items that keep the caps explain, less the one excluded, and nineteen do not."""
    found = failures_after(
        f"update warehouse.int_popular_items set turn = 2 where place > {first_turn}; delete from user_recommendations where rank > 5"
    )
    assert ("every eligible user has k recommendations or all that the rules allow" in found) == is_found


def test_the_audit_finds_nothing_in_a_sound_build(failures_after):
    assert failures_after("select 1") == {}


def test_what_wider_readers_get_holds_neither_a_person_nor_a_small_group(failures_after):
    person = "create table public_shop.people as select user_key from user_segments"
    assert '"column_name":"user_key"' in failures_after(person)["shop_public: no column could name a person"]
    few = "update public_shop.segment_migrations set people = 4"
    sentence = "shop_public: no row is of fewer people than the shop file allows"
    assert "segment_migrations" in failures_after(few, segments=Segments(min_people=5))[sentence]
    assert sentence not in failures_after(few, segments=Segments(min_people=4))


def test_a_fault_fails_the_checks_that_it_concerns_and_no_others(failures_after):
    failures = failures_after("update user_segments set rfm_monetary = 6")
    assert set(failures) == {"rfm scores run from 1 to 5", "user_segments: the Parquet file holds the same rows as the database"}
    assert failures["rfm scores run from 1 to 5"].startswith('30 found, such as {"user_key":"')


def test_a_refused_build_is_kept_apart_with_its_reason_and_exits_non_zero(shop_with_a_second_build, snapshot):
    shop = shop_with_a_second_build
    old = snapshot(shop.builds.link)
    shop.change("update user_predictions set probability = 2 where is_eligible")

    done = shop.run("publish", "--run-date", str(NIGHT))

    assert done.returncode == 1
    assert "not so: probabilities lie between 0 and 1 (29 found, such as {" in done.stderr
    assert snapshot(shop.builds.link) == old
    refused = shop.builds.root / "builds" / "second.refused"
    assert '"passed": false' in (refused / "manifest.json").read_text()
    assert "Refused: not published" in (refused / "report.html").read_text()
    assert "second" not in shop.builds.ids()


MISSING = "web: 0 events delivered on 2026-06-30, against 100 on the same weekday (median of 8 weeks)"


def test_a_night_whose_day_is_missing_is_held_until_somebody_says_that_it_is_right(shop_with_a_second_build, snapshot):
    shop = shop_with_a_second_build
    old = snapshot(shop.builds.link)
    shop.change(f"update fct_intake_checks set verdict = 'hold', sentence = '{MISSING}'")

    held = shop.run("publish", "--run-date", str(NIGHT))

    assert held.returncode == 1
    assert f"not so: {audit.AS_USUAL} ({MISSING}; if that is right: call the day closed, or publish --despite-volume)" in held.stderr
    assert snapshot(shop.builds.link) == old
    manifest = json.loads((shop.builds.root / "builds" / "second.refused" / "manifest.json").read_text())
    assert [check["name"] for check in manifest["audit"]["checks"] if not check["passed"]] == [audit.AS_USUAL]

    looked_at = shop.run("publish", "--run-date", str(NIGHT), "--despite-volume")

    assert looked_at.stdout.endswith("now current\n"), looked_at.stderr
    (check,) = (check for check in shop.builds.manifest("second")["audit"]["checks"] if check["name"] == audit.AS_USUAL)
    assert check["detail"] == f"{MISSING}; published with --despite-volume"


def test_no_other_fault_is_published_despite_it(shop_with_a_second_build):
    shop_with_a_second_build.change("update user_segments set rfm_recency = 9")
    with pytest.raises(steps.StepError, match="rfm scores run from 1 to 5"):
        shop_with_a_second_build.publish(despite_volume=True)


def test_a_refused_night_can_be_published_once_it_is_mended(shop_with_a_second_build):
    shop = shop_with_a_second_build
    shop.change("update user_segments set rfm_recency = 9")
    for attempt in ("second.refused", "second.refused-2"):
        with pytest.raises(steps.StepError, match="audit refused"):
            shop.publish()
        assert (shop.builds.root / "builds" / attempt).is_dir()
    shop.change("update user_segments set rfm_recency = 5")
    assert shop.publish().endswith("now current")
    assert shop.builds.current() == "second"


def test_a_shop_with_fewer_items_than_places_publishes_as_many_as_it_has(empty_shop):
    shop = empty_shop
    shop.build_serving(NIGHT, items=6)  # each user is excluded from one of the six
    assert shop.publish().endswith("now current")
    with shop.current() as connection:
        assert connection.execute("select distinct max(rank) from user_recommendations group by user_key").fetchall() == [(5,)]


def test_a_shop_where_nobody_is_known_publishes_empty_personal_tables(filled_shop):
    tables = (
        "int_user_eligibility", "user_recommendations", "user_segments", "user_predictions", "user_profiles", "user_segment_history",
        "segment_migrations", "audiences", "audience_members",
    )  # fmt: skip
    filled_shop.change(";".join(f"delete from {name}" for name in tables))
    assert filled_shop.publish().endswith("now current")


def test_a_parquet_file_with_other_rows_is_found(filled_shop, monkeypatch):
    from serving_exports import tables

    def write_all_but_one(connection, table, folder):
        connection.execute(f"copy (select * from serving.{table.name} offset 1) to '{folder / table.name}.parquet'")

    monkeypatch.setattr(tables, "_write_parquet", write_all_but_one)
    with pytest.raises(steps.StepError, match="daily_kpis: the Parquet file holds the same rows as the database"):
        filled_shop.publish()
