"""Flip `serving/current` back to an earlier build.

    python -m serving_exports.rollback --shop shops/demo.yml              to the one that was current before
    python -m serving_exports.rollback --shop shops/demo.yml --to BUILD   to any build that is still kept

The next night's publish flips forward again.
"""

import steps
import warehouse
from serving_exports import command, flips
from serving_exports.builds import Builds
from settings import Settings
from shop import Shop


def rollback(settings: Settings, shop: Shop, to: str | None = None, why: str = "rollback") -> str:
    """Point `current` at build `to`, or at the one before the current one, and say so.

    Raises:
        StepError: the lock is held, there is no such build, it is damaged, or none was current before.
    """
    with warehouse.lock(settings, shop, "rollback"):
        builds = Builds(settings.paths(shop.name).serving)
        flips.complete_log(builds)
        before, target = builds.current(), to or flips.previous(builds)
        if target is None:
            raise steps.StepError(f"no build was current before {before}; name one with --to: {', '.join(builds.ids()) or 'there is none'}")
        night = builds.run_date(target)  # also proves that it is there
        if target == before:
            return f"rollback {shop.name}: {target} (night {night}) is current already"
        builds.verify(target)
        flips.flip(builds, target, why)
    return f"rollback {shop.name}: from {before} to {target} (night {night})"


def main() -> None:
    parser = command.arguments(__doc__)
    parser.add_argument("--to", metavar="BUILD", help="default: the build that was current before the current one")
    parser.add_argument("--why", default="rollback", help="written into serving/flips.jsonl")
    command.run(parser, lambda settings, shop, options: rollback(settings, shop, options.to, options.why))


if __name__ == "__main__":
    main()
