"""Records: each event as the shop's tracking would send it."""

import numpy as np

from ingestion.demo_shop.bot import BOT
from ingestion.demo_shop.clicks import ADDED, CHECKOUT, KINDS, LISTED, ORDERED, REFUNDED, REMOVED, REVIEWED, SEARCHED
from ingestion.demo_shop.config import SECONDS_PER_DAY, DemoShop
from ingestion.demo_shop.contacts import Contacts
from ingestion.demo_shop.ids import scrambled
from ingestion.demo_shop.people import People
from ingestion.demo_shop.story import Story

ID_DIGITS = 12  # of event ids
SEARCHES_A_SLIP = 101  # so many searches, and one person types the e-mail address into the wrong field


class Names:
    """The ids that outsiders see; the last device is the bot's."""

    def __init__(self, config: DemoShop, people: People):
        count = len(people.persona)
        self.users = scrambled("u", np.arange(count), 8, config.seed)
        self.devices = scrambled("d", np.arange(2 * count + 1), 10, config.seed + 1)
        self.contacts = Contacts(count, config.seed)

    def device(self, person: int, which: int = 0) -> str:
        return self.devices[-1] if person == BOT else self.devices[2 * person + which]


class Records:
    """One record per event, made when asked for.

    Example:
        >>> records[0]["event"]
        'product_viewed'
    """

    def __init__(self, story: Story, names: Names):
        config, people, catalogue, visits, clicks = story.config, story.people, story.catalogue, story.visits, story.clicks
        self._config, self._catalogue, self._names = config, catalogue, names
        count = len(clicks.kind)
        self._columns = [getattr(clicks, name).tolist() for name in ("kind", "person", "visit", "item", "errand", "number")]
        self.id_seed = config.seed + 2
        self._ids = scrambled("e", np.arange(count), ID_DIGITS, self.id_seed)
        self._sessions = scrambled("s", np.arange(len(visits.person)), 10, config.seed + 3)
        self._orders = scrambled("o", np.arange(len(story.errands.day)), 8, config.seed + 4)
        self._timestamps = config.timestamps(clicks.at)
        self._devices = visits.device.tolist()
        self._is_logged_in = _is_logged_in(people, visits, clicks).tolist()
        self._agrees = (clicks.at < people.refuses_from[clicks.person] * SECONDS_PER_DAY).tolist()
        day = np.where(clicks.visit >= 0, visits.day[clicks.visit], clicks.at // SECONDS_PER_DAY)
        self._prices = (catalogue.prices[config.period_of(day), clicks.item] / 100).tolist()
        self._lines, self._line_bounds = _lines(story)

    def __len__(self) -> int:
        return len(self._ids)

    def __getitem__(self, at: int) -> dict:
        kind, person, visit, item, errand, number = (column[at] for column in self._columns)
        record = {"id": self._ids[at], "event": KINDS[kind], "timestamp": self._timestamps[at]}
        if self._is_logged_in[at]:
            record["user_id"] = self._names.users[person]
        if visit >= 0:
            record["anonymous_id"] = self._names.device(person, self._devices[visit])
            record["session_id"] = self._sessions[visit]
        elif not self._is_logged_in[at]:
            record["anonymous_id"] = self._names.device(person)
        if self._is_logged_in[at]:
            record["consent"] = {"personalization": self._agrees[at]}
            record["context"] = self._names.contacts.context(person)
        return record | self._content(at, kind, person, item, errand, number)

    def _content(self, at: int, kind: int, person: int, item: int, errand: int, number: int) -> dict:
        if kind == LISTED:
            return {"category": self._catalogue.path(item)}
        if kind == SEARCHED:
            if at % SEARCHES_A_SLIP == 0 and person != BOT:
                return {"query": self._names.contacts.emails[person]}
            noun = self._catalogue.noun(item)
            return {"query": noun if at % 3 else f"{self._catalogue.brand_name(item).lower()} {noun}"}
        if kind == CHECKOUT:
            return {}
        if kind in (ORDERED, REFUNDED):
            lines = self._lines[self._line_bounds[errand] : self._line_bounds[errand + 1]] if number < 0 else [self._lines[number]]
            return {"order_id": self._orders[errand], "currency": self._config.currency, "lines": lines}
        content = {"item_id": self._catalogue.ids[item]}
        if kind == REVIEWED:
            return content | {"rating": number}
        if kind in (ADDED, REMOVED):
            content["quantity"] = number
        return content | {"price": self._prices[at], "currency": self._config.currency}


def _is_logged_in(people, visits, clicks) -> np.ndarray:
    """(events,) users are, but for their anonymous visits, in which they log in at the checkout."""
    is_user = (clicks.person != BOT) & ~people.is_guest[clicks.person]
    is_paying = (clicks.kind == CHECKOUT) | (clicks.kind == ORDERED)
    return is_user & ((clicks.visit < 0) | ~visits.is_anonymous[clicks.visit] | is_paying)


def _lines(story: Story) -> tuple[list[dict], list[int]]:
    """All order lines, and for each errand where its own begin."""
    baskets, day = story.baskets, story.errands.day
    price = story.catalogue.prices[story.config.period_of(day[baskets.errand]), baskets.item] / 100
    columns = (story.catalogue.ids[baskets.item].tolist(), baskets.quantity.tolist(), price.tolist())
    lines = [{"item_id": item, "quantity": quantity, "price": each} for item, quantity, each in zip(*columns, strict=True)]
    return lines, np.searchsorted(baskets.errand, np.arange(len(day) + 1)).tolist()
