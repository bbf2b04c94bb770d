"""Which files of landing/ are to be landed: delivered by the night's day, and not landed yet."""

import logging
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingestion.manifest import Manifest
from settings import Settings
from shop import Shop, ShopFileError, Source
from steps import StepError

log = logging.getLogger("ingestion")


@dataclass(frozen=True)
class Delivery:
    """A file to be landed.

    Args:
        source, path: whose it is, and where.
        name: its path below landing/.
        landed_date: the day it counts as delivered on.
        bytes, modified_ns, sha256: its size, time of change and content.
    """

    source: Source
    path: Path
    name: str
    landed_date: date
    bytes: int
    modified_ns: int
    sha256: str


def new_deliveries(settings: Settings, shop: Shop, run_date: date, manifest: Manifest) -> list[Delivery]:
    """The files to land on the night of `run_date`, by source, then by delivery date and name.

    Events land once whatever their file is called; of items and users, a later delivery with an earlier content is
    news, since it says that the old state holds again.

    Raises:
        StepError: no landing folder, a source without any file, or a file name without a date where one should be.
    """
    landing = shop.landing_folder(settings)
    if not landing.is_dir():
        raise StepError(f"the landing folder {landing} of shop {shop.name} does not exist")
    found = []
    for source in shop.sources:
        names: dict[str, str] = {}
        for delivery in _delivered(landing, source, run_date, manifest):
            earlier = _landed_as(delivery, manifest, names)
            if earlier is None:
                names[delivery.sha256] = delivery.name
                found.append(delivery)
            elif earlier != delivery.name:
                log.info("%s: %s holds the same as %s, and is not landed again", source.name, delivery.name, earlier)
    return found


def _delivered(landing: Path, source: Source, run_date: date, manifest: Manifest) -> list[Delivery]:
    files = source.files_in(landing)
    if not files and not any(entry.source == source.name for entry in manifest.entries):
        raise StepError(f"{landing}: no file matches {source.files} (source {source.name})")
    dated = [(_landed_date(source, path, landing, run_date), path.relative_to(landing).as_posix(), path) for path in files]
    return [_delivery(source, path, name, landed_date, manifest) for landed_date, name, path in sorted(dated) if landed_date <= run_date]


def _delivery(source: Source, path: Path, name: str, landed_date: date, manifest: Manifest) -> Delivery:
    state = path.stat()
    digest = manifest.digest(source.name, name, path)
    return Delivery(source, path, name, landed_date, state.st_size, state.st_mtime_ns, digest)


def _landed_date(source: Source, path: Path, landing: Path, run_date: date) -> date:
    try:
        return source.delivery_date(path.relative_to(landing).as_posix()) or run_date
    except ShopFileError as error:
        raise StepError(f"{landing}: {error}") from error


def _landed_as(delivery: Delivery, manifest: Manifest, names: dict[str, str]) -> str | None:
    source = delivery.source
    if source.kind == "events":
        return manifest.file_with(source.name, delivery.sha256) or names.get(delivery.sha256)
    return delivery.name if manifest.is_newest(source.name, delivery.name, delivery.sha256) else None
