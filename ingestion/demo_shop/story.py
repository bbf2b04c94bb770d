"""The story of a demo shop: its people and goods, and all that happened between them."""

import logging
from dataclasses import dataclass

from ingestion.demo_shop import aftersales, bot, catalogue, clicks, errands, people, visits
from ingestion.demo_shop.config import DemoShop
from ingestion.demo_shop.tastes import Tastes

log = logging.getLogger("ingestion.demo_shop")


@dataclass(frozen=True)
class Story:
    """All of it; the clicks are in order of time."""

    config: DemoShop
    people: people.People
    catalogue: catalogue.Catalogue
    errands: errands.Errands
    baskets: errands.Baskets
    visits: visits.Visits
    clicks: clicks.Clicks


def told(config: DemoShop) -> Story:
    """Make up a shop's story; the same configuration tells the same one."""
    crowd, goods = people.invited(config), catalogue.stocked(config)
    tastes = Tastes(config, crowd, goods)
    plans, baskets = errands.planned(config, crowd, goods, tastes)
    sessions = visits.drawn(config, crowd, plans)
    events = clicks.made(config, crowd, goods, tastes, plans, baskets, sessions)
    events = events.and_then(aftersales.recorded(config, crowd, tastes, baskets, events))
    events = events.and_then(bot.flooding(config, goods)).in_order()
    log.info("%d people came %d times: %d events", len(crowd.persona), len(sessions.person), len(events.at))
    return Story(config, crowd, goods, plans, baskets, sessions, events)
