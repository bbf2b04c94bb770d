"""Which snapshots a fit may learn from, so that no label's window reaches into what it is judged on.

A fit at a cut-off day knows the labels whose window was over by then. The newest of them is held out for calibration;
the fit learns from those whose window was over when the calibration snapshot was taken. The night uses three cut-offs:

- validation: chooses parameters; its fits are judged on the snapshot of that day;
- test: champion, challenger and baselines are judged on the newest labelled snapshot;
- the run date: the fit that scores.
"""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Split:
    """The as-of days a fit learns from, ascending, and those it is calibrated on."""

    training: list[date]
    calibration: list[date]


def split(labelled: list[date], cutoff: date, horizon_days: int) -> Split | None:
    """The split of a fit at `cutoff`; None where too few labels are known by then.

    Args:
        labelled: as-of days of snapshots whose labels are known tonight.
    """
    calibration = known_by(labelled, cutoff, horizon_days)[-1:]
    training = known_by(labelled, calibration[0], horizon_days) if calibration else []
    return Split(training, calibration) if training else None


def known_by(labelled: list[date], cutoff: date, horizon_days: int) -> list[date]:
    """The as-of days whose windows were over on `cutoff`, ascending."""
    return sorted(day for day in labelled if day + timedelta(days=horizon_days) <= cutoff)


def cutoffs(labelled: list[date], run_date: date, horizon_days: int) -> tuple[date, date] | None:
    """(validation, test): the snapshots that fits are judged on; None where there are not enough to learn from before."""
    test = known_by(labelled, run_date, horizon_days)[-1:]
    validation = known_by(labelled, test[0], horizon_days)[-1:] if test else []
    if not validation or split(labelled, validation[0], horizon_days) is None:
        return None
    return validation[0], test[0]
