"""Errands: what people set out to buy, when, and what ends up in the basket."""

from dataclasses import dataclass

import numpy as np

from ingestion.demo_shop.catalogue import Catalogue
from ingestion.demo_shop.config import DemoShop
from ingestion.demo_shop.people import COOLING_DAYS, People
from ingestion.demo_shop.tastes import Tastes

GAP_SHAPE = 9  # of the gamma distribution of gaps: larger is more regular
IMPULSES_PER_VISIT = 0.3  # errands outside the rhythm, per visit made only to look
RHYTHM_SUCCEEDS, IMPULSE_SUCCEEDS, FOLLOW_UP_SUCCEEDS = 0.92, 0.16, 0.85
BUNDLE_AT_ONCE, BUNDLE_LATER = 0.65, 0.4  # the second is of those who did not take the partner at once
EXTRAS = 0.45  # further items a basket, on average


@dataclass(frozen=True)
class Errands:
    """One row per errand; it ends in an order or is given up.

    Args:
        person: (errands,)
        day: (errands,) of the order, or of giving up.
        target: (errands,) the item it is about.
        succeeds: (errands,)
    """

    person: np.ndarray
    day: np.ndarray
    target: np.ndarray
    succeeds: np.ndarray

    def where(self, mask: np.ndarray) -> "Errands":
        return Errands(self.person[mask], self.day[mask], self.target[mask], self.succeeds[mask])

    def and_then(self, other: "Errands") -> "Errands":
        pairs = ((getattr(self, name), getattr(other, name)) for name in ("person", "day", "target", "succeeds"))
        return Errands(*(np.concatenate(pair) for pair in pairs))


@dataclass(frozen=True)
class Baskets:
    """One row per basket line of an errand that succeeds; quantity is in pieces."""

    errand: np.ndarray
    item: np.ndarray
    quantity: np.ndarray


def planned(config: DemoShop, people: People, catalogue: Catalogue, tastes: Tastes) -> tuple[Errands, Baskets]:
    """All errands of all people, in order of their day, and the baskets of those that succeed."""
    random = config.random("errands")
    person, day, succeeds = _moments(config, people, random)
    target = _targets(catalogue, tastes, person, day, random)
    errands = Errands(person, day, target, succeeds)
    item = _with_partners(errands, catalogue, random)
    later = _follow_ups(config, people, errands, item, catalogue, random)
    errands = errands.and_then(later)
    item = np.concatenate([item, np.full(len(later.day), -1)])
    return errands, _baskets(config, errands, item, catalogue, tastes, random)


