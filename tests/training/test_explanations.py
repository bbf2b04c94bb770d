"""Reasons in words; what they are made of is looked at in test_shapley.py."""

import numpy as np
import pytest

from training import explanations
from training.features import Features

WORDS = {"days_since_last_order": "days since the last order", "order_count": "orders in a year", "country": "country"}


@pytest.fixture
def people() -> Features:
    numbers = np.array([[3.0, 2.0], [30.0, 2.0], [np.nan, 0.0], [20.0, 2.0], [20.0, 5.0]])
    countries = np.array([["Spain"], ["Norway"], ["Spain"], ["Spain"], ["Spain"]])
    return Features(("days_since_last_order", "order_count"), numbers, ("country",), countries)


def test_reasons_are_in_words_with_the_strongest_first(people):
    values = np.array([[1.7, 0, 0], [-1, 0, 2], [-3, -2, 0], [0, 0, 0], [0, 3, 1e-9]])
    assert explanations.top_reasons(values, people, WORDS) == [
        ["days since the last order: 3 (raises)"],
        ["country: Norway (raises)", "days since the last order: 30 (lowers)"],
        ["days since the last order: none (lowers)", "orders in a year: 0 (lowers)"],
        [],
        ["orders in a year: 5 (raises)"],
    ]
    assert explanations.importance(values, people, WORDS) == {
        "days since the last order": pytest.approx(5.7 / 5),
        "orders in a year": 1,
        "country": pytest.approx(0.4),
    }


def test_the_typical_row_has_medians_and_the_most_frequent_words(people):
    usual = explanations.typical_row(people)
    assert (usual.numeric.tolist(), usual.categorical.tolist()) == ([[20, 2]], [["Spain"]])


def test_what_is_usual_is_unknown_where_most_are_unknown():
    assert np.isnan(explanations.typical(np.array([np.nan, np.nan, 4.0])))
    assert explanations.typical(np.array([np.nan, 1.0, 4.0])) == 2.5
    assert explanations.typical(np.array(["b", "a", "b", "a"])) == "a"
