"""What the dbt project is told about the shop and the night."""

import json
from datetime import date

import metrics
from segments import Audience
from settings import Settings
from shop import Shop
from sources import Source

TOLD_OF_TARGETS = {"name", "horizon_days", "kind", "per", "label", "outside"}


def variables(settings: Settings, shop: Shop, run_date: date) -> dict[str, object]:
    """What the dbt project is told about the shop and the night; its models read nothing else from outside."""
    paths = settings.paths(shop.name)
    rules = shop.recommendations
    return {
        "run_date": run_date.isoformat(),
        "shop": shop.name,
        "timezone": shop.timezone,
        "currency": shop.currency,
        "consent_default": shop.consent_default,
        "lake": str(paths.lake),
        "predictions": str(paths.predictions / f"run_date={run_date.isoformat()}"),
        "earlier_predictions": str(paths.predictions),
        "min_events": shop.eligibility.min_events,
        "max_events_per_day": shop.eligibility.max_events_per_day,
        "active_within_days": shop.eligibility.active_within_days,
        "k": rules.k,
        "exclude_bought_within_days": rules.exclude_bought_within_days,
        "exclude_in_cart_within_days": rules.exclude_in_cart_within_days,
        "exclude_refunded_within_days": rules.exclude_refunded_within_days,
        "blocked_categories": list(rules.blocked_categories),
        "min_price": rules.min_price,
        "max_per_category": rules.max_per_category,
        "max_per_brand": rules.max_per_brand,
        "new_item_days": rules.new_item_days,
        "new_items_per_list": rules.new_items_per_list,
        "holdout_days": rules.holdout_days,
        "half_life_days": rules.half_life_days,
        "min_stock": rules.min_stock,
        "holdout_share": rules.holdout_share,
        "snapshot_every_days": shop.predictions.snapshot_every_days,
        "snapshot_count": shop.predictions.snapshot_count,
        "horizons_days": shop.predictions.horizons_days("user"),
        "category_horizons_days": shop.predictions.horizons_days("category"),
        "targets": [target.model_dump(include=TOLD_OF_TARGETS) for target in shop.predictions.targets],
        "closed_weekdays": shop.closed_weekdays,
        "closed_dates": [day.isoformat() for day in shop.closed_dates],
        "min_people": shop.segments.min_people,
        "segments": list(shop.segments.names),
        "segment_rules": [rule.model_dump(mode="json", exclude_none=True) for rule in shop.segments.rules],
        "audiences": [_audience(audience) for audience in shop.audiences],
        "sources": json.dumps([_limits(source) for source in shop.sources]),
    } | metrics.variables()


def _audience(audience: Audience) -> dict[str, object]:
    conditions = [condition.model_dump(mode="json", exclude_none=True) for condition in audience.when]
    named = {"id": audience.id, "name": audience.name, "rule": audience.rule, "score": audience.score, "cap": audience.cap}
    return named | {"when": conditions, "predictions": sorted(audience.predictions)}


def _limits(source: Source) -> dict[str, object]:
    """After how many open days without a delivery of the source a night warns, and is held."""
    return {"source": source.name, "kind": source.kind, "warned_after": source.warned_after_days, "held_after": source.held_after_days}
