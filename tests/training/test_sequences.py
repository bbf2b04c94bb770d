"""The last steps of people: what is read of them, and what the network that reads them makes of their order."""

import hashlib
import math
from itertools import groupby

import duckdb
import numpy as np
import pytest

import steps
from targets import Target
from tests.training import synthetic_warehouse
from training import explanations, sequences
from training.features import Features
from training.history import EVENT_TYPES
from training.models import sequence_network, tabular_network
from training.predictions import CalibratedPredictor, PredictionTask
from training.probability_metrics import log_losses
from training.recipes import Recipe
from training.sequences import BUCKETS, Steps

READERS = ("attention", "gru")
LONGEST = 4


@pytest.fixture(scope="module")
def connection(synthetic_file):
    with duckdb.connect(str(synthetic_file), read_only=True) as connection:
        yield connection


def test_the_newest_steps_of_each_person_and_day_are_read_and_nothing_else(connection, user_snapshots):
    read = sequences.load(connection, user_snapshots.user_keys, user_snapshots.as_of, LONGEST)
    rows = connection.execute(
        """
        select user_key::varchar, as_of_date, event_type, category, age_days, gap_seconds
        from feat_sequences left join int_items_as_of using (as_of_date, item_id) order by 1, 2, rank
        """
    ).fetchall()
    by_person = {key: list(group) for key, group in groupby(rows, lambda row: row[:2])}
    wanted = zip(user_snapshots.user_keys.tolist(), user_snapshots.as_of.astype(object).tolist(), strict=True)
    for place, (key, day) in enumerate(wanted):
        newest = by_person.get((key, day), [])[:LONGEST]
        assert read.event[place].tolist() == [EVENT_TYPES.index(row[2]) + 1 for row in newest] + [0] * (LONGEST - len(newest))
        assert read.name[place].tolist() == [bucket(row[3]) for row in newest] + [0] * (LONGEST - len(newest))
        days = [(math.log1p(row[4]), math.log1p((row[5] or 0) / 86_400)) for row in newest]
        assert read.days[place, : len(newest)] == pytest.approx(np.array(days).reshape(-1, 2), abs=1e-6)
    assert (read.event > 0).sum(axis=1).max() == LONGEST


def bucket(name: str) -> int:
    return 1 + int.from_bytes(hashlib.md5(name.encode()).digest()[8:], "little") % BUCKETS


def test_steps_go_with_their_rows(connection, user_snapshots):
    read = sequences.load(connection, user_snapshots.user_keys, user_snapshots.as_of, LONGEST)
    rows = np.array([5, 3, 3])
    features = Features((), np.empty((len(read), 0)), (), np.empty((len(read), 0), "U1"), read)
    assert features.take(rows).steps.name.tolist() == read.name[rows].tolist()
    assert read.newest(2).days.tolist() == read.days[:, :2].tolist()


def test_a_target_that_lists_the_network_has_steps_in_its_data_and_in_its_digest(connection):
    plain, reading = (
        PredictionTask.load(
            connection, Target(name="own", horizon_days=7, label="is_purchaser", models=models), synthetic_warehouse.DAY, most_days=8
        )
        for models in (("base_rate",), ("base_rate", "sequence_network"))
    )
    assert plain.data.features.steps is None and not plain.can_fit("sequence_network")
    assert len(reading.data.on([synthetic_warehouse.DAY]).features.steps) == 300 and reading.can_fit("sequence_network")
    assert plain.can_fit("tabular_network") and plain.digest() != reading.digest()
    changed = reading.data.features.steps.event
    before = reading.digest()
    changed[0, 0] = changed[0, 0] % len(EVENT_TYPES) + 1
    assert reading.digest() != before


def test_a_recipe_is_tuned_fitted_stored_and_explained_with_the_steps(connection, monkeypatch, tmp_path):
    monkeypatch.setattr(tabular_network, "MOST_EPOCHS", 2)
    target = Target(name="own", horizon_days=7, label="is_purchaser", models=("sequence_network",))
    task = PredictionTask.load(connection, target, synthetic_warehouse.DAY, most_days=3)
    small = Recipe.of("sequence_network", sequence_network.Params(units=(8,), members=2, steps=LONGEST))
    recipe, _ = task.tuned(small)
    assert recipe.params == small.params | {"epochs": recipe.params["epochs"]} and recipe.params["epochs"] <= 2
    model = task.fitted(recipe, "score")
    model.save(tmp_path)
    today = task.data.on([synthetic_warehouse.DAY]).features
    stored = CalibratedPredictor.load(recipe, tmp_path)
    assert stored.predict(today) == pytest.approx(model.predict(today), abs=1e-6)
    assert np.isfinite(explanations.contributions(model.predictor, today)).all()


