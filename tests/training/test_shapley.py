"""Each model's own way to Shapley values agrees with the definition: the mean over all coalitions of the other features."""

from itertools import combinations
from math import factorial

import numpy as np
import pytest

from training import explanations, sampled_shapley
from training.calibration import log_odds
from training.features import Features
from training.models import base_rate, gradient_boosting, logistic_regression, tabular_network, value_boosting, value_network

MODELS = {
    "base_rate": base_rate.Model(base_rate.Params()),
    "logistic_regression": logistic_regression.Model(logistic_regression.Params()),
    "gradient_boosting": gradient_boosting.Model(gradient_boosting.Params(trees=30, least_rows_in_leaf=10)),
    "value_boosting": value_boosting.Model(value_boosting.Params(trees=30, least_rows_in_leaf=10)),
    "tabular_network": tabular_network.Model(tabular_network.Params(units=(16,), epochs=6, batch_rows=128)),
    "value_network": value_network.Model(value_network.Params(units=(16,), epochs=6, batch_rows=128)),
}


@pytest.fixture(scope="module")
def people() -> tuple[Features, np.ndarray]:
    """600 people whose answer hangs on a product of two numbers, an unknown one and a word."""
    random = np.random.default_rng(3)
    numeric = random.normal(size=(600, 3)).round(2)
    numeric[random.random(600) < 0.3, 1] = np.nan
    words = random.choice(["red", "blue", "green"], (600, 1))
    odds = 2 * numeric[:, 0] * numeric[:, 2] - np.nan_to_num(numeric[:, 1], nan=2.0) + 2 * (words[:, 0] == "red")
    return Features(("a", "b", "c"), numeric, ("colour",), words), (random.random(600) < 1 / (1 + np.exp(-odds))).astype(float)


def by_definition(score, features: Features, reference: Features) -> np.ndarray:
    """(rows, features) from every coalition."""
    count = len(features.names)
    scores = {}
    for size in range(count + 1):
        for own in combinations(range(count), size):
            mixed = features
            for place in set(range(count)) - set(own):
                mixed = mixed.with_value(features.names[place], reference.column(features.names[place])[0])
            scores[frozenset(own)] = score(mixed)
    result = np.zeros((len(features), count))
    for place in range(count):
        for own, value in scores.items():
            if place not in own:
                weight = factorial(len(own)) * factorial(count - len(own) - 1) / factorial(count)
                result[:, place] += weight * (scores[own | {place}] - value)
    return result


@pytest.mark.parametrize("name", MODELS)
def test_contributions_are_those_of_the_definition(people, name):
    features, outcome = people
    amounts, is_sampled = name.startswith("value"), name.endswith("network")
    model = MODELS[name].fit(features, outcome * (1 + features.column("a") ** 2) if amounts else outcome)
    some, reference = features.take(np.arange(0, 40)), explanations.typical_row(features)
    found = model.contributions(some, reference)
    wanted = by_definition(lambda each: np.log(model.predict(each)) if amounts else log_odds(model.predict(each)), some, reference)
    # of two walks out of 24 the sum is exact, the parts are near
    assert found.sum(axis=1) == pytest.approx(wanted.sum(axis=1), abs=1e-5)
    assert found == pytest.approx(wanted, abs=0.1 if is_sampled else 1e-8)
    assert np.abs(found).max() > (0.15 if name != "base_rate" else -1)


def test_many_walks_come_to_the_definition(people, monkeypatch):
    features, reference = people[0].take(np.arange(0, 40)), explanations.typical_row(people[0])
    own, usual = (np.nan_to_num(part.numeric) for part in (features, reference))

    def formula(a: np.ndarray) -> np.ndarray:
        return a[:, 0] * a[:, 1] * 3 + np.sin(a[:, 2]) * a[:, 0]

    def score(rows: np.ndarray, has_own: np.ndarray) -> np.ndarray:
        return formula(np.where(has_own, own[rows], usual))

    numbers = Features(("a", "b", "c"), own, (), np.empty((40, 0), "U1"))
    typical = Features(("a", "b", "c"), usual, (), np.empty((1, 0), "U1"))
    monkeypatch.setattr(sampled_shapley, "PAIRS", 2_000)
    found = sampled_shapley.contributions(rows=40, features=3, score=score, seed=7)
    assert found == pytest.approx(by_definition(lambda each: formula(each.numeric), numbers, typical), abs=0.05)


def test_of_many_features_the_strongest_are_told_apart_and_the_sum_is_kept_for_the_others():
    weights = np.concatenate([np.full(5, 0.01), np.arange(1.0, 31)])

    def score(rows: np.ndarray, has_own: np.ndarray) -> np.ndarray:
        return (has_own * weights * (1 + rows[:, None] % 2)).sum(axis=1)

    found = sampled_shapley.contributions(rows=6, features=35, score=score, seed=7)
    wanted = np.where(np.arange(35) >= 35 - sampled_shapley.PLAYERS, weights, 0) * np.array([1, 2, 1, 2, 1, 2])[:, None]
    assert found == pytest.approx(wanted)
