"""Which snapshots and which people a fit may learn from.

By time: a fit at a cut-off day knows the labels whose window was over by then, so nothing of a later day's answer enters it.
The night uses two cut-offs: the test, which is the newest labelled snapshot, on which champion, challenger and baselines are
judged; and the run date, whose fit scores. By people: of those that a fit knows, most teach it, a fifth choose its parameters
and a fifth calibrate it, the same people on all days, so that nobody's own overlapping windows stand on both sides. Two
horizons of history are enough for that; splits by time alone would need four.
"""

import zlib
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

FOLDS = 5
TEACH, CHOOSE, CALIBRATE = (2, 3, 4), (0,), (1,)  # which of them do what
CALIBRATION_DAYS = 4  # the newest ones of a fit: the level is that of lately
SPACINGS_A_WINDOW = 4  # windows that overlap by more than three quarters teach the same twice


@dataclass(frozen=True)
class Split:
    """The as-of days a fit learns from, and those its calibration people are looked at on; both ascending."""

    learning: list[date]
    calibration: list[date]


def split(labelled: list[date], cutoff: date, horizon_days: int, most_days: int) -> Split | None:
    """The split of a fit at `cutoff`; None where no label is known by then.

    Args:
        labelled: as-of days of snapshots whose labels are known tonight.
        most_days: as-of days to learn from; the newest are taken.
    """
    days = _spaced(known_by(labelled, cutoff, horizon_days), horizon_days / SPACINGS_A_WINDOW)[-most_days:]
    return Split(days, days[-CALIBRATION_DAYS:]) if days else None


def known_by(labelled: list[date], cutoff: date, horizon_days: int) -> list[date]:
    """The as-of days whose windows were over on `cutoff`, ascending."""
    return sorted(day for day in labelled if day + timedelta(days=horizon_days) <= cutoff)


def test_day(labelled: list[date], run_date: date, horizon_days: int) -> date | None:
    """The snapshot that fits are judged on; None where there is nothing to learn from before it."""
    days = known_by(labelled, run_date, horizon_days)
    return days[-1] if days and known_by(labelled, days[-1], horizon_days) else None


def folds(user_keys: np.ndarray) -> np.ndarray:
    """(rows,) fold from 0 to FOLDS - 1 of each row's person, the same on every night."""
    people, place = np.unique(user_keys, return_inverse=True)
    return np.array([zlib.crc32(str(key).encode()) % FOLDS for key in people], dtype=int)[place]


def _spaced(days: list[date], least_days: float) -> list[date]:
    """The newest day and, going back, each that is far enough from the last one taken; ascending."""
    taken: list[date] = []
    for day in reversed(days):
        if not taken or (taken[-1] - day).days >= least_days:
            taken.append(day)
    return taken[::-1]