def planted(rows: int, seed: int) -> tuple[Features, np.ndarray]:
    """Whoever bought last buys again, whatever came before; the one number says nothing."""
    random = np.random.default_rng(seed)
    is_step = np.arange(LONGEST) < random.integers(1, LONGEST + 1, rows)[:, None]
    event = np.where(is_step, random.integers(1, len(EVENT_TYPES) + 1, is_step.shape), 0).astype(np.int32)
    name = np.where(is_step, random.integers(1, BUCKETS + 1, is_step.shape), 0).astype(np.int32)
    age = np.cumsum(random.exponential(3, is_step.shape), axis=1)
    days = (np.log1p(np.stack([age, np.diff(age, prepend=0)], axis=2)) * is_step[:, :, None]).astype(np.float32)
    outcome = (random.random(rows) < np.where(event[:, 0] == 1, 0.9, 0.1)).astype(float)
    return Features(("noise",), random.normal(size=(rows, 1)), (), np.empty((rows, 0), "U1"), Steps(name, event, days)), outcome


@pytest.fixture(scope="module", params=READERS)
def network(request: pytest.FixtureRequest) -> sequence_network.Model:
    params = sequence_network.Params(units=(16,), epochs=12, batch_rows=64, members=2, reader=request.param, steps=LONGEST)
    return sequence_network.Model(params).fit(*planted(1_500, seed=1))


def test_what_only_the_steps_tell_is_learned(network):
    features, outcome = planted(800, seed=2)
    known = log_losses(outcome, np.where(features.steps.event[:, 0] == 1, 0.9, 0.1)).mean()
    constant = log_losses(outcome, np.full(len(outcome), outcome.mean())).mean()
    assert log_losses(outcome, network.predict(features)).mean() < known + (constant - known) / 3


def test_what_stands_in_empty_places_changes_nothing(network):
    features, _ = planted(100, seed=3)
    read = features.steps
    is_empty = read.event == 0
    filled = Steps(np.where(is_empty, 7, read.name), read.event, np.where(is_empty[:, :, None], 9, read.days).astype(np.float32))
    other = Features(features.numeric_names, features.numeric, features.categorical_names, features.categorical, filled)
    assert is_empty.any()
    assert network.predict(other) == pytest.approx(network.predict(features), abs=1e-6)


def test_a_stored_network_says_the_same(network, tmp_path):
    features, _ = planted(100, seed=3)
    network.save(tmp_path)
    loaded = sequence_network.Model.load(network.params, tmp_path)
    # the graph of a network that has seen another number of rows before may add up in another order
    assert loaded.predict(features) == pytest.approx(network.predict(features), abs=1e-6)


def test_the_same_fit_twice_gives_the_same_weights():
    params = sequence_network.Params(units=(8,), epochs=1, batch_rows=128, members=2, steps=LONGEST)
    first, second = (sequence_network.Model(params).fit(*planted(300, seed=1)).network.get_weights() for _ in range(2))
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))


def test_reasons_compare_with_the_typical_person_who_did_the_same_last(network):
    features, _ = planted(50, seed=4)
    values = explanations.contributions(network, features)
    assert values.shape == (50, 1)
    typical = explanations.typical_row(features).numeric[0, 0]
    same_steps = features.with_value("noise", float(typical))
    odds = [network._scored(network._inputs(each)) for each in (features, same_steps)]
    assert values[:, 0] == pytest.approx(odds[0] - odds[1], abs=1e-4)


def test_without_steps_the_network_refuses_and_says_what_to_do():
    features, outcome = planted(50, seed=5)
    bare = Features(features.numeric_names, features.numeric, features.categorical_names, features.categorical)
    with pytest.raises(steps.StepError, match="sequence_network reads the last steps of people, and they were not read"):
        sequence_network.Model(sequence_network.Params()).fit(bare, outcome)
