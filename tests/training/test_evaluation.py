"""What a fit is worth, counted again user by user, and by kinds of users and items."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from training import evaluation
from training.history import History
from training.judgement import Judgement
from training.models import item_knn, popularity

K = 5


@pytest.fixture(scope="module")
def model(window: History) -> item_knn.Model:
    return item_knn.Model(item_knn.Params()).fit(window)


@pytest.fixture(scope="module")
def judgement(model: item_knn.Model, window: History) -> Judgement:
    return evaluation.judge(model, window, K)


def plain_ndcg(listed: list[int], wanted: set[int]) -> float:
    gained = sum(1 / math.log2(place + 2) for place, item in enumerate(listed) if item in wanted)
    return gained / sum(1 / math.log2(place + 2) for place in range(min(K, len(wanted))))


def expected(model: item_knn.Model, window: History, users: list[int], items: set[int]) -> float:
    """NDCG over those of the users that bought one of the items, in plain Python."""
    lists = model.recommend(window, np.arange(len(window.user_keys)), K).item.tolist()
    bought = {user: set(window.bought[[user]].indices.tolist()) & items for user in users}
    return np.mean([plain_ndcg(lists[user], wanted) for user, wanted in bought.items() if wanted])


def row(judgement: Judgement, beginning: str) -> dict:
    (found,) = [each for each in judgement.slices if each["slice"].startswith(beginning)]
    return found


def test_the_whole_and_its_slices_agree_with_a_plain_count(model, window, judgement):
    everything, buyers = set(range(len(window.catalogue))), window.buyers.tolist()
    assert judgement.metrics["ndcg_at_5"] == pytest.approx(expected(model, window, buyers, everything), abs=1e-6)
    assert judgement.metrics["ndcg_at_5"] == pytest.approx(evaluation.ndcg(model, window, K).mean(), abs=1e-6)
    touched = np.diff(window.offsets)
    middle = np.median([touched[user] for user in buyers if touched[user] > 2])
    light = [user for user in buyers if 2 < touched[user] <= middle]
    heavy = [user for user in buyers if touched[user] > middle]
    assert row(judgement, "users: light")["ndcg_at_5"] == pytest.approx(expected(model, window, light, everything), abs=1e-6)
    assert row(judgement, "users: heavy")["users"] == len(heavy)
    garden = {item for item in everything if window.catalogue.category[item].startswith("Garden")}
    assert row(judgement, "category: Garden")["ndcg_at_5"] == pytest.approx(expected(model, window, buyers, garden), abs=1e-6)
    count = np.bincount(window.item, minlength=len(window.catalogue)).tolist()
    head, held = set(), 0
    for item in sorted(everything, key=lambda item: (-count[item], item)):
        if held < sum(count) / 2:
            head.add(item)
            held += count[item]
    assert row(judgement, "items: head")["ndcg_at_5"] == pytest.approx(expected(model, window, buyers, head), abs=1e-6)
    assert row(judgement, "items: tail")["ndcg_at_5"] == pytest.approx(expected(model, window, buyers, everything - head), abs=1e-6)


def test_people_without_a_history_are_judged_by_the_popular_list_and_counted_nowhere_else(model, window, judgement):
    popular = window.popular[:K].tolist()
    outside = next(item for item in range(len(window.catalogue)) if item not in popular)
    bought = np.zeros((3, len(window.catalogue)), bool)
    bought[0, popular[1]] = bought[1, outside] = bought[2, popular[0]] = True
    judged = evaluation.judge(model, replace(window, bought_by_newcomers=sparse.csr_array(bought)), K)
    newcomers = row(judged, "without history")
    assert newcomers["users"] == 3
    assert newcomers["hit_rate_at_5"] == pytest.approx(2 / 3, abs=1e-6)
    assert newcomers["mrr_at_5"] == pytest.approx((1 / 2 + 0 + 1) / 3, abs=1e-6)
    assert judged.metrics == judgement.metrics
    assert row(judgement, "without history") == {**dict.fromkeys(newcomers), "slice": "without history", "users": 0}


def test_a_model_that_knows_nobody_is_told_by_its_lists_before_the_rules(model, window, judgement):
    users, none = window.buyers, sparse.csr_array(window.excluded.shape, dtype=bool)
    listed = model.recommend(replace(window, excluded=none), users, K).item.tolist()
    most = max(listed.count(each) for each in listed)
    assert judgement.metrics["same_list_share"] == pytest.approx(most / len(users), abs=1e-6)
    assert most < len(users) / 2
    everybodys = popularity.Model(popularity.Params()).fit(window)
    shown = everybodys.recommend(window, users, K).item
    assert len(np.unique(shown, axis=0)) > 1, "what a person may not be shown makes even those differ"
    assert evaluation.judge(everybodys, window, K).metrics["same_list_share"] == 1


def test_each_mean_lies_within_its_interval(judgement):
    assert judgement.metrics["ndcg_at_5_low"] < judgement.metrics["ndcg_at_5"] < judgement.metrics["ndcg_at_5_high"]
    filled = [each for each in judgement.slices if each["users"] > 1]
    assert len(filled) >= 8
    assert all(each["ndcg_at_5_low"] <= each["ndcg_at_5"] <= each["ndcg_at_5_high"] for each in filled)


def test_the_window_is_described_as_the_shop_was_on_its_own_day(histories, synthetic_file):
    """Price and category of a past day, not of the newest."""
    import duckdb

    from training import history

    with duckdb.connect() as connection:
        connection.execute(f"attach '{synthetic_file}' as made (read_only); create schema own; use own")
        for table in ("feat_interactions", "recommendable_items", "feat_exclusions", "feat_interaction_labels"):
            connection.execute(f"create view {table} as from made.{table}")
        connection.execute("create table feat_items as from made.feat_items")
        connection.execute("update feat_items set price = 99, category = 'Moved' where as_of_date = date '2026-03-31'")
        items = history.item_ids(connection)
        past, today = (history.load(connection, items, histories[name].as_of) for name in ("test", "score"))
    assert np.array_equal(past.catalogue.price, histories["test"].catalogue.price)
    assert set(today.catalogue.price.tolist()) == {99.0} and set(today.catalogue.category.tolist()) == {"Moved"}
