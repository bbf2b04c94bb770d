"""No label's window may reach into what a fit is judged on, and nobody stands on both sides of a split by people."""

from datetime import date, timedelta

import numpy as np
import pytest

from training import splits

DAY = date(2026, 3, 31)


def days_before(*counts: int) -> list[date]:
    return [DAY - timedelta(days=count) for count in sorted(counts, reverse=True)]


@pytest.mark.parametrize("every", [1, 3, 7, 10])
@pytest.mark.parametrize("horizon", [7, 30, 90])
def test_every_window_is_over_before_the_fit_is_judged_or_used(every, horizon):
    labelled = days_before(*range(horizon, 300, every))
    window = timedelta(days=horizon)
    test = splits.test_day(labelled, DAY, horizon)
    assert test + window <= DAY
    for cutoff in (test, DAY):
        split = splits.split(labelled, cutoff, horizon, most_days=20)
        assert max(split.learning) + window <= cutoff
        assert set(split.calibration) <= set(split.learning)


def test_the_newest_labelled_snapshot_is_the_test_and_the_newest_before_it_are_learned_from():
    labelled = days_before(7, 14, 21, 28, 35, 42, 49)
    assert splits.test_day(labelled, DAY, 7) == DAY - timedelta(days=7)
    split = splits.split(labelled, DAY - timedelta(days=7), 7, most_days=5)
    assert split == splits.Split(days_before(14, 21, 28, 35, 42), days_before(14, 21, 28, 35))


def test_windows_that_overlap_almost_wholly_are_not_learned_from_twice():
    labelled = days_before(*range(28, 80, 7))
    assert splits.split(labelled, DAY, 28, most_days=20).learning == days_before(28, 35, 42, 49, 56, 63, 70, 77)
    assert splits.split(labelled, DAY, 29, most_days=20).learning == days_before(35, 49, 63, 77)


def test_too_few_snapshots_are_no_split():
    assert splits.test_day(days_before(7), DAY, 7) is None
    assert splits.test_day(days_before(7, 10), DAY, 7) is None
    assert splits.test_day([], DAY, 7) is None
    assert splits.split(days_before(7), DAY, 8, most_days=20) is None


def test_a_person_stays_in_one_fold_and_folds_are_of_one_size():
    keys = np.array([f"{number % 5_000:05d}" for number in range(20_000)])
    folds = splits.folds(keys)
    assert all(len(np.unique(folds[place::5_000])) == 1 for place in range(100))
    assert np.bincount(folds, minlength=splits.FOLDS) == pytest.approx(4_000, rel=0.1)
    assert sorted(splits.TEACH + splits.CHOOSE + splits.CALIBRATE) == list(range(splits.FOLDS))
