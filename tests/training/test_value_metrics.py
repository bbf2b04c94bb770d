import numpy as np
import pytest

from training import value_metrics

OUTCOME, EXPECTED = np.array([0.0, 2.0, 8.0]), np.array([1.0, 2.0, 4.0])


def test_the_deviance_is_the_textbooks():
    # 2 (y ln(y / m) - (y - m))
    assert value_metrics.poisson_deviances(OUTCOME, EXPECTED) == pytest.approx([2, 0, 2 * (8 * np.log(2) - 4)])
    mean = np.full(3, OUTCOME.mean())
    assert value_metrics.poisson_deviances(OUTCOME, mean).mean() < value_metrics.poisson_deviances(OUTCOME, mean + 0.5).mean()
    assert np.isfinite(value_metrics.poisson_deviances(OUTCOME, np.zeros(3))).all()


def test_error_and_bias():
    assert value_metrics.root_mean_squared_error(OUTCOME, EXPECTED) == pytest.approx(np.sqrt(17 / 3))
    assert value_metrics.total_bias(OUTCOME, EXPECTED) == pytest.approx(-0.3)
    assert np.isnan(value_metrics.total_bias(np.zeros(3), EXPECTED))


def test_the_gini_is_one_for_the_right_order_and_nothing_for_none():
    assert value_metrics.normalised_gini(OUTCOME, EXPECTED) == pytest.approx(1)
    assert value_metrics.normalised_gini(OUTCOME, -EXPECTED) == pytest.approx(-1)
    assert value_metrics.normalised_gini(OUTCOME, np.ones(3)) == pytest.approx(0)
    assert np.isnan(value_metrics.normalised_gini(np.zeros(3), EXPECTED))
