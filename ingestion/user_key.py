"""The published key of a raw id, for whoever holds the ids and wants their rows.

    python -m ingestion.user_key 17850 --shop shops/online_retail.yml
    python -m ingestion.user_key dev-42 --device

The id is what the shop file makes of the source's column: without spaces around it, and without its `remove_suffix`.
"""

import argparse
import sys
from pathlib import Path

import shop as shops
from ingestion.pseudonyms import visitor_key
from settings import PROJECT_ROOT, Settings
from steps import StepError

NO_KEY = "NIGHTCART_HMAC_KEY is not set, and pseudonyms are made with it; `make setup` makes one"


def user_key(settings: Settings, shop: shops.Shop, raw_id: str, is_device: bool = False) -> str:
    """The key of a user's id, or of a device's, as the text of a UUID.

    Raises:
        StepError: there is no HMAC key, or the id is empty.
    """
    if not settings.hmac_keys:
        raise StepError(NO_KEY)
    if not raw_id.strip():
        raise StepError("the id is empty")
    return str(visitor_key(settings.hmac_keys, "anon" if is_device else "user", shop.identity_namespace, raw_id.strip()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("id", help="raw user id, as in the source")
    parser.add_argument("--device", action="store_true", help="the id is an anonymous (device) id")
    parser.add_argument("--shop", type=Path, default=PROJECT_ROOT / "shops" / "demo.yml", help="shop file (default: the demo)")
    options = parser.parse_args()
    try:
        print(user_key(Settings.from_environment(), shops.read(options.shop), options.id, options.device))
    except (StepError, ValueError) as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
