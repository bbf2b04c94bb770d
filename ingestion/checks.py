"""What a record must be to land: conditions over the mapped fields, each with the reason that quarantine gives.

The first condition that holds is the reason. Reasons are short and the same every night, so that they can be counted.
"""

from babel import Locale

from ingestion.mapping import FALSE, TRUE, midnight
from ingestion.sql import among, literal
from shop import Checks, Shop
from sources import Source

ITEM_EVENTS = (
    "product_viewed", "product_clicked", "product_added", "product_removed", "wishlist_added", "product_reviewed",
    "order_completed", "order_refunded",
)  # fmt: skip
_IDS_BY_KIND = {
    "events": (
        "event_id", "user_id", "anonymous_id", "session_id", "item_id", "order_id", "recommendation_id", "campaign_id", "treatment",
    ),
    "items": ("item_id",),
    "users": ("user_id",),
    "links": ("user_id", "anonymous_id", "other_user_id"),
}  # fmt: skip
_CURRENCIES = " ".join(sorted(Locale("en").currencies))  # ISO 4217, with those of the past
_LARGEST_INTEGER = 2**31 - 1
_LARGEST_PRICE = 10**14 - 1  # DECIMAL(18, 4)


def reason(shop: Shop, source: Source, has_controls: bool = True) -> str:
    """SQL: why a line of `fields` is refused (`latest`: the first instant too late for its delivery); null if it is sound."""
    by_kind = {"events": _of_events, "items": _of_items, "users": _of_users, "links": _of_links}
    conditions = [*by_kind[source.kind](shop, source), *_ids(source, shop.checks, has_controls)]
    cases = " ".join(f"when {condition} then {literal(text)}" for condition, text in conditions)
    return f"case when fault is not null then fault {cases} end"


def _of_events(shop: Shop, source: Source) -> list[tuple[str, str]]:
    checks = shop.checks
    somebody = "user_id is not null or anonymous_id is not null"
    known = f"{somebody} or order_id is not null" if source.anonymous_orders else somebody
    # a refund without items takes the whole order back; one line without an item among others that have one does not
    takes_order_back = f"event_type = 'order_refunded' and order_id is not null{' and element is null' if source.lines else ''}"
    return [
        ("event_at_text is null", "event_at is missing"),
        ("event_at is null", "event_at is not a time"),
        (f"event_at < {midnight(checks.earliest_event, shop.timezone)}", f"event_at is before {checks.earliest_event}"),
        ("event_at >= latest", f"event_at is more than {checks.latest_after_delivery_days} day(s) after delivery"),
        ("event_type is null", "unknown event type"),
        (f"not ({known})", "names no user"),
        (f"item_id is null and {among('event_type', ITEM_EVENTS)} and not ({takes_order_back})", "names no item"),
        *_money(checks),
        *_whole_number("quantity", "quantity is not a positive whole number", at_least=1),
        (f"quantity_number > {min(checks.max_quantity, _LARGEST_INTEGER)}", f"quantity is over {checks.max_quantity}"),
        *_number("rating"),
        *_whole_number("position", "position is not a whole number", at_least=0),
        *_boolean("consent_personalization"),
    ]


def _of_items(shop: Shop, source: Source) -> list[tuple[str, str]]:
    return [
        ("item_id is null", "names no item"),
        *_money(shop.checks),
        *_whole_number("stock_quantity", "stock_quantity is not a whole number", at_least=-_LARGEST_INTEGER),
        *_boolean("is_active"),
    ]


def _of_links(shop: Shop, source: Source) -> list[tuple[str, str]]:
    return [
        ("user_id is null", "names no user"),
        ("anonymous_id is null and other_user_id is null", "links the user to nothing"),
        ("linked_at_text is not null and linked_at is null", "linked_at is not a time"),
        ("linked_at >= latest", f"linked_at is more than {shop.checks.latest_after_delivery_days} day(s) after delivery"),
    ]


def _of_users(shop: Shop, source: Source) -> list[tuple[str, str]]:
    return [("user_id is null", "names no user"), *_boolean("consent_personalization")]


def _money(checks: Checks) -> list[tuple[str, str]]:
    return [
        *_number("price"),
        ("price_number < 0", "price is negative"),
        (f"price_number > {min(checks.max_price, _LARGEST_PRICE)}", f"price is over {checks.max_price:.15g}"),
        (f"not (regexp_full_match(currency, '[A-Z]{{3}}') and contains({literal(_CURRENCIES)}, currency))", "currency is unknown"),
    ]


def _number(field: str) -> list[tuple[str, str]]:
    number = f"{field}_number"
    return [(f"{field} is not null and ({number} is null or not isfinite({number}))", f"{field} is not a number")]


def _whole_number(field: str, text: str, at_least: int) -> list[tuple[str, str]]:
    number = f"{field}_number"
    is_whole = f"{number} = floor({number}) and {number} between {at_least} and {_LARGEST_INTEGER}"
    return [(f"{field} is not null and not coalesce({is_whole}, false)", text)]


def _boolean(field: str) -> list[tuple[str, str]]:
    return [(f"not {among(f'lower({field})', (*TRUE, *FALSE))}", f"{field} is not true or false")]


def _ids(source: Source, checks: Checks, has_controls: bool) -> list[tuple[str, str]]:
    limit, ids = checks.max_id_length, [field for field in _IDS_BY_KIND[source.kind] if field in source.columns]
    too_long = [  # strlen, of bytes, is free; length is not
        (f"strlen({field}) > {limit} and length({field}) > {limit}", f"{field} is longer than {limit} characters") for field in ids
    ]
    if not has_controls:
        return too_long
    # a line end in an id: most likely a stray quote has swallowed the lines up to the next one
    return [*too_long, (f"regexp_matches(concat_ws('', {', '.join(ids)}), '[[:cntrl:]]')", "an id holds a control character")]
