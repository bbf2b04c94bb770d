"""Clicks: what happens in each visit, event by event."""

from dataclasses import dataclass, fields

import numpy as np

from ingestion.demo_shop.catalogue import Catalogue
from ingestion.demo_shop.config import SECONDS_PER_DAY, DemoShop
from ingestion.demo_shop.errands import Baskets, Errands
from ingestion.demo_shop.people import People
from ingestion.demo_shop.tastes import Tastes
from ingestion.demo_shop.visits import Visits

KINDS = (
    "product_list_viewed", "product_searched", "product_viewed", "wishlist_added", "product_added", "product_removed",
    "checkout_started", "order_completed", "order_refunded", "product_reviewed",
)  # fmt: skip
LISTED, SEARCHED, VIEWED, WISHED, ADDED, REMOVED, CHECKOUT, ORDERED, REFUNDED, REVIEWED = range(len(KINDS))

OPENS_WITH_A_LIST = 0.45  # of the visits that do not begin with a search


@dataclass(frozen=True)
class Clicks:
    """One row per event; -1 where a column does not apply.

    Args:
        kind: (events,) index into KINDS.
        person: (events,)
        visit: (events,) -1 for what the shop's back office records.
        at: (events,) local seconds.
        item: (events,) for lists and searches the item that is looked for.
        errand: (events,) the order's number for orders and refunds.
        number: (events,) quantity of adds and removals, rating of reviews, basket line of a partial refund.
    """

    kind: np.ndarray
    person: np.ndarray
    visit: np.ndarray
    at: np.ndarray
    item: np.ndarray
    errand: np.ndarray
    number: np.ndarray

    def where(self, index: np.ndarray) -> "Clicks":
        return Clicks(*(getattr(self, each.name)[index] for each in fields(self)))

    def and_then(self, other: "Clicks") -> "Clicks":
        return Clicks(*(np.concatenate([getattr(self, each.name), getattr(other, each.name)]) for each in fields(self)))

    def in_order(self) -> "Clicks":
        return self.where(np.argsort(self.at, kind="stable"))


class _Script:
    """Collects events of visits with their place in the visit, in any order."""

    def __init__(self) -> None:
        self._parts: list[tuple[np.ndarray, ...]] = []

    def write(self, kind: int, visit, place, item=-1, errand=-1, number=-1) -> None:
        self._parts.append(np.broadcast_arrays(np.asarray(visit), place, kind, item, errand, number))

    def in_order(self) -> tuple[np.ndarray, ...]:
        visit, place, *columns = (np.concatenate(column) for column in zip(*self._parts, strict=True))
        order = np.lexsort([place, visit])
        return (visit[order], *(column[order] for column in columns))


def made(
    config: DemoShop, people: People, catalogue: Catalogue, tastes: Tastes, errands: Errands, baskets: Baskets, visits: Visits
) -> Clicks:
    """All events of visits, in no particular order."""
    random = config.random("clicks")
    script = _Script()
    theme = _themes(tastes, errands, visits, random)
    _openings(script, people, visits, theme, random)
    _looking(script, catalogue, tastes, visits, theme, random)
    _leading_up(script, catalogue, tastes, errands, visits, random)
    _finishing(script, errands, baskets, visits, random)
    clicks = _timed(script, visits, random)
    return clicks.where(_happens(config, people, catalogue, visits, clicks))


def _themes(tastes, errands, visits, random) -> np.ndarray:
    """(visits,) the item that a visit begins with: the errand's, else one that the person likes."""
    liked = tastes.draw(visits.person, visits.day, random.random(len(visits.day)))
    return np.where(visits.errand >= 0, errands.target[visits.errand], liked)


def _openings(script, people, visits, theme, random) -> None:
    searches = random.random(len(theme)) < people.of_persona("searches")[visits.person]
    lists = ~searches & (random.random(len(theme)) < OPENS_WITH_A_LIST)
    for kind, mask in ((SEARCHED, searches), (LISTED, lists)):
        at = np.flatnonzero(mask)
        script.write(kind, at, 0, theme[at])


