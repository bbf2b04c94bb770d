"""How a step of the night is called: `python -m PART.STEP --shop F --run-date D`.

Progress goes to stderr, one summary line to stdout; an expected failure ends with its message and exit code 1, and so do
a full disk and too little memory, wherever they were met; an unexpected one ends with its traceback.
"""

import argparse
import itertools
import json
import logging
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import shop as shops
import shortages
from settings import PROJECT_ROOT, Settings

log = logging.getLogger("steps")


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
    began = time.monotonic()
    options = parser.parse_args()
    os.umask(0o077)  # what a night writes is about people
    with command(parser.prog) as settings:
        shop = shops.read(options.shop)
        run_date = options.run_date or shop.newest_delivery_date(settings)
        print(step(settings, shop, run_date, options))
        _note(settings, shop, run_date, time.monotonic() - began)


@contextmanager
def command(name: str) -> Iterator[Settings]:
    """The settings, within what every command has in common: its log, and a message and exit code 1 for what may be expected."""
    logging.raiseExceptions = False  # a log that a full disk does not take must not bury the sentence in traces
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        settings = Settings.from_environment()
    except ValueError as error:
        sys.exit(f"{name}: {error}")
    try:
        yield settings
    except Exception as error:
        expected = str(error) if isinstance(error, StepError | shops.ShopFileError) else None
        shortage = shortages.sentence(error, settings)
        if expected is None and shortage is None:
            raise
        sys.exit(f"{name}: " + "\n".join(filter(None, [expected, shortage])))


def times(settings: Settings, shop: shops.Shop, run_date: date) -> list[dict]:
    """How long each step of a night took when it last succeeded, in the order in which they ended.

    Returns:
        dicts of `step` (text), `run_date` (ISO), `seconds`, `peak_bytes` (of one process).
    """
    file = settings.paths(shop.name).step_times
    lines = file.read_text().splitlines() if file.exists() else []
    last: dict[str, dict] = {}
    for entry in filter(None, map(_noted, lines)):
        if entry["run_date"] == run_date.isoformat():
            last.pop(entry["step"], None)
            last[entry["step"]] = entry
    return list(last.values())


def _noted(line: str) -> dict | None:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None  # a full disk cut it short, and no night may stop for a time of the last one


def _note(settings: Settings, shop: shops.Shop, run_date: date, seconds: float) -> None:
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    entry = {"step": _name(), "run_date": run_date.isoformat(), "seconds": round(seconds, 1), "peak_bytes": peak * 1024}
    try:
        with settings.paths(shop.name).step_times.open("a") as file:
            file.write(json.dumps(entry) + "\n")  # one write, so that steps side by side do not mix
    except OSError as error:
        log.warning("how long it took could not be noted (%s); the step itself ended well", error)


def _name() -> str:
    """The step as it was called: its module and what stands before the first option, `training.train recommendations`."""
    module = sys.modules["__main__"].__spec__.name.removesuffix(".__main__")
    return " ".join([module, *itertools.takewhile(lambda word: not word.startswith("-"), sys.argv[1:])])
