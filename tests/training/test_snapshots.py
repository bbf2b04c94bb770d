from pathlib import Path

import duckdb
import numpy as np
import pytest

import steps
from tests.training.synthetic_warehouse import COMMENTS
from training import snapshots
from training.targets import PURCHASE_7D


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
        from feat_user_snapshots left join feat_purchase_labels using (user_key, as_of_date) order by 2, 1"""
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
    assert snapshots.load(changed, PURCHASE_7D).words["view_count_7d"] == "view count 7d"


def test_a_feature_of_a_strange_type_is_named(changed):
    changed.execute("alter table feat_user_snapshots add column last_seen timestamp")
    with pytest.raises(steps.StepError, match=r"feat_user_snapshots.last_seen is TIMESTAMP: a feature is a number or text"):
        snapshots.load(changed, PURCHASE_7D)
