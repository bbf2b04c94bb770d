"""What recommenders are given is what the tables say."""

from collections import defaultdict
from pathlib import Path

import duckdb
import numpy as np
import pytest

from training import history
from training.history import EVENT_TYPES


@pytest.fixture
def connection(synthetic_file: Path):
    with duckdb.connect(str(synthetic_file), read_only=True) as open_connection:
        yield open_connection


def test_users_and_items_are_in_the_order_of_their_keys(histories, connection):
    window = histories["test"]
    assert window.user_keys.tolist() == sorted(window.user_keys.tolist())
    expected = connection.execute("select distinct item_id from feat_items order by 1").fetchall()
    assert window.catalogue.item_ids.tolist() == [item for (item,) in expected]


def test_every_row_of_the_table_is_there_once_with_its_values(window, connection):
    table = connection.execute(
        f"""select user_key::varchar, item_id, weight, view_count, cart_count, purchase_count, date '{window.as_of}' - last_event_date,
        last_event_type from feat_interactions where as_of_date = date '{window.as_of}'"""
    ).fetchall()
    users = np.repeat(window.user_keys, np.diff(window.offsets))
    items = window.catalogue.item_ids[window.item]
    events = np.array(EVENT_TYPES)[window.last_event_type]
    loaded = zip(users.tolist(), items.tolist(), window.weight.tolist(), window.view_count.tolist(), window.cart_count.tolist(),
                 window.purchase_count.tolist(), window.age_days.tolist(), events.tolist(), strict=True)  # fmt: skip
    assert [row[:2] + row[3:] for row in loaded] == [row[:2] + row[3:] for row in sorted(table)]
    assert window.weight == pytest.approx([row[2] for row in sorted(table)])


@pytest.mark.parametrize(("attribute", "table"), [("bought", "feat_interaction_labels"), ("excluded", "feat_exclusions")])
def test_pairs_of_users_and_items_are_those_of_the_table(window, connection, attribute, table):
    expected = defaultdict(set)
    for user, item in connection.execute(f"select user_key::varchar, item_id from {table} where as_of_date = '{window.as_of}'").fetchall():
        expected[user].add(item)
    pairs = getattr(window, attribute)
    loaded = {
        window.user_keys[user]: set(window.catalogue.item_ids[pairs[[user]].indices].tolist())
        for user in range(len(window.user_keys))
        if pairs[[user]].nnz
    }
    assert loaded == {user: items for user, items in expected.items() if user in set(window.user_keys)}


def test_a_window_that_is_not_over_has_nothing_bought(histories):
    assert histories["score"].bought.nnz == 0
    assert len(histories["score"].buyers) == 0


def test_what_is_not_recommendable_is_known(window, connection):
    expected = connection.execute(f"select item_id from recommendable_items where as_of_date = '{window.as_of}' order by 1").fetchall()
    assert window.catalogue.item_ids[window.is_recommendable].tolist() == [item for (item,) in expected]
    assert 0 < window.is_recommendable.sum() < len(window.catalogue)


def test_who_bought_without_a_history_is_a_newcomer(window, connection):
    connection.execute("create temp table feat_interaction_labels as from feat_interaction_labels")
    newcomers = ["00000000-0000-0000-0000-00000000000b", "00000000-0000-0000-0000-00000000000a"]
    for key, item in ((newcomers[0], "00003"), (newcomers[1], "00005"), (newcomers[1], "00004"), (newcomers[1], "unknown")):
        connection.execute("insert into temp.feat_interaction_labels values (?, ?, ?)", [window.as_of, key, item])
    loaded = history.load(connection, window.catalogue.item_ids, window.as_of)
    assert loaded.bought_by_newcomers.toarray().nonzero()[1].tolist() == [4, 5, 3]
    assert loaded.bought_by_newcomers.shape == (2, len(window.catalogue))
    assert (loaded.bought != window.bought).nnz == 0
    assert window.bought_by_newcomers.shape[0] == 0


def test_popular_items_come_in_the_order_of_the_fallbacks(window, connection):
    expected = connection.execute(
        f"select item_id from feat_items where as_of_date = '{window.as_of}' and is_recommendable order by popularity_rank"
    ).fetchall()
    assert window.catalogue.item_ids[window.popular].tolist() == [item for (item,) in expected]
