"""What each person likes: a weight for every item, and choices drawn by these weights."""

from itertools import pairwise

import numpy as np

from ingestion.demo_shop.catalogue import Catalogue
from ingestion.demo_shop.config import DemoShop
from ingestion.demo_shop.people import PERSONAS, People, top_weights


class Rows:
    """Draws columns by the weights of a row, for many rows at once.

    Args:
        weights: (rows, columns), not negative; a row of zeros must not be drawn from.

    Example:
        >>> Rows(np.array([[0, 1.0], [1, 0]])).draw(np.array([0, 1]), np.array([0.3, 0.9]))
        array([1, 0])
    """

    def __init__(self, weights: np.ndarray):
        sums = np.cumsum(weights, axis=1)
        sums /= np.maximum(sums[:, -1:], 1e-300)
        sums += np.arange(len(sums))[:, None]
        self._columns = weights.shape[1]
        self._sums = sums.ravel()  # climbs by one with each row, so that one search finds the place in any row

    def draw(self, rows: np.ndarray, uniform: np.ndarray, begin: np.ndarray | int = 0, end: np.ndarray | None = None) -> np.ndarray:
        """(n,) a column of each of `rows`, by numbers in [0, 1); of begin … end - 1 only where given."""
        end = self._columns if end is None else end
        first = rows * self._columns
        low = np.where(begin == 0, rows, self._sums[first + begin - 1])
        high = self._sums[first + end - 1]
        place = np.searchsorted(self._sums, low + uniform * (high - low), side="right") - first
        return np.clip(place, begin, end - 1)


class Tastes:
    """Who likes what, as of each delivery's prices and stock.

    The log weight of an item is the sum of its popularity, the persona's and the person's liking of its category, of its
    brand, of the item itself, and, for those who mind, its price within its category.
    """

    def __init__(self, config: DemoShop, people: People, catalogue: Catalogue):
        self._config, self._people, self._catalogue = config, people, catalogue
        random = config.random("tastes")
        count, leaf, top = len(people.persona), catalogue.leaf, catalogue.top
        names, brand = np.unique(top * 100 + catalogue.brand, return_inverse=True)  # a brand belongs to one top category
        by_leaf = random.normal(0, 1.3, (count, len(catalogue.leaves)))
        own_brand = random.normal(0, 0.8, (count, len(names)))
        persona_brand = random.normal(0, 0.6, (len(PERSONAS), len(names)))
        self._liking = (
            catalogue.popularity
            + np.log(top_weights())[people.persona][:, top]
            + by_leaf[:, leaf]
            + (own_brand + persona_brand[people.persona])[:, brand]
            + random.normal(0, 0.6, (count, len(leaf)))
        )
        self._rows = [self._weights(period) for period in range(len(config.deliveries))]

    @property
    def liking(self) -> np.ndarray:
        """(people, items) log weights, prices apart."""
        return self._liking

    def draw(self, person: np.ndarray, day: np.ndarray, uniform: np.ndarray, leaf: np.ndarray | None = None) -> np.ndarray:
        """(n,) items, each by one person's taste among what is for sale on a day, of one leaf where given."""
        bounds = self._catalogue.leaf_bounds
        items = np.empty(len(person), dtype=int)
        period = self._config.period_of(day)
        for each in range(len(self._rows)):
            at = np.flatnonzero(period == each)
            slices = () if leaf is None else (bounds[leaf[at]], bounds[leaf[at] + 1])
            items[at] = self._rows[each].draw(person[at], uniform[at], *slices)
        return items

    def favourite(self, person: np.ndarray, leaf: np.ndarray) -> np.ndarray:
        """(n,) the item of a leaf that a person comes back for, at whatever price."""
        bounds = self._catalogue.leaf_bounds
        best = [begin + self._liking[:, begin:end].argmax(axis=1) for begin, end in pairwise(bounds)]
        return np.stack(best, axis=1)[person, leaf]

    def _weights(self, period: int) -> Rows:
        price = np.log(self._catalogue.prices[period])
        sizes = np.diff(self._catalogue.leaf_bounds)
        average = np.add.reduceat(price, self._catalogue.leaf_bounds[:-1]) / sizes
        dearness = price - average[self._catalogue.leaf]
        weights = np.exp(self._liking - self._people.price_sensitivity[:, None] * 1.5 * dearness)
        weights *= self._catalogue.is_for_sale[period]
        return Rows(weights)
