"""A fit that came to no numbers: it is no candidate tonight, and the others go on."""

import numpy as np

import steps


class DivergedError(steps.StepError):
    """A loss, a score or a prediction is not a finite number; nothing is kept of the fit."""


def refuse(what: str, values: np.ndarray | list[float] | float) -> None:
    """Raise DivergedError where one of the values is not a finite number."""
    values = np.atleast_1d(values)
    is_number = np.isfinite(values)
    if not is_number.all():
        raise DivergedError(f"{what} diverged ({values[~is_number][-1]})")