def _looking(script, catalogue, tastes, visits, theme, random) -> None:
    """Visits only to look: one item and a few more, mostly of its kind; now and then one goes into the cart or on a list."""
    look = np.flatnonzero(visits.errand < 0)
    script.write(VIEWED, look, 10, theme[look])
    more = np.repeat(look, random.poisson(1.3, len(look)))
    same = random.random(len(more)) < 0.6
    item = tastes.draw(visits.person[more], visits.day[more], random.random(len(more)))
    item[same] = _alike(catalogue, tastes, visits, more[same], theme, random)
    place = 20 + 10.0 * np.arange(len(more))
    script.write(VIEWED, more, place, item)
    for kind, chance in ((ADDED, 0.03), (WISHED, 0.02)):
        some = random.random(len(more)) < chance
        script.write(kind, more[some], place[some] + kind, item[some], number=1)


def _alike(catalogue, tastes, visits, visit, theme, random) -> np.ndarray:
    """(n,) items of the theme's leaf, by the person's taste."""
    return tastes.draw(visits.person[visit], visits.day[visit], random.random(len(visit)), catalogue.leaf[theme[visit]])


def _leading_up(script, catalogue, tastes, errands, visits, random) -> None:
    """Visits of an errand before its last one: the target, often twice, and others of its kind to compare."""
    visit = np.flatnonzero((visits.errand >= 0) & ~visits.is_last)
    target = errands.target[visits.errand[visit]]
    script.write(VIEWED, visit, 10, target)
    again, cart, wish = (random.random(len(visit)) < chance for chance in (0.3, 0.25, 0.08))
    script.write(VIEWED, visit[again], 1e8, target[again])
    script.write(ADDED, visit[cart], 2e8, target[cart], number=1)
    script.write(WISHED, visit[wish], 2e8, target[wish])
    others = np.repeat(np.arange(len(visit)), random.poisson(1.4, len(visit)))
    item = tastes.draw(visits.person[visit[others]], visits.day[visit[others]], random.random(len(others)), catalogue.leaf[target[others]])
    script.write(VIEWED, visit[others], 20 + 10.0 * np.arange(len(others)), item)


def _finishing(script, errands, baskets, visits, random) -> None:
    """Last visits: each basket line is looked at and added, then paid; or the target is, and left in the cart."""
    last = np.zeros(len(errands.day), dtype=int)
    last[visits.errand[visits.is_last]] = np.flatnonzero(visits.is_last)
    visit, place = last[baskets.errand], 10.0 * np.arange(1, len(baskets.errand) + 1)
    looks = random.random(len(visit)) < 0.85
    script.write(VIEWED, visit[looks], place[looks], baskets.item[looks])
    script.write(ADDED, visit, place + 1, baskets.item, number=baskets.quantity)
    pays = np.unique(baskets.errand)
    script.write(CHECKOUT, last[pays], 1e9)
    script.write(ORDERED, last[pays], 2e9, errand=pays)
    gives_up = np.flatnonzero(~errands.succeeds)
    target = errands.target[gives_up]
    script.write(VIEWED, last[gives_up], 10, target)
    fate = random.random(len(target))
    for kind, place, some in ((ADDED, 20, fate < 0.7), (CHECKOUT, 1e9, fate < 0.2), (REMOVED, 2e9, (fate > 0.1) & (fate < 0.25))):
        script.write(kind, last[gives_up[some]], place, -1 if kind == CHECKOUT else target[some], number=1)


def _timed(script, visits, random) -> Clicks:
    """Half a minute or so between one click and the next."""
    visit, kind, item, errand, number = script.in_order()
    pause = np.minimum(random.lognormal(3.4, 0.8, len(visit)), 900)
    passed = np.cumsum(pause)
    first = np.flatnonzero(np.r_[True, visit[1:] != visit[:-1]])
    passed -= np.repeat(passed[first], np.diff(np.r_[first, len(visit)]))
    return Clicks(kind, visits.person[visit], visit, visits.start[visit] + passed.astype(int), item, errand, number)


def _happens(config, people, catalogue, visits, clicks) -> np.ndarray:
    """(events,) in time, and on items that the shop has when the visit begins."""
    is_offered = catalogue.is_active[config.period_of(visits.day[clicks.visit]), clicks.item]
    return is_in_time(config, people, clicks) & ((clicks.item < 0) | is_offered)


def is_in_time(config: DemoShop, people: People, clicks: Clicks) -> np.ndarray:
    """(events,) whether it is before the end of the last day, and before the person falls silent."""
    return clicks.at < np.minimum(people.leaves[clicks.person], config.days) * SECONDS_PER_DAY
