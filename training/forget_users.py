"""Take the users' keys out of what MLflow holds of a shop: earlier versions kept on whom the models were compared.

python -m training.forget_users --shop shops/demo.yml

`make rotate-key` calls it, since those are keys of the time before. Nothing else there names a user: models hold items,
features and weights, and what they were compared by are figures.
"""

import argparse
import sys
from pathlib import Path

import shop as shops
import steps
from settings import PROJECT_ROOT, Settings
from training import tracking
from training.train import GAINS_FILE


def forget_users(settings: Settings, shop: shops.Shop) -> str:
    """Drop the lists of users and return the summary line."""
    stores = [tracking.Store(settings, shop.name, name) for name in shop.task_names]
    if any(store.is_away for store in stores):
        raise steps.StepError("MLflow is away, and may hold users' keys of the time before: call it again when it answers")
    runs = sum(store.drop_array(GAINS_FILE, "units") for store in stores)
    return f"forget_users {shop.name}: dropped the list of users of {runs} runs"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", type=Path, default=PROJECT_ROOT / "shops" / "demo.yml", help="shop file (default: the demo)")
    options = parser.parse_args()
    try:
        print(forget_users(Settings.from_environment(), shops.read(options.shop)))
    except (ValueError, steps.StepError) as error:
        sys.exit(f"{parser.prog}: {error}")


if __name__ == "__main__":
    main()
