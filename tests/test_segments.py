"""Segments and audiences of a shop file: what it may say, and what the models' own SQL makes of it over people made by hand."""

import re
from collections import Counter
from datetime import date, timedelta

import duckdb
import pytest
from pydantic import ValidationError

import shop as shops
import warehouse
from segments import NUMBERS, RULES, WORDS, Audience, Segments
from settings import PROJECT_ROOT, Settings
from tests.lake_by_hand import key
from tests.models_by_hand import rendered

NIGHT = date(2026, 3, 30)
DEMO = shops.read(PROJECT_ROOT / "shops" / "demo.yml")
COLUMNS = [column for column in (*NUMBERS, *WORDS) if not column.startswith("rfm_") and column != "lifecycle"]
USUAL = {"tenure_days": 200, "days_since_last_event": 20, "open_cart_count": 0, "order_count_365d": 0, "order_amount_365d": 0}


def segmented(people: list[dict], segments: Segments, audiences: tuple[Audience, ...] = ()) -> duckdb.DuckDBPyConnection:
    """Snapshots of people, today's unless `as_of_date` says otherwise, and what the models make of them."""
    shop = DEMO.model_copy(update={"segments": segments, "audiences": audiences})
    variables = warehouse.variables(Settings.from_environment({}), shop, NIGHT)
    connection = duckdb.connect()
    texts = ", ".join(f"{column} {'varchar' if column in WORDS else 'double'}" for column in COLUMNS)
    connection.execute(f"create table feat_user_snapshots (as_of_date date, user_key uuid, {texts})")
    names = ["as_of_date", "user_key", *COLUMNS]
    rows = [
        [person.get(name) for name in names]
        for number, given in enumerate(people)
        for person in [USUAL | {"as_of_date": NIGHT, "user_key": key(number)} | given]
    ]
    if rows:
        connection.executemany(f"insert into feat_user_snapshots values ({', '.join('?' * len(names))})", rows)
    connection.execute(
        """
        create table int_persons as select distinct user_key as visitor_key, user_key from feat_user_snapshots;
        create table int_user_eligibility as select user_key, null::varchar as ineligible_reason from int_persons;
        create table user_clusters (user_key uuid, cluster_id integer, cluster_name varchar);
        create table user_predictions as
        select user_key, 'purchase_7d' as target, round(md5_number_lower(user_key::varchar) % 1000 / 1000.0, 3) as probability,
            null::double as expected_value, true as is_eligible, 'm' as model_name, '1' as model_version,
            cast(ceil(100 * cume_dist() over (order by probability)) as integer) as percentile
        from int_persons;
        create table user_category_predictions as
        select user_key, 'category_purchase_7d' as target, category, 1 - probability as probability, expected_value, is_eligible,
            model_name, model_version, 101 - percentile as percentile
        from user_predictions, (values ('Kitchen'), ('Men''s')) as top (category)
        """
    )
    for model in ("int_segmented_people", "user_segments", "audience_members", "audiences"):
        connection.execute(f"create table {model} as {rendered(model, **variables)}")
    return connection


def buyers(count: int, orders: int, days_ago: int, amount: float, **more: object) -> list[dict]:
    return [{"order_count_365d": orders, "days_since_last_order": days_ago, "order_amount_365d": amount} | more for _ in range(count)]


