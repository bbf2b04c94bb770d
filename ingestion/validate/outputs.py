"""Which outputs need what of a shop's files, and what becomes of them without it: one table.

A need is a column of the lake (`events.price`), an event type (`order_completed`), or a column of the shop file (`mapped
events.event_id`) where the lake makes up for its absence.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from shop import Shop
from sources import EVENT_TYPES


@dataclass(frozen=True)
class Need:
    """An output, and what it needs.

    Args:
        output: a published table or column, or a rule of one.
        any_of: at least one of these must be there.
        effect: without any: `off`, it stays empty or 0; `poorer`, something else stands in for it.
        without: what happens then.
    """

    output: str
    any_of: tuple[str, ...]
    effect: Literal["off", "poorer"]
    without: str


NEEDS = (
    Need(
        "all personal tables",
        ("events.visitor_key",),
        "off",
        "nobody is known: user_recommendations, user_segments, user_predictions and user_profiles stay empty",
    ),
    Need("user_recommendations", ("events.item_id",), "off", "no event names an item: there is nothing to recommend"),
    Need("item_recommendations", ("events.item_id",), "off", "no event names an item: none goes with another"),
    Need("user_predictions of purchase_7d", ("order_completed",), "off", "without orders there is nothing to predict"),
    Need("user_segments.segment and rfm_*", ("order_completed",), "off", "everybody is a window shopper or ready to buy"),
    Need("daily_kpis.orders and its rates", ("order_completed",), "off", "they are 0"),
    Need("orders and counts of them", ("events.order_id",), "off", "lines without an order_id count in revenue alone: orders are 0"),
    Need("item_recommendations that are bought_together", ("events.order_id",), "off", "which items were bought together is not known"),
    Need("item_recommendations that are similar", ("product_viewed",), "poorer", "similar items and tastes come from purchases alone"),
    Need("daily_kpis.views and the funnel", ("product_viewed",), "off", "there are no product views to begin with"),
    Need("daily_kpis.carts and open_cart_count", ("product_added",), "off", "nothing is put into carts: nobody is 'ready to buy'"),
    Need("daily_kpis.revenue and order amounts", ("events.price",), "off", "amounts are 0: rfm_monetary and price_level say nothing"),
    Need("order amounts", ("events.quantity",), "poorer", "each line counts as one piece"),
    Need("daily_kpis.refunds", ("order_refunded",), "poorer", "refunds are 0, and what was sent back counts as sold"),
    Need("order amounts in other currencies", ("events.currency",), "poorer", "all prices are taken to be in {currency}"),
    Need("people across devices", ("events.device_key", "links.linked_key"), "poorer", "what somebody did before logging in is not theirs"),
    Need("sessions", ("events.session_id",), "poorer", "they are cut at 30 minutes of silence"),
    Need("events counted once", ("mapped events.event_id",), "poorer", "a repeated event is told by its content alone"),
    Need("consent", ("events.consent_personalization", "users.consent_personalization"), "poorer", "{consent}"),
    Need("items known before they sell", ("items.item_id",), "poorer", "no catalogue: items are known from events alone"),
    Need("favourite_categories and popular_in_category", ("items.category",), "off", "no item has a category"),
    Need("favourite_brands", ("items.brand",), "off", "no item has a brand"),
    Need("items in stock", ("items.stock_quantity",), "poorer", "what is sold out may be recommended"),
    Need("items on offer", ("items.is_active",), "poorer", "an item counts as offered if it sold in the last 90 days"),
)  # fmt: skip


@dataclass(frozen=True)
class Degraded:
    """An output that is off or poorer, what it lacks, and what happens."""

    output: str
    effect: str
    lacks: str
    without: str


def degraded(shop: Shop, filled: Collection[str], event_types: Collection[str]) -> list[Degraded]:
    """The outputs that lack something, those that are off first.

    Args:
        filled: columns of the lake, as `events.price`, that some row of the sample has.
        event_types: of the sample's events.
    """
    mapped = {f"mapped {source.kind}.{field}" for source in shop.sources for field in source.columns}
    there = {*filled, *event_types, *mapped}
    words = {
        "currency": shop.currency,
        "consent": f"nobody states any: consent_default, {str(shop.consent_default).lower()}, holds for all",
    }
    lacking = [need for need in NEEDS if not there & set(need.any_of)]
    found = [Degraded(need.output, need.effect, _lacks(shop, need), need.without.format_map(words)) for need in lacking]
    return sorted(found, key=lambda one: one.effect != "off")


def _lacks(shop: Shop, need: Need) -> str:
    names = " or ".join(name.removeprefix("mapped ") for name in need.any_of)
    is_promised = any(_promises(shop, name) for name in need.any_of)
    return f"{names} ({'none in the sample' if is_promised else 'not mapped'})"


def _promises(shop: Shop, name: str) -> bool:
    """Whether the shop file says where it would come from."""
    if name in EVENT_TYPES:
        return any(name in produced(source.event_type) for source in shop.sources if source.event_type)
    kind, _, field = name.removeprefix("mapped ").partition(".")
    columns = {"visitor_key": {"user_id", "anonymous_id"}, "device_key": {"anonymous_id"}, "linked_key": {"user_id"}}.get(field, {field})
    return any(source.kind == kind and columns & source.columns.keys() for source in shop.sources)


def produced(mapping) -> set[str]:
    """The event types that a source's records can become."""
    names = mapping.map.values() or (EVENT_TYPES if mapping.from_ else ())
    return {*names, *(rule.then for rule in mapping.rules), *filter(None, [mapping.default])}
