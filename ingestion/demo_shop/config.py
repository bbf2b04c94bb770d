"""How large a demo shop is, and its calendar."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zlib import crc32
from zoneinfo import ZoneInfo

import numpy as np

SECONDS_PER_DAY = 86_400


@dataclass(frozen=True)
class DemoShop:
    """The configuration of a demo shop: the same one always makes the same bytes.

    Days are counted from 0, the first day, and times of day in local seconds since that day's midnight, so that people's
    habits follow the clock on their wall.

    Raises:
        ValueError: too small to hold what it should: at least 20 users, 24 items and 40 days.

    Example:
        >>> DemoShop(users=150, items=60, days=120).first_day
        datetime.date(2026, 3, 3)
    """

    users: int = 3_000
    items: int = 500
    days: int = 270
    last_day: date = date(2026, 6, 30)
    seed: int = 7
    timezone: str = "Europe/Berlin"
    currency: str = "EUR"
    browsing: float = 1.0  # multiplies how often people come only to look
    dirt: float = 1.0  # multiplies the shares of dirty records in dirt.py
    bot_days: int = 2  # days on which one device floods views
    bot_events: int = 2_300  # on such a day; above the 2,000 of the shop file's eligibility.max_events_per_day

    def __post_init__(self) -> None:
        for name, least in (("users", 20), ("items", 24), ("days", 40)):
            if getattr(self, name) < least:
                raise ValueError(f"a demo shop needs at least {least} {name}, not {getattr(self, name)}")

    @property
    def first_day(self) -> date:
        return self.date_of(0)

    def date_of(self, day: int) -> date:
        return self.last_day - timedelta(days=self.days - 1 - int(day))

    def random(self, part: str) -> np.random.Generator:
        """A generator of its own for each part, so that a change in one leaves the others as they were."""
        return np.random.default_rng([self.seed, crc32(part.encode())])

    @cached_property
    def deliveries(self) -> np.ndarray:
        """(deliveries,) the days on which catalogue and users files come: the first day and each first of a month."""
        return np.array([day for day in range(self.days) if day == 0 or self.date_of(day).day == 1])

    def period_of(self, day: np.ndarray) -> np.ndarray:
        """Which delivery is the newest on each day; prices, stock and items change only with one."""
        return np.searchsorted(self.deliveries, day, side="right") - 1

    @cached_property
    def weekdays(self) -> np.ndarray:
        """(days,) 0 is Monday."""
        return (self.first_day.weekday() + np.arange(self.days)) % 7

    @cached_property
    def season(self) -> np.ndarray:
        """(days,) how busy the time of the year is: 1 is usual."""
        busy = {11: 1.25, 12: 1.4, 1: 0.85}
        return np.array([busy.get(self.date_of(day).month, 1.0) for day in range(self.days)])

    def timestamps(self, seconds: np.ndarray) -> list[str]:
        """Local seconds as ISO 8601 in UTC. Clocks change at night: until 03:00 the offset of the day before holds."""
        day = (seconds - 3 * 3_600) // SECONDS_PER_DAY
        midnight = np.datetime64(self.first_day.isoformat(), "s")
        utc = midnight + (seconds - self._offsets[day + 1]).astype("timedelta64[s]")
        return [f"{text}Z" for text in np.datetime_as_string(utc, unit="s").tolist()]

    @cached_property
    def _offsets(self) -> np.ndarray:
        """(days + 1,) seconds ahead of UTC at noon, from the day before the first."""
        zone = ZoneInfo(self.timezone)
        noons = [datetime.combine(self.date_of(day), time(12), tzinfo=zone) for day in range(-1, self.days)]
        return np.array([int(noon.utcoffset().total_seconds()) for noon in noons])
