"""200 kills at random moments, in ten nights of quick steps: nothing is lost, and no reader ever finds half a build."""

import random
from collections import Counter

import pytest

from tests.faults.random_kills import killed_night
from tests.faults.stage import STEPS

pytestmark = pytest.mark.faults

NIGHTS, KILLS_A_NIGHT = 10, 20
LONG_SECONDS = 6  # a step that takes longer is not killed the more often for it


@pytest.mark.parametrize("seed", range(NIGHTS))
def test_a_night_killed_twenty_times_loses_nothing_and_tears_nothing(stage, record_property, seed):
    chance = random.Random(seed)
    weights = [min(stage.seconds[step], LONG_SECONDS) for step in STEPS]
    kills = Counter(STEPS) + Counter(chance.choices(STEPS, weights, k=KILLS_A_NIGHT - len(STEPS)))
    came = killed_night(stage, chance, kills)
    record_property("random kills over steps", dict(came))
    assert came == Counter(kills=KILLS_A_NIGHT), stage.lost()
