"""Delete builds by their names, whatever their age: those that hold what must not be kept any longer.

    python -m serving_exports.expire --shop shops/demo.yml BUILD [BUILD …]

`make rotate-key` deletes so the builds that were made with an older key. The current build stays; one that is gone
already is no fault, so a deletion that was cut short can be called again.
"""

import steps
import warehouse
from serving_exports import command
from serving_exports.builds import Builds
from settings import Settings
from shop import Shop


def expire(settings: Settings, shop: Shop, names: list[str]) -> str:
    """Delete the builds (also `.refused` ones and leftovers), and say so.

    Raises:
        StepError: the lock is held, or one of them is current.
    """
    with warehouse.lock(settings, shop, "expire"):
        builds = Builds(settings.paths(shop.name).serving)
        builds.remove_leftovers()
        if builds.current() in names:
            raise steps.StepError(f"build {builds.current()} is current: publish another first; nothing was deleted")
        removed = builds.remove(names)
    return f"expire {shop.name}: deleted {', '.join(removed) or 'nothing, they were gone'}"


def main() -> None:
    parser = command.arguments(__doc__)
    parser.add_argument("builds", nargs="+", metavar="BUILD", help="name of a folder in serving/builds/")
    command.run(parser, lambda settings, shop, options: expire(settings, shop, options.builds))


if __name__ == "__main__":
    main()