def sizes(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    return dict(connection.execute("select segment, count(*) from user_segments group by all").fetchall())


def rule(name: str, **conditions: object) -> dict:
    return {"name": name, "when": [{"column": column, **comparison} for column, comparison in conditions.items()]}


def test_the_default_rules_tell_ten_kinds_of_customers_apart():
    shop = [
        *buyers(30, 9, 2, 900), *buyers(30, 8, 25, 30), *buyers(30, 1, 3, 850), *buyers(30, 1, 4, 20, tenure_days=5),
        *buyers(220, 2, 26, 40), *buyers(40, 4, 250, 800), *buyers(40, 2, 210, 40), *buyers(60, 1, 290, 10), *buyers(60, 2, 300, 15),
        *({"open_cart_count": 2, "days_since_last_event": 1} for _ in range(25)), *({} for _ in range(22)),
    ]  # fmt: skip
    found = sizes(segmented(shop, Segments()))
    assert set(found) == {each.name for each in RULES}
    assert found == {
        "champions": 30, "loyal": 30, "potential VIP": 30, "new": 30, "promising": 220, "at risk of high value": 40, "cooling": 40,
        "one-time": 60, "dormant": 60, "ready to buy": 25, "window shoppers": 22,
    }  # fmt: skip


def test_the_first_rule_that_holds_names_the_segment_and_rules_of_one_name_add_up():
    rules = [
        rule("b'loved", order_count_365d={"at_least": 3}, open_cart_count={"at_most": 0}),
        rule("cart", open_cart_count={"at_least": 1}),
        rule("garden", top_category={"one_of": ["Garden", "Men's"]}),
        rule("garden", usual_daypart={"one_of": ["night"]}),
        rule("unknown", top_category={"is_missing": True}),
    ]
    people = [
        *buyers(2, 3, 5, 10), *buyers(3, 3, 5, 10, open_cart_count=1), {"top_category": "Garden > Pots"}, {"top_category": "Men's"},
        {"top_category": "Gardening"}, {"usual_daypart": "night", "top_category": "Home"}, {},
    ]  # fmt: skip
    found = sizes(segmented(people, Segments(min_people=1, rules=rules)))
    assert found == {"b'loved": 2, "cart": 3, "garden": 3, "unknown": 1, "other": 1}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"a": 30, "b": 20}, {"a": 30, "b": 20}),
        ({"a": 30, "b": 12, "c": 9}, {"a": 30, "other": 21}),
        ({"a": 25, "b": 40, "c": 4}, {"a": 25, "other": 44}),  # four alone would be too few, so the last of the rules joins them
        ({"a": 40, "b": 25, None: 3}, {"a": 40, "other": 28}),
        ({"a": 40, "b": 25, None: 30, "c": 2}, {"a": 40, "b": 25, "other": 32}),
        ({"a": 5, "b": 3}, {"other": 8}),
        ({}, {}),
    ],
)
def test_no_segment_is_smaller_than_the_shop_file_allows(counts, expected):
    people = [{"top_brand": name} for name, count in counts.items() for _ in range(count)]
    rules = [rule(name, top_brand={"one_of": [name]}) for name in "abc"]
    assert sizes(segmented(people, Segments(rules=rules))) == expected


def test_a_day_is_folded_by_its_own_sizes():
    week_ago = NIGHT - timedelta(days=7)
    people = [{"top_brand": "a" if number < 25 else "b"} for number in range(60)]
    people += [person | {"user_key": key(n), "as_of_date": week_ago, "top_brand": "a"} for n, person in enumerate(people) if n < 15]
    people += [{"user_key": key(n), "as_of_date": week_ago, "top_brand": "b"} for n in range(15, 60)]
    rules = [rule(name, top_brand={"one_of": [name]}) for name in "ab"]
    connection = segmented(people, Segments(rules=rules))
    found = connection.execute("select as_of_date, segment, count(*) from int_segmented_people group by all order by 1, 2").fetchall()
    assert found == [(week_ago, "other", 60), (NIGHT, "a", 25), (NIGHT, "b", 35)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 100])
