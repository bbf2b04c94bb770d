"""A bot: one device that looks at item after item, before dawn, more often in a day than any customer."""

import numpy as np

from ingestion.demo_shop.catalogue import Catalogue
from ingestion.demo_shop.clicks import VIEWED, Clicks
from ingestion.demo_shop.config import SECONDS_PER_DAY, DemoShop

BOT = -1  # in place of a person


def days(config: DemoShop) -> np.ndarray:
    """(bot_days,) spread over the second half of the shop's days."""
    return (np.linspace(0.55, 0.95, config.bot_days, endpoint=False) * config.days).astype(int)


def flooding(config: DemoShop, catalogue: Catalogue) -> Clicks:
    """Views of all active items in turn, two to four seconds apart from 03:30 on."""
    random = config.random("bot")
    parts = []
    for day in days(config):
        active = np.flatnonzero(catalogue.is_active[config.period_of(day)])
        at = day * SECONDS_PER_DAY + 12_600 + np.cumsum(random.integers(2, 5, config.bot_events))
        parts.append((at, np.resize(active, config.bot_events)))
    at, item = (np.concatenate([part[place] for part in parts] or [np.empty(0, int)]) for place in (0, 1))
    nothing = np.full(len(at), -1)
    return Clicks(np.full(len(at), VIEWED), np.full(len(at), BOT), nothing, at, item, nothing, nothing)
