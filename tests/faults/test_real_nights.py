"""Ten kills at random moments over whole real nights: each step a process of its own, with the real trainers."""

import random
from collections import Counter

import pytest

from tests.faults.random_kills import killed_night
from tests.faults.stage import STEPS

pytestmark = pytest.mark.faults

NIGHTS = 10


@pytest.mark.parametrize("seed", range(NIGHTS))
def test_a_real_night_killed_once_loses_nothing_and_tears_nothing(real_stage, record_property, seed):
    chance = random.Random(1_000 + seed)
    kills = Counter(chance.choices(STEPS, [real_stage.seconds[step] for step in STEPS], k=1))
    came = killed_night(real_stage, chance, kills)
    record_property("random kills over real nights", dict(came))
    assert came == Counter(kills=1), real_stage.lost()
