from pathlib import Path

import duckdb
import numpy as np
import pytest

import steps
from targets import DECLARED, Target
from tests.training.synthetic_warehouse import COMMENTS
from training import snapshots


@pytest.fixture
def changed(synthetic_file: Path, tmp_path: Path):
    """The warehouse in a copy that a test may change."""
    copy = tmp_path / "warehouse.duckdb"
    copy.write_bytes(synthetic_file.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        yield connection


def test_numbers_and_words_come_with_their_comments(user_snapshots):
    features = user_snapshots.features
    assert features.numeric_names == tuple(COMMENTS)[:-1]
    assert features.categorical_names == ("favourite_category",)
    assert user_snapshots.words == COMMENTS


def test_values_and_answers_are_those_of_the_tables(user_snapshots, changed):
    rows = changed.execute(
        """select user_key::varchar, as_of_date, order_amount_365d::double, days_since_last_order, favourite_category, is_purchaser
        from feat_user_snapshots left join feat_user_labels using (user_key, as_of_date) order by 2, 1"""
    ).fetchall()
    assert user_snapshots.user_keys.tolist() == [row[0] for row in rows]
    assert user_snapshots.as_of.astype(object).tolist() == [row[1] for row in rows]
    assert user_snapshots.features.column("order_amount_365d").tolist() == [row[2] for row in rows]
    unknown = np.isnan(user_snapshots.features.column("days_since_last_order"))
    assert unknown.tolist() == [row[3] is None for row in rows]
    assert user_snapshots.features.column("favourite_category").tolist() == [row[4] for row in rows]
    assert [None if np.isnan(value) else bool(value) for value in user_snapshots.outcome] == [row[5] for row in rows]


def test_a_column_without_a_comment_is_named_by_its_name(changed):
    changed.execute("comment on column feat_user_snapshots.view_count_7d is null")
    assert snapshots.load(changed, DECLARED["purchase_7d"]).words["view_count_7d"] == "view count 7d"


def test_a_feature_of_a_strange_type_is_named(changed):
    changed.execute("alter table feat_user_snapshots add column last_seen timestamp")
    with pytest.raises(steps.StepError, match=r"feat_user_snapshots.last_seen is TIMESTAMP: a feature is a number or text"):
        snapshots.load(changed, DECLARED["purchase_7d"])


def test_only_the_population_is_asked_and_a_person_has_a_row_for_each_category(changed, user_snapshots):
    buyers = snapshots.load(changed, Target(name="own", horizon_days=7, label="is_silent", population="order_count_365d > 0 or false"))
    is_buyer = user_snapshots.features.column("order_count_365d") > 0
    assert 0 < is_buyer.sum() < len(is_buyer)
    assert buyers.user_keys.tolist() == user_snapshots.user_keys[is_buyer].tolist()
    pairs = snapshots.load(changed, Target(name="own", horizon_days=7, label="is_purchaser", per="category"))
    assert len(pairs.user_keys) == 4 * len(user_snapshots.user_keys)
    assert len(set(zip(pairs.user_keys.tolist(), pairs.as_of.tolist(), pairs.categories.tolist(), strict=True))) == len(pairs.user_keys)
    assert pairs.features.column("category").tolist() == pairs.categories.tolist()


def test_a_declaration_that_sql_does_not_understand_is_named(changed):
    with pytest.raises(steps.StepError, match=r"target own: its label or population cannot be asked of .*no_such_column"):
        snapshots.load(changed, Target(name="own", horizon_days=7, label="no_such_column > 1"))


def test_the_day_of_everybody_has_no_answers(changed, user_snapshots):
    day = user_snapshots.labelled_dates[-1]
    everybody = snapshots.of_day(changed, day)
    assert everybody.user_keys.tolist() == user_snapshots.on([day]).user_keys.tolist()
    assert np.isnan(everybody.outcome).all()
