"""Change the key of the pseudonyms in everything that there is, and publish it anew.

    python -m services.rotate_key                       # what `make rotate-key` calls
    python -m services.rotate_key --shop x.yml          # with shop files that are not in shops/

`ingestion.rekey` changes the key in one locked step. Then the current night of each published shop is built and
published once more, and what was made with an older key is deleted. Call it again after an interruption: it goes on
where it was, and never changes the key a second time for it.
"""

import argparse
import fcntl
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import rotation
import shop as shops
from faults import fault_point
from services import environment
from settings import PROJECT_ROOT, Settings
from steps import StepError

log = logging.getLogger("rotate-key")


def rotate(settings: Settings, more_shop_files: Sequence[Path] = ()) -> str:
    """Change the key, or finish what an interrupted call left, and return the summary line.

    Args:
        more_shop_files: besides those in `settings.shops`; one of the same name goes first.

    Raises:
        StepError: another one is running, or a step failed (its reason is above); says what is left.
    """
    started = time.monotonic()
    settings.data.mkdir(parents=True, exist_ok=True)
    files = _shop_files(settings, more_shop_files)
    with _alone(settings):
        last = rotation.read(settings)
        is_changed = last is not None and not last.is_prepared and bool(last.old_builds)
        if is_changed:
            log.info("the key was changed before; its builds of then are left: %s", ", ".join(sorted(last.old_builds)))
        else:
            _part(settings, "ingestion.rekey", *map(str, files.values()))
        done = sorted(rotation.read(settings).old_builds)
        for name in done:
            _renew(settings, name, files)
    return f"rotate-key: the key of {', '.join(done) or 'no shop yet'} is changed, {time.monotonic() - started:.0f} s"


def _shop_files(settings: Settings, more: Sequence[Path]) -> dict[str, Path]:
    """The shop files by the names of their shops."""
    files = [*sorted([*settings.shops.glob("*.yml"), *settings.shops.glob("*.yaml")]), *more]
    if not files:
        raise StepError(f"there is no shop file in {settings.shops}: pass some with --shop")
    return {shops.read(file).name: file.resolve() for file in files}


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    descriptor = os.open(settings.data / ".rotate-key.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StepError("another `make rotate-key` is running") from error
        yield
    finally:
        os.close(descriptor)


def _renew(settings: Settings, name: str, files: dict[str, Path]) -> None:
    """Publish a shop's current night with the new keys, unless a night did so since, and delete what holds older ones."""
    if name not in files:
        raise StepError(f"there is no file of shop {name} in {settings.shops}: pass it with --shop; its old builds are still there")
    old = rotation.read(settings).old_builds[name]
    shop_file = ("--shop", str(files[name]))
    serving = settings.paths(name).serving
    if (current := _current(serving)) in old:
        night = ("--run-date", json.loads((serving / "current" / "manifest.json").read_text())["run_date"])
        for step in (("warehouse", "build", "features"), ("warehouse", "build", "serving"), ("serving_exports.publish",)):
            _part(settings, *step, *shop_file, *night)
        if _current(serving) == current:
            raise StepError(f"shop {name} still serves {current}, which has the old keys: run its night, then `make rotate-key` again")
    fault_point("rotate.published")
    if old:
        _part(settings, "serving_exports.expire", *shop_file, *old)
    _part(settings, "training.forget_users", *shop_file)
    fault_point("rotate.expired")
    last = rotation.read(settings)
    rotation.write(settings, replace(last, old_builds={other: builds for other, builds in last.old_builds.items() if other != name}))


def _current(serving: Path) -> str | None:
    link = serving / "current"
    return link.resolve().name if link.is_dir() else None


def _part(settings: Settings, module: str, *arguments: str) -> None:
    """Run another part of the pipeline as a process of its own, on this terminal."""
    process = subprocess.run([sys.executable, "-m", module, *arguments], env=environment.shared(settings), cwd=PROJECT_ROOT)
    if process.returncode != 0:
        raise StepError(f"{module} failed with exit code {process.returncode}; the reason is above. Then `make rotate-key` again")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shop", type=Path, action="append", default=[], help="a shop file that is not in shops/; may be repeated")
    options = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", datefmt="%H:%M:%S")
    try:
        print(rotate(Settings.from_environment(), options.shop))
    except (StepError, ValueError) as error:
        sys.exit(f"rotate-key: {error}")
    except KeyboardInterrupt:
        sys.exit("rotate-key: interrupted; call it again to finish")


if __name__ == "__main__":
    main()