def test_fifths_are_in_order_lie_even_and_do_not_depend_on_the_order_of_rows(count):
    people = [each for n in range(count) for each in buyers(1, 1 + n, n, 10 * n)]
    connection = segmented(people, Segments(min_people=1))
    rows = connection.execute(
        """
        select rfm_frequency, rfm_recency, rfm_monetary from user_segments
        inner join feat_user_snapshots using (user_key) order by order_count_365d
        """
    ).fetchall()
    frequency = [row[0] for row in rows]
    assert frequency == sorted(frequency) == [row[2] for row in rows] == [6 - row[1] for row in rows]
    assert frequency == [6 - each for each in reversed(frequency)], "as far from the one end as from the other"
    if count % 5 == 0:
        assert set(Counter(frequency).values()) == {count // 5}


def test_equal_values_share_the_fifth_of_their_middle():
    connection = segmented([*buyers(80, 1, 5, 10), *buyers(20, 2, 5, 30)], Segments(min_people=1))
    found = connection.execute("select distinct rfm_frequency, rfm_recency, rfm_monetary from user_segments order by 1").fetchall()
    assert found == [(3, 3, 3), (5, 3, 5)]


def audience(**keys: object) -> Audience:
    return Audience.model_validate({"id": "all", "name": "All", "when": [{"column": "tenure_days", "at_least": 1}]} | keys)


def test_an_audience_holds_the_best_of_those_who_meet_its_rule_up_to_the_cap():
    half = [{"probability": "purchase_7d", "at_least": 0.5}, {"column": "segment", "one_of": ["loyal"]}]
    declared = (audience(), audience(id="best", max_people=30), audience(id="paid", budget=25, cost_per_person=1, when=half))
    loyal = [{"name": "loyal", "when": [{"column": "top_brand", "one_of": ["a"]}]}]
    connection = segmented([{"top_brand": "a" if n % 4 else "b"} for n in range(200)], Segments(rules=loyal), declared)
    chances = dict(connection.execute("select user_key, probability from user_predictions").fetchall())
    loyal_keys = {user for (user,) in connection.execute("select user_key from user_segments where segment = 'loyal'").fetchall()}
    ranked = sorted(chances, key=lambda user: (-chances[user], str(user)))
    expected = {"all": ranked, "best": ranked[:30], "paid": [user for user in ranked if chances[user] >= 0.5 and user in loyal_keys][:25]}
    for name, users in expected.items():
        members = connection.execute("select user_key from audience_members where audience_id = ?", [name]).fetchall()
        assert {user for (user,) in members} == set(users)
        (row,) = connection.execute("select size, expected_conversions from audiences where audience_id = ?", [name]).fetchall()
        assert row == (len(users), pytest.approx(sum(chances[user] for user in users)))


def test_an_audience_of_a_category_holds_those_who_most_probably_buy_from_it():
    name = "category_purchase_7d in Men's"
    declared = (audience(id="best", score=name, max_people=30), audience(id="upper", when=[{"percentile": name, "at_least": 81}]))
    connection = segmented([{} for _ in range(200)], Segments(), declared)
    chances = dict(connection.execute("select user_key, 1 - probability from user_predictions").fetchall())
    ranked = sorted(chances, key=lambda user: (-chances[user], str(user)))
    members = connection.execute("select user_key from audience_members where audience_id = 'best'").fetchall()
    assert {user for (user,) in members} == set(ranked[:30])
    found = connection.execute(
        "select audience_id, size, expected_conversions, score_target, model_name from audiences order by 1"
    ).fetchall()
    assert found[0] == ("best", 30, pytest.approx(sum(chances[user] for user in ranked[:30])), name, "m")
    assert found[1][:2] == ("upper", 40)


def test_an_audience_without_enough_people_or_predictions_says_so_and_has_no_members():
    never = {"percentile": "purchase_7d", "at_least": 95}
    unknown = {"probability": "value_90d", "at_least": 1}
    declared = (
        audience(id="few", when=[never]), audience(id="unknown", when=[unknown]), audience(id="unranked", score="churn_30d", max_people=50),
        audience(id="uncapped", score="churn_30d"), audience(id="exotic", score="category_purchase_7d in Moon", max_people=50),
    )  # fmt: skip
    connection = segmented([{} for _ in range(100)], Segments(), declared)
    found = connection.execute("select audience_id, size, ineligible_reason, expected_conversions from audiences order by 1").fetchall()
    assert found == [
        ("exotic", 0, "not_a_top_category", None), ("few", 0, "too_few_people", None), ("uncapped", 100, None, None),
        ("unknown", 0, "not_trained", None), ("unranked", 0, "not_trained", None),
    ]  # fmt: skip


def test_a_shop_without_audiences_has_empty_tables():
    connection = segmented([{} for _ in range(3)], Segments())
    assert connection.execute("select count(*) from audiences union all select count(*) from audience_members").fetchall() == [(0,), (0,)]


def test_conditions_ask_for_columns_that_the_snapshots_have():
    features = (PROJECT_ROOT / "dbt_project" / "models" / "features" / "feat_user_snapshots.yml").read_text()
    described = set(re.findall(r"- \{?name: (\w+)", features))
    assert set(COLUMNS) <= described


def test_the_rule_of_an_audience_is_told_in_words():
    when = [
        {"column": "segment", "one_of": ["loyal", "new"]}, {"column": "order_lateness", "at_least": 1.5},
        {"column": "mean_days_between_orders", "is_missing": False}, {"percentile": "purchase_7d", "at_most": 90},
    ]  # fmt: skip
    assert audience(when=when, max_people=40).rule == (
        "segment is loyal or new, order lateness at least 1.5, mean days between orders is known,"
        " percentile of purchase_7d at most 90; the best 40 by purchase_7d"
    )


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        ([rule("a", order_counts={"at_least": 1})], "rules.0.when.0.column"),
        ([rule("a", order_count_365d={"one_of": ["x"]})], "order_count_365d holds numbers: at_least or at_most"),
        ([rule("a", top_brand={"at_least": 1})], "top_brand holds words: one_of"),
        ([rule("a", order_count_365d={"at_least": 1, "at_most": 2})], "exactly one comparison beside column"),
        ([rule("a", order_count_365d={"at_least": "nan"})], "finite number"),
        ([rule("other", tenure_days={"at_least": 1})], "other: taken already"),
        ([rule("a; drop", tenure_days={"at_least": 1})], "not a name"),
        ([{"name": "a", "when": []}], "at least 1 item"),
        ([rule("a", segment={"one_of": ["b"]})], "rules.0.when.0.column"),
        ([], "at least 1 item"),
    ],
)
def test_a_wrong_segment_is_refused_with_its_place(rules, fault):
    with pytest.raises(ValidationError, match=re.escape(fault)):
        Segments.model_validate({"rules": rules})


