"""Visits: when people come, on which device, whether logged in, and for which errand."""

from dataclasses import dataclass

import numpy as np

from ingestion.demo_shop.config import SECONDS_PER_DAY, DemoShop
from ingestion.demo_shop.errands import Errands, still_comes
from ingestion.demo_shop.people import People, hour_weights
from ingestion.demo_shop.tastes import Rows

LOOKS_ROUND_FIRST = (0.15, 0.35, 0.3, 0.2)  # chance of 0, 1, 2, 3 visits before the last one of an errand
ANONYMOUS, ANONYMOUS_WHEN_NEW = 0.13, 0.5


@dataclass(frozen=True)
class Visits:
    """One row per visit (session).

    Args:
        person: (visits,)
        start: (visits,) local seconds.
        errand: (visits,) -1 for those who only look.
        is_last: (visits,) the visit in which its errand is done or given up.
        device: (visits,) 0 or 1, the person's first or second.
        is_anonymous: (visits,) not logged in, at least not before the checkout.
    """

    person: np.ndarray
    start: np.ndarray
    errand: np.ndarray
    is_last: np.ndarray
    device: np.ndarray
    is_anonymous: np.ndarray

    @property
    def day(self) -> np.ndarray:
        return self.start // SECONDS_PER_DAY


def drawn(config: DemoShop, people: People, errands: Errands) -> Visits:
    """All visits: those only to look, those before an errand is done, and those in which it is."""
    random = config.random("visits")
    look_person, look_day = _only_looking(config, people, random)
    before, before_day = _before(config, people, errands, random)
    every = np.arange(len(errands.day))
    person = np.concatenate([look_person, errands.person[before], errands.person])
    day = np.concatenate([look_day, before_day, errands.day])
    count = len(person)
    return Visits(
        person=person,
        start=day * SECONDS_PER_DAY + _time_of_day(people, person, random),
        errand=np.concatenate([np.full(len(look_day), -1), before, every]),
        is_last=np.arange(count) >= count - len(every),
        device=(random.random(count) < people.second_device[person]).astype(int),
        is_anonymous=_is_anonymous(people, person, day, random),
    )


def _only_looking(config, people, random) -> tuple[np.ndarray, ...]:
    """A Poisson number of visits for each person and day."""
    by_weekday = people.of_persona("weekdays")[:, config.weekdays]
    count = random.poisson(people.visits[:, None] * config.browsing * by_weekday * config.season)
    person, day = (np.repeat(at, count[count > 0]) for at in np.nonzero(count))
    keep = still_comes(config, people, person, day, random)
    return person[keep], day[keep]


def _before(config, people, errands, random) -> tuple[np.ndarray, ...]:
    """Errand and day of the visits that lead up to its last one, mostly within a week."""
    count = random.choice(len(LOOKS_ROUND_FIRST), len(errands.day), p=LOOKS_ROUND_FIRST)
    errand = np.repeat(np.arange(len(count)), count)
    day = errands.day[errand] - np.minimum(random.geometric(0.22, len(errand)), 15)
    keep = day >= np.maximum(people.joined[errands.person[errand]], 0)
    return errand[keep], day[keep]


def _time_of_day(people, person, random) -> np.ndarray:
    hour = Rows(hour_weights()).draw(people.persona[person], random.random(len(person)))
    return hour * 3_600 + random.integers(0, 3_600, len(person))


def _is_anonymous(people, person, day, random) -> np.ndarray:
    is_new = (people.joined[person] >= 0) & (day < people.joined[person] + 2)
    chance = np.where(people.is_guest[person], 1.0, np.where(is_new, ANONYMOUS_WHEN_NEW, ANONYMOUS))
    return random.random(len(person)) < chance
