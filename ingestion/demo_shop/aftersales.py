"""After sales: refunds and reviews of what was ordered, days later and outside any visit."""

import numpy as np

from ingestion.demo_shop.clicks import ORDERED, REFUNDED, REVIEWED, Clicks, is_in_time
from ingestion.demo_shop.config import SECONDS_PER_DAY, DemoShop
from ingestion.demo_shop.errands import Baskets
from ingestion.demo_shop.people import People
from ingestion.demo_shop.tastes import Tastes

REFUNDED_SHARE = 0.05  # of orders
WHOLE_SHARE = 0.6  # of refunds; the others are of the first line only


def recorded(config: DemoShop, people: People, tastes: Tastes, baskets: Baskets, clicks: Clicks) -> Clicks:
    """Refunds and reviews of the orders among the clicks."""
    random = config.random("aftersales")
    orders = clicks.where(clicks.kind == ORDERED)
    after = _refunds(orders, baskets, random).and_then(_reviews(people, tastes, orders, baskets, random))
    return after.where(is_in_time(config, people, after))


def _refunds(orders, baskets, random) -> Clicks:
    refunded = orders.where(random.random(len(orders.at)) < REFUNDED_SHARE)
    is_whole = random.random(len(refunded.at)) < WHOLE_SHARE
    line = np.where(is_whole, -1, np.searchsorted(baskets.errand, refunded.errand))
    return _later(REFUNDED, refunded, -1, refunded.errand, line, random)


def _reviews(people, tastes, orders, baskets, random) -> Clicks:
    """Of the first item of an order, with more stars the better it suits the person."""
    chance = people.of_persona("reviews") * ~people.is_guest
    reviewed = orders.where(random.random(len(orders.at)) < chance[orders.person])
    item = baskets.item[np.searchsorted(baskets.errand, reviewed.errand)]
    stars = 3.2 + 0.35 * tastes.liking[reviewed.person, item] + random.normal(0, 0.7, len(item))
    return _later(REVIEWED, reviewed, item, -1, np.clip(np.round(stars), 1, 5).astype(int), random)


def _later(kind: int, orders: Clicks, item, errand, number, random) -> Clicks:
    """Three days to three weeks after the order, and up to two hours off its time of day."""
    count = len(orders.at)
    at = orders.at + random.integers(3, 21, count) * SECONDS_PER_DAY + random.integers(-7_200, 7_200, count)
    return Clicks(*np.broadcast_arrays(kind, orders.person, -1, at, item, errand, number))
