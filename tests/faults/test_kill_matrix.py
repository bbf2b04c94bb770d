"""Broken at every point of a night's steps: the old build is served, and the night run again is as one uninterrupted."""

import signal

import pytest

from tests.faults.points import FULL, KILLED
from tests.faults.stage import NIGHT, NIGHT_BEFORE, STEPS

pytestmark = pytest.mark.faults


def cases(points: dict[tuple[str, ...], tuple[str, ...]]) -> list:
    return [pytest.param(step, point, id=point) for step in STEPS for point in points.get(step, ())]


@pytest.mark.parametrize(("step", "point"), cases(KILLED))
def test_a_night_killed_there_and_run_again_is_as_one_uninterrupted(stage, step, point):
    stage.put_back(step)
    assert stage.run(step, fault=f"kill:{point}") == -signal.SIGKILL, stage.said
    assert stage.served() == (NIGHT if point == "flip.moved" else NIGHT_BEFORE)
    stage.go_on(step)
    assert stage.served() == NIGHT
    assert stage.lost() == []


@pytest.mark.parametrize(("step", "point"), cases(FULL))
def test_a_disk_that_is_full_there_fails_the_step_which_ends_well_when_there_is_room(stage, step, point):
    stage.put_back(step)
    assert stage.run(step, fault=f"enospc:{point}") == 1, stage.said
    assert "the disk is full" in stage.said and "Traceback" not in stage.said
    assert stage.served() == NIGHT_BEFORE
    stage.finish(step)