def still_comes(config: DemoShop, people: People, person: np.ndarray, day: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """(n,) whether a person still comes on a day: joined, not gone, and ever less likely in the weeks before leaving."""
    leaves = people.leaves[person]
    cooling = np.where(people.is_guest[person], 1.0, np.clip((leaves - day) / COOLING_DAYS, 0.05, 1))
    is_there = (day >= np.maximum(people.joined[person], 0)) & (day < np.minimum(leaves, config.days))
    return is_there & (random.random(len(day)) < cooling)


def _moments(config, people, random) -> tuple[np.ndarray, ...]:
    """Person, day and outcome of errands: by everyone's own rhythm, and on impulse in between."""
    rhythm_person, rhythm_day = _rhythm(config, people, random)
    count = random.poisson(people.visits * config.days * IMPULSES_PER_VISIT * config.browsing)
    impulse_person = np.repeat(np.arange(len(count)), count)
    person = np.concatenate([rhythm_person, impulse_person])
    day = np.concatenate([rhythm_day, random.choice(config.days, count.sum(), p=config.season / config.season.sum())])
    chance = np.repeat([RHYTHM_SUCCEEDS, IMPULSE_SUCCEEDS], [len(rhythm_day), count.sum()])
    succeeds = random.random(len(day)) < chance
    keep = np.flatnonzero(still_comes(config, people, person, day, random))
    keep = keep[np.lexsort([person[keep], day[keep]])]
    return person[keep], day[keep], succeeds[keep]


def _rhythm(config, people, random) -> tuple[np.ndarray, ...]:
    """Renewals with gamma gaps, each moved by up to three days to a weekday that suits the person."""
    most = int(config.days / people.gap.min() * 1.5) + 5
    gaps = random.gamma(GAP_SHAPE, 1 / GAP_SHAPE, (len(people.gap), most)) * people.gap[:, None]
    is_new = people.joined >= 0
    gaps[:, 0] = np.where(is_new, random.exponential(4, len(is_new)), gaps[:, 0] * random.random(len(is_new)))
    days = np.maximum(people.joined, 0)[:, None] + np.cumsum(gaps, axis=1)
    person, at = np.nonzero(days < config.days + 3)
    near = days[person, at].astype(int)[:, None] + np.arange(-3, 4)
    liking = np.log(people.of_persona("weekdays")[person][np.arange(len(person))[:, None], (near + config.weekdays[0]) % 7])
    return person, near[np.arange(len(near)), (liking + random.gumbel(size=near.shape)).argmax(axis=1)]


def _targets(catalogue, tastes, person, day, random) -> np.ndarray:
    """(errands,) by taste; what is used up is bought again, what lasts is not."""
    target = tastes.draw(person, day, random.random(len(day)))
    leaf = catalogue.leaf[target]
    loyal = catalogue.is_used_up[target] & (random.random(len(day)) < 0.6)
    target[loyal] = tastes.favourite(person[loyal], leaf[loyal])
    for _ in range(3):
        again = ~catalogue.is_used_up[target] & ~_is_first(person * len(catalogue.leaf) + target)
        target[again] = tastes.draw(person[again], day[again], random.random(again.sum()))
    return target


def _is_first(keys: np.ndarray) -> np.ndarray:
    first = np.zeros(len(keys), dtype=bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return first


def _with_partners(errands, catalogue, random) -> np.ndarray:
    """(errands,) the partner item that is taken along, -1 for none."""
    partner = catalogue.partner[errands.target]
    return np.where(random.random(len(partner)) < BUNDLE_AT_ONCE, partner, -1)


def _follow_ups(config, people, errands, taken, catalogue, random) -> Errands:
    """Some of those who bought one of a bundle come back for the other one to three weeks later."""
    partner = catalogue.partner[errands.target]
    comes = errands.succeeds & (partner >= 0) & (taken < 0) & (random.random(len(partner)) < BUNDLE_LATER)
    day = errands.day[comes] + random.integers(4, 21, comes.sum())
    person = errands.person[comes]
    later = Errands(person, day, partner[comes], random.random(len(day)) < FOLLOW_UP_SUCCEEDS)
    return later.where(still_comes(config, people, person, day, random))


def _baskets(config, errands, partner, catalogue, tastes, random) -> Baskets:
    """The target, its partner, and what else pleases; only what is for sale that day, each item once."""
    buys = np.flatnonzero(errands.succeeds)
    extra = np.repeat(buys, random.poisson(EXTRAS, len(buys)))
    errand = np.concatenate([buys, buys, extra])
    also = tastes.draw(errands.person[extra], errands.day[extra], random.random(len(extra)))
    item = np.concatenate([errands.target[buys], partner[buys], also])
    errand, item = errand[item >= 0], item[item >= 0]
    for_sale = catalogue.is_for_sale[config.period_of(errands.day[errand]), item]
    keep = np.flatnonzero(for_sale & _is_first(errand * len(catalogue.leaf) + item))
    keep = keep[np.argsort(errand[keep], kind="stable")]
    more = np.where(catalogue.is_used_up[item[keep]], random.poisson(0.6, len(keep)), random.random(len(keep)) < 0.06)
    return Baskets(errand[keep], item[keep], 1 + more.astype(int))
