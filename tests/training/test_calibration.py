import numpy as np
import pytest

from training import calibration
from training.probability_metrics import expected_calibration_error, log_losses


def overconfident(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes drawn from true probabilities, and a model that doubles their log-odds."""
    random = np.random.default_rng(4)
    odds = random.normal(-1, 1, rows)
    truth = 1 / (1 + np.exp(-odds))
    return (random.random(rows) < truth).astype(float), 1 / (1 + np.exp(-2 * odds))


@pytest.mark.parametrize("rows", [800, 20_000], ids=["Platt's curve", "isotonic"])
def test_an_overconfident_model_is_brought_back(rows):
    outcome, probability = overconfident(rows)
    calibrated = calibration.fit(outcome, probability).apply(probability)
    assert expected_calibration_error(outcome, calibrated) < 0.5 * expected_calibration_error(outcome, probability)
    assert log_losses(outcome, calibrated).mean() < log_losses(outcome, probability).mean()
    assert calibrated.mean() == pytest.approx(outcome.mean(), abs=0.01)


@pytest.mark.parametrize("rows", [800, 20_000])
def test_calibration_never_turns_the_order_around(rows):
    outcome, probability = overconfident(rows)
    curve = calibration.fit(outcome, probability).apply(np.linspace(0, 1, 200))
    assert (np.diff(curve) >= 0).all()
    assert ((curve > 0) & (curve < 1)).all()


def test_a_model_that_is_worse_than_chance_is_published_as_the_base_rate():
    outcome, probability = overconfident(800)
    curve = calibration.fit(outcome, 1 - probability).apply(np.array([0.01, 0.5, 0.99]))
    assert curve == pytest.approx([outcome.mean()] * 3, abs=0.01)


def test_one_probability_for_all_becomes_the_rate_of_the_calibration_rows():
    outcome = np.array([1.0] * 30 + [0.0] * 70)
    assert calibration.fit(outcome, np.full(100, 0.1)).apply(np.array([0.1]))[0] == pytest.approx(0.3, abs=0.01)


def test_amounts_that_are_too_large_and_too_far_apart_are_brought_back_and_the_total_is_right():
    random = np.random.default_rng(4)
    truth = np.exp(random.normal(1, 1, 5_000))
    outcome = truth * (random.random(5_000) < 0.5) * 2 * random.exponential(1, 5_000)
    calibrated = calibration.fit_amounts(outcome, 3 * truth**1.6)
    found = calibrated.apply(3 * truth**1.6)
    assert found.sum() == pytest.approx(outcome.sum(), rel=1e-6)
    assert np.corrcoef(np.log(found), np.log(truth))[0, 1] > 0.999
    assert np.log(found).std() == pytest.approx(np.log(truth).std(), rel=0.15)


def test_amounts_in_a_falling_order_are_published_as_their_mean():
    outcome = np.array([4.0, 2, 0, 0])
    assert calibration.fit_amounts(outcome, np.array([1.0, 2, 3, 4])).apply(np.array([1.0, 4])) == pytest.approx([1.5, 1.5])
    assert calibration.fit_amounts(np.zeros(2), np.array([1.0, 2])).apply(np.array([1.0])) < 1e-5
