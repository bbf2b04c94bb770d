"""Builds or tests one stage of a night.

python -m warehouse build features --shop shops/demo.yml --run-date 2026-06-30          # adds the night to what is there
python -m warehouse build features --shop shops/demo.yml --run-date 2026-06-30 --full   # builds all anew, and tests all rows
python -m warehouse build serving  --shop shops/demo.yml --run-date 2026-06-30
python -m warehouse test features  --shop shops/demo.yml --run-date 2026-06-30           # the unit tests of the models
"""

from argparse import Namespace
from datetime import date

import steps
from settings import Settings
from shop import Shop
from warehouse.building import build, test
from warehouse.dbt_calls import STAGES


def main() -> None:
    parser = steps.arguments(__doc__)
    parser.prog = "warehouse"  # else argparse calls it by this file
    parser.add_argument("command", choices=["build", "test"])
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--full", action="store_true", help="build the features anew, in a new file, and test all of their rows")
    steps.run(parser, _run)


def _run(settings: Settings, shop: Shop, run_date: date, options: Namespace) -> str:
    if options.command == "test":
        return test(settings, shop, run_date, options.stage)
    return build(settings, shop, run_date, options.stage, options.full)


if __name__ == "__main__":
    main()
