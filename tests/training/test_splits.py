"""No label's window may reach into what a fit is judged on."""

from datetime import date, timedelta

import pytest

from training import splits

DAY = date(2026, 3, 31)


def days_before(*counts: int) -> list[date]:
    return [DAY - timedelta(days=count) for count in sorted(counts, reverse=True)]


@pytest.mark.parametrize("every", [1, 3, 7, 10])
@pytest.mark.parametrize("horizon", [7, 30])
def test_every_window_is_over_before_the_next_use_begins(every, horizon):
    labelled = days_before(*range(horizon, 200, every))
    validation, test = splits.cutoffs(labelled, DAY, horizon)
    window = timedelta(days=horizon)
    assert test + window <= DAY
    assert validation + window <= test
    for cutoff in (validation, test, DAY):
        split = splits.split(labelled, cutoff, horizon)
        assert max(split.calibration) + window <= cutoff
        assert max(split.training) + window <= min(split.calibration)


def test_the_newest_labelled_snapshot_is_the_test():
    labelled = days_before(7, 14, 21, 28, 35)
    assert splits.cutoffs(labelled, DAY, 7) == (DAY - timedelta(days=14), DAY - timedelta(days=7))
    assert splits.split(labelled, DAY, 7) == splits.Split(days_before(14, 21, 28, 35), days_before(7))


def test_snapshots_closer_than_the_horizon_are_left_out_between():
    split = splits.split(days_before(7, 8, 9, 14, 15), DAY, 7)
    assert split == splits.Split(days_before(14, 15), days_before(7))


def test_too_few_snapshots_are_no_split():
    assert splits.cutoffs(days_before(7, 14, 21), DAY, 7) is None
    assert splits.split(days_before(7), DAY, 7) is None
    assert splits.cutoffs([], DAY, 7) is None
    assert splits.cutoffs(days_before(7, 14, 21, 28), DAY, 7) is not None
