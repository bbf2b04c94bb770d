"""Golden values by hand."""

import numpy as np
import pytest

from training import probability_metrics as metrics
from training.objectives import judge_probabilities, judge_values

OUTCOME = np.array([1.0, 0.0, 1.0, 0.0])
PROBABILITY = np.array([0.8, 0.4, 0.4, 0.1])


def test_log_loss_is_the_surprise_of_what_happened():
    expected = [-np.log(0.8), -np.log(0.6), -np.log(0.4), -np.log(0.9)]
    assert metrics.log_losses(OUTCOME, PROBABILITY) == pytest.approx(expected)


def test_a_wrong_certainty_costs_much_but_not_infinitely_much():
    assert metrics.log_losses(np.array([1.0]), np.array([0.0]))[0] == pytest.approx(16.118, abs=1e-3)


def test_brier_is_the_mean_squared_distance():
    assert metrics.brier_score(OUTCOME, PROBABILITY) == pytest.approx((0.04 + 0.16 + 0.36 + 0.01) / 4)


def test_what_says_the_same_of_everybody_has_no_spread():
    users = np.arange(4)
    assert judge_probabilities(users, OUTCOME, PROBABILITY).metrics["prediction_spread"] == pytest.approx((0.2475 / 4) ** 0.5, abs=1e-6)
    assert judge_probabilities(users, OUTCOME, np.full(4, 0.1)).metrics["prediction_spread"] == 0
    assert judge_values(users, OUTCOME, np.full(4, 12.3)).metrics["prediction_spread"] == 0


def test_auc_counts_ties_as_half():
    # of the four pairs of a yes and a no three are in order and one is tied
    assert metrics.auc(OUTCOME, PROBABILITY) == pytest.approx(3.5 / 4)


def test_auc_agrees_with_counting_all_pairs():
    random = np.random.default_rng(3)
    outcome, probability = random.integers(0, 2, 60).astype(float), random.integers(0, 9, 60) / 10
    pairs = [(a > b) + (a == b) / 2 for a in probability[outcome == 1] for b in probability[outcome == 0]]
    assert metrics.auc(outcome, probability) == pytest.approx(np.mean(pairs))


def test_auc_of_one_class_is_not_a_number():
    assert np.isnan(metrics.auc(np.ones(3), np.array([0.1, 0.2, 0.3])))


def test_calibration_error_is_the_mean_gap_of_groups_of_equal_size():
    # two groups by probability: (0.1, 0.4) happened 0 of 2, (0.4, 0.8) happened 2 of 2
    assert metrics.expected_calibration_error(OUTCOME, PROBABILITY, bins=2) == pytest.approx((0.25 + 0.4) / 2)


def test_more_groups_than_rows_are_no_fault():
    means, rates, sizes = metrics.reliability(OUTCOME, PROBABILITY, bins=10)
    assert list(sizes) == [1, 1, 1, 1]
    assert means == pytest.approx([0.1, 0.4, 0.4, 0.8])
    assert rates == pytest.approx([0, 0, 1, 1])


def test_a_calibrated_model_stays_within_its_band_and_a_shifted_one_does_not():
    random = np.random.default_rng(5)
    probability = random.beta(2, 5, 3_000)
    limit = metrics.calibration_band(probability).error_limit
    drawn = [(random.random(3_000) < probability).astype(float) for _ in range(100)]
    within = np.mean([metrics.expected_calibration_error(outcome, probability) <= limit for outcome in drawn])
    assert 0.88 <= within <= 0.99
    assert all(metrics.expected_calibration_error(outcome, probability * 0.7) > limit for outcome in drawn)


def test_the_band_of_one_probability_is_the_binomial_one():
    band = metrics.calibration_band(np.full(1_000, 0.3), bins=10, draws=4_000)
    deviation = np.sqrt(0.3 * 0.7 / 100)
    assert band.low == pytest.approx([0.3 - 1.96 * deviation] * 10, abs=0.012)
    assert band.high == pytest.approx([0.3 + 1.96 * deviation] * 10, abs=0.012)
