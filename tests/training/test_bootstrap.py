import numpy as np
import pytest

from training.bootstrap import interval_of_mean


def test_the_interval_is_about_two_standard_errors_each_way():
    differences = np.random.default_rng(5).normal(0.1, 1.0, 4_000)
    low, high = interval_of_mean(differences)
    error = differences.std() / np.sqrt(len(differences))
    assert low == pytest.approx(differences.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(differences.mean() + 1.96 * error, abs=0.15 * error)


def test_the_same_differences_give_the_same_interval():
    differences = np.random.default_rng(5).normal(size=300)
    assert interval_of_mean(differences) == interval_of_mean(differences)


def test_equal_models_have_an_interval_of_nothing():
    assert interval_of_mean(np.zeros(50)) == (0.0, 0.0)


def test_a_single_user_leaves_nothing_to_draw_from():
    assert interval_of_mean(np.array([0.4])) == (0.4, 0.4)
    assert interval_of_mean(np.empty(0)) == (0.0, 0.0)
