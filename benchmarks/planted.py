"""What was planted in the demo shop's people, as the truth beside its files says."""

import csv

import shop as shops
from ingestion.user_key import user_key
from settings import Settings


def users(settings: Settings, shop: shops.Shop) -> dict[str, dict[str, str]]:
    """User key to the row of users.csv."""
    with (settings.paths(shop.name).root / "truth" / "users.csv").open() as file:
        return {user_key(settings, shop, row["user_id"]): row for row in csv.DictReader(file)}