@pytest.mark.parametrize(
    ("keys", "fault"),
    [
        ({"id": "Not an id"}, "id"),
        ({"budget": 5}, "budget and cost_per_person stand together"),
        ({"max_people": 0}, "max_people"),
        ({"when": [{"at_least": 1}]}, "names one of column, probability and percentile, not none"),
        ({"when": [{"column": "tenure_days", "probability": "x", "at_least": 1}]}, "not column, probability"),
        ({"when": [{"probability": "x'); drop", "at_least": 1}]}, "when.0.probability"),
        ({"when": [{"probability": "purchase_7d", "one_of": ["1"]}]}, "purchase_7d holds numbers: at_least or at_most"),
        ({"when": [{"percentile": "purchase_7d"}]}, "exactly one comparison beside percentile"),
        ({"score": "category_purchase_7d in "}, "score"),
        ({"score": "category_purchase_7d in a\nb"}, "score"),
    ],
)
def test_a_wrong_audience_is_refused_with_its_place(keys, fault):
    with pytest.raises(ValidationError, match=re.escape(fault)):
        audience(**keys)


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ([{"id": "a"}, {"id": "a"}], "two have the same id"),
        ([{"id": "a", "max_people": 19}], "a is capped at 19, below segments.min_people 20"),
        ([{"id": "a", "score": "purchase_7d in Kitchen", "max_people": 50}], "predictions.targets has no purchase_7d of categories"),
        ([{"id": "a", "when": [{"probability": "category_purchase_7d", "at_least": 1}]}], "no category_purchase_7d of people"),
        ([{"id": "a", "when": [{"column": "segment", "one_of": ["champion"]}]}], "no segment champion; there are champions, loyal"),
    ],
)
def test_audiences_that_do_not_fit_the_shop_are_refused(declared, fault):
    content = DEMO.model_dump(exclude_unset=True, by_alias=True)
    content["audiences"] = [audience(**each).model_dump(exclude_unset=True) for each in declared]
    with pytest.raises(ValidationError, match=re.escape(fault)):
        shops.Shop.model_validate(content)
