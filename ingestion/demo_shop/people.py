"""The people: six personas, and what sets each person of a persona apart."""

from dataclasses import dataclass

import numpy as np

from ingestion.demo_shop.catalogue import TOPS
from ingestion.demo_shop.config import DemoShop

COOLING_DAYS = 35  # those who will leave come ever less in the days before
GUESTS_PER_USER = 0.15


@dataclass(frozen=True)
class Persona:
    """A kind of customer.

    Args:
        share: of all people.
        loves: how many times more than another top category each of these is liked.
        price_sensitivity: 0 buys by taste alone, 1 picks the cheapest of what it likes.
        gap_days: the middle of its people's days from one order to the next.
        visits_per_week: only to look, not to buy.
        weekdays: weight from Monday to Sunday.
        hours: hours of the day (local) around which it comes.
        searches: share of visits that begin with a search.
        reviews: share of orders that are reviewed.
    """

    name: str
    share: float
    loves: dict[str, float]
    price_sensitivity: float
    gap_days: float
    visits_per_week: float
    weekdays: tuple[float, ...]
    hours: tuple[float, ...]
    searches: float
    reviews: float


WORKDAYS, WEEKEND, EVEN = (1.3, 1.3, 1.2, 1.2, 1.0, 0.5, 0.5), (0.6, 0.6, 0.6, 0.7, 1.0, 1.9, 1.8), (1.0,) * 7

PERSONAS = (
    Persona("home_cook", 0.20, {"Kitchen": 10, "Home": 2}, 0.4, 44, 0.22, WEEKEND, (9.5, 20.0), 0.25, 0.12),
    Persona("young_family", 0.20, {"Kids": 10, "Beauty": 2}, 0.7, 36, 0.25, EVEN, (13.0, 21.0), 0.35, 0.08),
    Persona("tech_fan", 0.15, {"Electronics": 10, "Sport": 2}, 0.3, 85, 0.40, WORKDAYS, (12.5, 22.0), 0.50, 0.20),
    Persona("active_athlete", 0.15, {"Sport": 10, "Beauty": 2}, 0.3, 52, 0.24, WORKDAYS, (7.0, 18.5), 0.30, 0.10),
    Persona("style_seeker", 0.18, {"Fashion": 10, "Beauty": 4}, 0.2, 62, 0.42, WEEKEND, (12.5, 20.5), 0.15, 0.06),
    Persona("home_and_gardener", 0.12, {"Garden": 9, "Home": 9}, 0.9, 95, 0.20, WORKDAYS, (10.0, 15.5), 0.20, 0.15),
)  # fmt: skip


@dataclass(frozen=True)
class People:
    """Users first, then guests, who never log in. Days may lie before the first and after the last day.

    Args:
        is_guest: (people,)
        persona: (people,) index into PERSONAS.
        joined: (people,) day of the first visit.
        leaves: (people,) silent from this day on; infinite for those who stay.
        gap: (people,) days from one order to the next.
        visits: (people,) a day, only to look.
        price_sensitivity: (people,)
        refuses_from: (people,) consent is false from this day on; infinite for those who agree.
        second_device: (people,) share of visits from a second device, 0 without one.
        country: (people,) index into COUNTRIES.
    """

    is_guest: np.ndarray
    persona: np.ndarray
    joined: np.ndarray
    leaves: np.ndarray
    gap: np.ndarray
    visits: np.ndarray
    price_sensitivity: np.ndarray
    refuses_from: np.ndarray
    second_device: np.ndarray
    country: np.ndarray

    def of_persona(self, attribute: str) -> np.ndarray:
        return np.array([getattr(persona, attribute) for persona in PERSONAS])[self.persona]


COUNTRIES = (("DE", "de", 0.72), ("AT", "de", 0.12), ("CH", "de", 0.06), ("NL", "nl", 0.05), ("FR", "fr", 0.05))


def invited(config: DemoShop) -> People:
    """Draw the people of a shop."""
    random = config.random("people")
    count = config.users + round(config.users * GUESTS_PER_USER)
    is_guest = np.arange(count) >= config.users
    persona = random.choice(len(PERSONAS), count, p=[persona.share for persona in PERSONAS])
    joined = _joined(config, is_guest, random)
    middle = np.array([(each.gap_days, each.visits_per_week / 7, each.price_sensitivity) for each in PERSONAS])[persona].T
    return People(
        is_guest=is_guest,
        persona=persona,
        joined=joined,
        leaves=_leaves(config, is_guest, joined, random),
        gap=np.maximum(middle[0] * random.lognormal(0, 0.45, count), 9) * np.where(is_guest, 6, 1),
        visits=middle[1] * random.lognormal(0, 0.6, count),
        price_sensitivity=middle[2] * random.uniform(0.6, 1.4, count),
        refuses_from=_refuses_from(config, is_guest, random),
        second_device=np.where(~is_guest & (random.random(count) < 0.4), random.uniform(0.1, 0.5, count), 0),
        country=random.choice(len(COUNTRIES), count, p=[share for *_, share in COUNTRIES]),
    )


def hour_weights() -> np.ndarray:
    """(personas, 24) weight of each hour; nobody comes between 01:00 and 05:00."""
    hour = np.arange(24)
    bumps = [sum(np.exp(-((hour - peak) ** 2) / 4) for peak in persona.hours) for persona in PERSONAS]
    return (np.array(bumps) + 0.06) * ((hour < 1) | (hour >= 5))


def _joined(config, is_guest, random) -> np.ndarray:
    """Six in ten users were there before the first day, the others and all guests come in between."""
    count = len(is_guest)
    before = ~is_guest & (random.random(count) < 0.6)
    return np.where(before, -random.integers(1, 720, count), random.integers(0, config.days - 3, count))


def _leaves(config, is_guest, joined, random) -> np.ndarray:
    """A quarter of the users go quiet one day, some of them soon after the last day; guests after days or weeks."""
    count = len(joined)
    quiet = random.integers(30, config.days + 30, count)
    goes = (random.random(count) < 0.27) & (quiet > joined + 30)
    return np.where(is_guest, joined + random.integers(2, 30, count), np.where(goes, quiet, np.inf))


def _refuses_from(config, is_guest, random) -> np.ndarray:
    """Three in a hundred users refuse, two at least; a third of them agreed at first."""
    refusing = random.choice(config.users, max(2, round(0.03 * config.users)), replace=False)
    agreed_first = len(refusing) // 3 + 1
    since = np.full(len(is_guest), np.inf)
    since[refusing] = -np.inf
    since[refusing[:agreed_first]] = random.integers(20, config.days - 10, agreed_first)
    return since


def top_weights() -> np.ndarray:
    """(personas, top categories) how much each persona likes each."""
    return np.array([[persona.loves.get(top, 1.0) for top in TOPS] for persona in PERSONAS])
