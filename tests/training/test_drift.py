from datetime import date, timedelta

import numpy as np
import pytest

from training import drift
from training.calibration import log_odds

DAYS = [date(2026, 3, 1) + timedelta(days=7 * week) for week in range(8)]
ROWS = np.full(8, 1_000_000)


def positives(odds: np.ndarray) -> np.ndarray:
    return ROWS[: len(odds)] / (1 + np.exp(-odds))


def test_a_steady_trend_is_followed_to_the_newest_day_and_half_of_it_from_there():
    odds = -1 + 0.1 * np.arange(8)  # a tenth a week
    found = drift.shift(DAYS, positives(odds), ROWS, DAYS[-1:], DAYS[-1] + timedelta(days=35))
    assert found == pytest.approx(0.5 * 0.1 * 5, abs=1e-4)
    found = drift.shift(DAYS, positives(odds), ROWS, DAYS[-3:], DAYS[-1] + timedelta(days=35))
    assert found == pytest.approx(0.1 + 0.5 * 0.1 * 5, abs=1e-4)


def test_a_steady_rate_is_left_alone():
    assert drift.shift(DAYS, positives(np.full(8, -2.0)), ROWS, DAYS[-1:], DAYS[-1] + timedelta(days=35)) == pytest.approx(0, abs=1e-9)


def test_three_snapshots_are_no_trend():
    assert drift.shift(DAYS[:3], positives(np.array([-1.0, 0, 1])), ROWS[:3], DAYS[:3], DAYS[-1]) == 0


def test_older_snapshots_than_eight_do_not_count():
    odds = np.concatenate([[5.0, -5.0], np.full(8, -1.0)])
    days = [DAYS[0] - timedelta(days=14), DAYS[0] - timedelta(days=7), *DAYS]
    found = drift.shift(days, 1_000_000 / (1 + np.exp(-odds)), np.full(10, 1_000_000), days[-1:], DAYS[-1] + timedelta(days=7))
    assert found == pytest.approx(0, abs=1e-9)


def test_rates_of_nothing_and_of_all_are_no_obstacle():
    assert np.isfinite(drift.shift(DAYS, np.array([0, 1000] * 4), np.full(8, 1000), DAYS[-1:], DAYS[-1] + timedelta(days=7)))
    assert np.isfinite(log_odds(np.array([0.0, 1.0]))).all()
