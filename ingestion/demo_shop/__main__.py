"""Make the demo shop's files.

python -m ingestion.demo_shop --shop shops/demo.yml
"""

import argparse
import logging
import sys
from pathlib import Path

import shop as shops
import steps
import warehouse
from ingestion.demo_shop import DemoShop, make
from settings import PROJECT_ROOT, Settings


def main() -> None:
    options = _parser().parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        settings = Settings.from_environment()
        shop = shops.read(options.shop)
        sizes = {name: getattr(options, name) for name in ("users", "items", "days", "seed") if getattr(options, name) is not None}
        config = DemoShop(timezone=shop.timezone, currency=shop.currency, **sizes)
        with warehouse.lock(settings, shop, "demo_shop"):
            print(make(shop.landing_folder(settings), settings.paths(shop.name).root / "truth", config))
    except (steps.StepError, ValueError) as error:
        sys.exit(f"ingestion.demo_shop: {error}")


def _parser() -> argparse.ArgumentParser:
    defaults = DemoShop()
    parser = argparse.ArgumentParser(prog="ingestion.demo_shop", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", type=Path, default=PROJECT_ROOT / "shops" / "demo.yml", help="shop file (default: the demo)")
    for name in ("users", "items", "days", "seed"):
        parser.add_argument(f"--{name}", type=int, help=f"default: {getattr(defaults, name)}")
    return parser


if __name__ == "__main__":
    main()
