import numpy as np
import pytest

from training.bootstrap import interval_of_mean, intervals_of_means


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


def test_the_intervals_of_columns_are_those_of_each_alone():
    values = np.random.default_rng(5).normal(size=(300, 3))
    low, high = intervals_of_means(values)
    for column in range(3):
        assert (low[column], high[column]) == pytest.approx(interval_of_mean(values[:, column]))


def test_the_interval_agrees_with_resampling_written_plainly():
    values = np.random.default_rng(5).normal(size=40)
    random = np.random.default_rng(7)
    means = [values[random.integers(0, 40, (200, 40))].mean(axis=1) for _ in range(10)]
    assert interval_of_mean(values) == pytest.approx(tuple(np.quantile(np.concatenate(means), [0.025, 0.975])))
