"""What is missing or unsafe on this machine, each with the line that mends it; exit code 1 if something is.

python -m doctor
"""

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

import rotation
import shop as shops
from services import environment, health, processes
from settings import HMAC_KEY, PROJECT_ROOT, Settings

PACKAGES = ("apache-airflow", "dbt-core", "dbt-duckdb", "duckdb", "keras", "tensorflow", "mlflow")
MIN_FREE_BYTES = 5e9  # a night of the demo takes 0.1 GB; the temporary files of a big build take several
MIN_MEMORY_BYTES = 4e9


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, what was found, and the line that mends it."""

    topic: str
    is_well: bool
    found: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything there is to look at, in the order of a first setup."""
    yield _python()
    yield from _packages((PROJECT_ROOT / "requirements.txt").read_text())
    yield _disk(settings)
    yield _memory(settings)
    yield _gpu()
    yield from _secrets(settings)
    yield from _services(settings)
    yield from _shops(settings)


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", (3, 11) <= sys.version_info[:2] <= (3, 13), found, "rm -rf .venv && make setup PYTHON=python3.13")


def _packages(lock: str) -> Iterator[Finding]:
    for name in PACKAGES:
        wanted = re.search(rf"^{re.escape(name)}==(\S+)", lock, re.MULTILINE)
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "missing"
        locked = wanted.group(1) if wanted else "not in requirements.txt"
        yield Finding(name, found == locked, f"{found} (locked: {locked})", "touch requirements.txt && make setup")


def _disk(settings: Settings) -> Finding:
    place = next(folder for folder in (settings.data, *settings.data.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    return Finding(
        "free space", free >= MIN_FREE_BYTES, f"{free / 1e9:.1f} GB in {place}", "make room, or set NIGHTCART_DATA to a larger disk"
    )


def _memory(settings: Settings) -> Finding:
    free = psutil.virtual_memory().available
    found = f"{free / 1e9:.1f} GB free; DuckDB spills beyond {settings.memory_limit} (NIGHTCART_MEMORY_LIMIT)"
    return Finding("memory", free >= MIN_MEMORY_BYTES, found, "end what else runs here, or set NIGHTCART_MEMORY_LIMIT lower")


def _gpu() -> Finding:
    cards = len(list(Path("/dev").glob("nvidia[0-9]*")))
    seen = f"{cards} of NVIDIA; `make setup GPU=1` installs its libraries" if cards else "none: models are fitted on the CPU"
    return Finding("gpu", True, seen)


def _secrets(settings: Settings) -> Iterator[Finding]:
    file = settings.secrets_file
    for place, allowed in ((settings.data, 0o700), (file, 0o600)):
        if not place.exists():
            yield Finding(place.name, False, f"{place} does not exist", "make setup")
            continue
        mode = place.stat().st_mode & 0o777
        yield Finding(place.name, mode & ~allowed == 0, f"mode {mode:04o}", f"chmod {allowed:o} {place}")
    given = "the environment" if os.environ.get(HMAC_KEY) else str(file)
    found = f"from {given}" if settings.hmac_keys else "missing"
    yield Finding("key of the pseudonyms", bool(settings.hmac_keys), found, "make setup; where a lake exists, put the old key back")
    yield from _rotation(settings)


def _rotation(settings: Settings) -> Iterator[Finding]:
    last = rotation.read(settings)
    if last is None:
        return
    left = "its files are half moved" if last.is_prepared else f"builds with older keys are left: {', '.join(last.old_builds)}"
    is_done = not last.is_prepared and not last.old_builds
    yield Finding("change of the key", is_done, "done" if is_done else left, "make rotate-key")
    if settings.hmac_keys and not last.is_prepared:
        is_same = rotation.fingerprint(settings.hmac_keys) == last.keys
        found = "is that of the data" if is_same else "is another than that of the data"
        yield Finding("key in use", is_same, found, f"unset {HMAC_KEY}, or bring it up to date with {settings.secrets_file}")


def _services(settings: Settings) -> Iterator[Finding]:
    started = processes.recorded(environment.services_file(settings))
    dead = [service.name for service in started if not service.is_alive]
    silent = health.missing() if started and not dead else []
    found = "not started (make up)" if not started else f"{len(started)} started"
    found += f"; ended: {', '.join(dead)}" if dead else ""
    found += f"; no answer: {', '.join(silent)}" if silent else ""
    yield Finding("services", not dead and not silent, found, f"make down && make up; logs in {environment.logs(settings)}")


def _shops(settings: Settings) -> Iterator[Finding]:
    for file in sorted([*settings.shops.glob("*.yml"), *settings.shops.glob("*.yaml")]):
        try:
            shop = shops.read(file)
        except shops.ShopFileError as error:
            yield Finding(file.name, False, str(error), f"mend {file}")
        else:
            yield _lock(settings, shop)
            yield _last_night(settings, shop, file)


def _lock(settings: Settings, shop: shops.Shop) -> Finding:
    """Reads who wrote the lock last instead of trying the lock: a writer that came at that moment would be turned away."""
    file = settings.paths(shop.name).lock
    holder = file.read_text().strip() if file.exists() else ""
    process = re.search(r"process (\d+)", holder)
    held = process is not None and psutil.pid_exists(int(process.group(1)))
    return Finding(f"{shop.name}: lock", True, f"held by {holder}" if held else "free")


def _last_night(settings: Settings, shop: shops.Shop, file: Path) -> Finding:
    topic, mend = f"{shop.name}: last night", f"make nightly SHOP={file}"
    manifest = settings.paths(shop.name).serving / "current" / "manifest.json"
    published = date.fromisoformat(json.loads(manifest.read_text())["run_date"]) if manifest.exists() else None
    try:
        newest = shop.newest_delivery_date(settings)
    except shops.ShopFileError:
        return Finding(topic, True, f"{published or 'none'}; no files in {shop.landing_folder(settings)}")
    if published is None:
        return Finding(topic, True, f"none yet, files up to {newest} are there: {mend}")
    return Finding(topic, published >= newest, f"{published}, files up to {newest}", mend)


def main() -> None:
    try:
        findings = list(examine(Settings.from_environment()))
    except ValueError as error:
        sys.exit(f"doctor: {error}")
    for finding in findings:
        print(f"{'ok  ' if finding.is_well else 'BAD '} {finding.topic:<26}{finding.found}")
        if not finding.is_well:
            print(f"     {'':<26}→ {finding.mend}")
    sys.exit(0 if all(finding.is_well for finding in findings) else 1)


if __name__ == "__main__":
    main()
