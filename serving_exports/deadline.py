"""Whether a night is published: exit code 1, with what is current instead, if it is not.

    python -m serving_exports.deadline --shop shops/demo.yml --run-date 2026-06-30

The DAG `deadline_<shop>` asks at the hour `publish_by` of the shop file.
"""

from datetime import date

import steps
from serving_exports import command
from serving_exports.builds import Builds
from settings import Settings
from shop import Shop


def check(settings: Settings, shop: Shop, run_date: date) -> str:
    """Returns the build that is current.

    Raises:
        StepError: none is, or it is of an earlier night.
    """
    builds = Builds(settings.paths(shop.name).serving)
    current = builds.current()
    night = builds.run_date(current) if current else None
    if night is None or night < run_date:
        served = f"current is {current} of the night {night}" if current else "nothing was ever published"
        raise steps.StepError(f"the night {run_date} of {shop.name} is not published: {served}")
    return f"deadline {shop.name} {run_date}: {current} of the night {night} is current"


def main() -> None:
    parser = command.arguments(__doc__)
    parser.add_argument("--run-date", type=date.fromisoformat, required=True, help="the night that should be published by now")
    command.run(parser, lambda settings, shop, options: check(settings, shop, options.run_date))


if __name__ == "__main__":
    main()
