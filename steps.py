"""How a step of the night is called: `python -m PART.STEP --shop F --run-date D`.

Progress goes to stderr, one summary line to stdout; an expected failure ends with its message and exit code 1, an
unexpected one with its traceback.
"""

import argparse
import logging
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import shop as shops
from settings import PROJECT_ROOT, Settings


class StepError(RuntimeError):
    """A failure that the operator can mend; the message says what and how."""


def arguments(description: str) -> argparse.ArgumentParser:
    """The arguments that every step takes; a step may add its own."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", type=Path, default=PROJECT_ROOT / "shops" / "demo.yml", help="shop file (default: the demo)")
    parser.add_argument("--run-date", type=date.fromisoformat, help="the night's day (default: newest delivery in landing)")
    return parser


def run(parser: argparse.ArgumentParser, step: Callable[[Settings, shops.Shop, date, argparse.Namespace], str]) -> None:
    """Parse, read settings and shop file, call `step`, print the summary it returns; exit 1 on an expected failure."""
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        sys.exit(f"{parser.prog}: {error}")
    try:
        shop = shops.read(options.shop)
        run_date = options.run_date or shop.newest_delivery_date(settings)
        print(step(settings, shop, run_date, options))
    except (StepError, shops.ShopFileError) as error:
        sys.exit(f"{parser.prog}: {error}")
