"""Reasons are what a plain replacing of values, one feature at a time, says."""

import numpy as np
import pytest

from training import explanations
from training.features import Features
from training.models import base_rate

WORDS = {"days_since_last_order": "days since the last order", "order_count": "orders in a year", "country": "country"}


class Formula:
    """Log-odds = -days/10 + orders, plus 2 for people in Norway."""

    def predict(self, features: Features) -> np.ndarray:
        days = np.nan_to_num(features.column("days_since_last_order"), nan=50)
        odds = -days / 10 + features.column("order_count") + 2 * (features.column("country") == "Norway")
        return 1 / (1 + np.exp(-odds))


@pytest.fixture
def people() -> Features:
    numbers = np.array([[3.0, 2.0], [30.0, 2.0], [np.nan, 0.0], [20.0, 2.0], [20.0, 5.0]])
    countries = np.array([["Spain"], ["Norway"], ["Spain"], ["Spain"], ["Spain"]])
    return Features(("days_since_last_order", "order_count"), numbers, ("country",), countries)


def test_an_effect_is_the_change_of_log_odds_when_the_value_becomes_the_usual_one(people):
    # usual: 20 days (the median of those known), 2 orders, Spain
    expected = [[1.7, 0, 0], [-1, 0, 2], [-3, -2, 0], [0, 0, 0], [0, 3, 0]]
    assert explanations.effects(Formula(), people) == pytest.approx(np.array(expected), abs=1e-6)


def test_reasons_are_in_words_with_the_strongest_first(people):
    assert explanations.top_reasons(Formula(), people, WORDS) == [
        ["days since the last order: 3 (raises)"],
        ["country: Norway (raises)", "days since the last order: 30 (lowers)"],
        ["days since the last order: none (lowers)", "orders in a year: 0 (lowers)"],
        [],
        ["orders in a year: 5 (raises)"],
    ]


def test_a_model_that_treats_all_alike_has_no_reasons(people):
    model = base_rate.Model(base_rate.Params()).fit(people, np.array([1.0, 0, 0, 1, 0]))
    assert explanations.top_reasons(model, people, WORDS) == [[]] * 5


def test_what_is_usual_is_unknown_where_most_are_unknown():
    assert np.isnan(explanations.typical(np.array([np.nan, np.nan, 4.0])))
    assert explanations.typical(np.array([np.nan, 1.0, 4.0])) == 2.5
    assert explanations.typical(np.array(["b", "a", "b", "a"])) == "a"
