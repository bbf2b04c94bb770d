"""The goods: what each is called and costs, when it is for sale, and which are bought together."""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ingestion.demo_shop.config import DemoShop
from ingestion.demo_shop.words import BRANDS, QUALITIES, TREE, Leaf

TOPS = tuple(TREE)


@dataclass(frozen=True)
class Catalogue:
    """All items, in order of their leaf, so that a leaf is a slice.

    Args:
        ids: (items,) the shop's own numbers, as text: they start with zeros.
        leaves: the leaves that this shop has, each with its top category.
        leaf: (items,) index into `leaves`.
        leaf_bounds: (leaves + 1,) where each leaf's slice begins.
        brand: (items,) index into the brands of the item's top category.
        goods: (items,) index into the leaf's nouns.
        titles: (items,)
        popularity: (items,) log weight that everybody shares.
        prices: (deliveries, items) in whole cents.
        stock: (deliveries, items)
        is_listed: (deliveries, items) False before an item comes into the shop.
        is_active: (deliveries, items) False before that, and once it is taken out again.
        partner: (items,) the other item of its bundle, -1 without one.
    """

    ids: np.ndarray
    leaves: list[tuple[str, Leaf]]
    leaf: np.ndarray
    leaf_bounds: np.ndarray
    brand: np.ndarray
    goods: np.ndarray
    titles: list[str]
    popularity: np.ndarray
    prices: np.ndarray
    stock: np.ndarray
    is_listed: np.ndarray
    is_active: np.ndarray
    partner: np.ndarray

    @cached_property
    def is_used_up(self) -> np.ndarray:
        return np.array([leaf.is_used_up for _, leaf in self.leaves])[self.leaf]

    @cached_property
    def top(self) -> np.ndarray:
        """(items,) index into TOPS."""
        return np.array([TOPS.index(top) for top, _ in self.leaves])[self.leaf]

    @cached_property
    def is_for_sale(self) -> np.ndarray:
        """(deliveries, items)"""
        return self.is_active & (self.stock > 0)

    def path(self, item: int) -> str:
        top, leaf = self.leaves[self.leaf[item]]
        return f"{top} > {leaf.path}"

    def brand_name(self, item: int) -> str:
        return BRANDS[self.leaves[self.leaf[item]][0]][self.brand[item]]

    def noun(self, item: int) -> str:
        return self.leaves[self.leaf[item]][1].goods[self.goods[item]]

    def description(self, item: int) -> str:
        return f"{self.titles[item]}: {self.leaves[self.leaf[item]][1].note}. From {self.brand_name(item)}."


def stocked(config: DemoShop) -> Catalogue:
    """Fill the shelves."""
    random = config.random("catalogue")
    leaves = _leaves(config.items)
    leaf = np.sort(np.arange(config.items) % len(leaves))
    bounds = np.searchsorted(leaf, np.arange(len(leaves) + 1))
    brand, quality, goods = _names(leaves, bounds, random)
    popularity = random.normal(0, 0.6, config.items)
    prices = _prices(config, leaves, leaf, random)
    is_listed, is_active, stock = _availability(config, bounds, random)
    is_steady = (is_active & (stock > 0)).all(axis=0)
    return Catalogue(
        ids=np.array([f"{number:05d}" for number in random.permutation(config.items) + 1]),
        leaves=leaves,
        leaf=leaf,
        leaf_bounds=bounds,
        brand=brand,
        goods=goods,
        titles=[
            f"{BRANDS[leaves[at][0]][b]} {QUALITIES[q]} {leaves[at][1].goods[g]}"
            for at, b, q, g in zip(leaf, brand, quality, goods, strict=True)
        ],
        popularity=popularity,
        prices=prices,
        stock=stock,
        is_listed=is_listed,
        is_active=is_active,
        partner=_bundles(leaves, bounds, popularity, is_steady),
    )


def _leaves(items: int) -> list[tuple[str, Leaf]]:
    """Leaves with about four items or more each, taken from all top categories in turn."""
    rounds = [(top, leaf) for place in range(4) for top in TOPS for leaf in TREE[top][place : place + 1]]
    chosen = rounds[: max(2, items // 8)]
    return sorted(chosen, key=lambda pair: TOPS.index(pair[0]))


def _names(leaves, bounds, random) -> tuple[np.ndarray, ...]:
    """(items,) brand, quality and noun of each item; no two items of a leaf share all three while names last."""
    names = []
    for (top, leaf), begin, end in zip(leaves, bounds, bounds[1:], strict=False):
        shape = (len(BRANDS[top]), len(QUALITIES), len(leaf.goods))
        order = random.permutation(np.prod(shape))
        names.append(np.stack(np.unravel_index(np.resize(order, end - begin), shape)))
    return tuple(np.concatenate(names, axis=1))


def _prices(config, leaves, leaf, random) -> np.ndarray:
    """Cents by delivery: most prices stay, some drift, some are cut for a month."""
    low, high = np.array([each.prices for _, each in leaves]).T
    base = np.exp(random.uniform(np.log(low[leaf]), np.log(high[leaf])))
    shape = (len(config.deliveries), config.items)
    drift = np.where(random.random(shape) < 0.1, random.normal(0.01, 0.04, shape), 0)
    drift[0] = 0
    cut = np.where(random.random(shape) < 0.06, 0.8, 1.0)
    return np.maximum(np.round(base * np.exp(np.cumsum(drift, axis=0)) * cut * 10) * 10 - 1, 99).astype(int)


def _availability(config, bounds, random) -> tuple[np.ndarray, ...]:
    """(deliveries, items) each: is_listed, is_active and stock. The first item of a leaf is always there."""
    count, items = len(config.deliveries), config.items
    delivery = np.arange(count)[:, None]
    others = np.setdiff1d(np.arange(items), bounds[:-1])
    begins, ends = np.zeros(items, dtype=int), np.full(items, count)
    new, gone = (random.choice(others, max(2, round(share * items)), replace=False) for share in (0.12, 0.04))
    begins[new], ends[gone] = random.integers(1, count, len(new)), random.integers(0, count, len(gone))
    stock = random.poisson(random.lognormal(3.5, 0.8, items), (count, items)) + 1
    for each in delivery:
        stock[each, random.choice(others, max(1, round(0.02 * items)), replace=False)] = 0
    is_listed = delivery >= begins
    return is_listed, is_listed & (delivery < ends), stock


def _bundles(leaves, bounds, popularity, is_steady) -> np.ndarray:
    """Pairs of well-liked items of two leaves that go together: one for about every twelve items, no item in two."""
    partner = np.full(len(popularity), -1)
    index = {leaf.path.rpartition(" > ")[2]: place for place, (_, leaf) in enumerate(leaves)}
    steady = [[item for item in range(begin, end) if is_steady[item]] for begin, end in pairwise(bounds)]
    ranked = [sorted(items, key=lambda item: -popularity[item])[len(items) > 2 :] for items in steady]  # the very best needs no bundle
    wanted = max(3, len(popularity) // 12)
    for place in [place for _ in range(len(popularity)) for place in range(len(leaves))]:
        other = index.get(leaves[place][1].goes_with, (place + 1) % len(leaves))
        if wanted and ranked[place] and ranked[other]:
            one, two = ranked[place].pop(0), ranked[other].pop(0)
            partner[one], partner[two] = two, one
            wanted -= 1
    return partner
