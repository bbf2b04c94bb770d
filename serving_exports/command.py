"""How a command about what is published is called: `python -m serving_exports.NAME --shop F …`, without a night to name."""

import argparse
from collections.abc import Callable
from datetime import date
from pathlib import Path

import shop as shops
import steps
import warehouse
from settings import PROJECT_ROOT, Settings


def arguments(description: str) -> argparse.ArgumentParser:
    """The one argument that all of them take; a command may add its own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", type=Path, default=PROJECT_ROOT / "shops" / "demo.yml", help="shop file (default: the demo)")
    return parser


def run(parser: argparse.ArgumentParser, command: Callable[[Settings, shops.Shop, argparse.Namespace], str]) -> None:
    """Parse, read settings and shop file, print what `command` returns; exit 1 with the message of an expected failure."""
    options = parser.parse_args()
    with steps.command(parser.prog) as settings:
        print(command(settings, shops.read(options.shop), options))


def last_night(settings: Settings, shop: shops.Shop) -> date:
    """The night that the shop's warehouse holds.

    Raises:
        StepError: it was never built.
    """
    night = warehouse.watermark(settings, shop)
    if night is None:
        raise steps.StepError(f"shop {shop.name} has no warehouse yet: run `make nightly` first")
    return night
