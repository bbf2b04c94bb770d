"""Which files of landing/ are to be landed: delivered by the night's day, and not landed yet."""

import logging
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from ingestion.manifest import Manifest
from ingestion.standing import replaced_dates
from settings import Settings
from shop import Shop
from sources import Kind, Source, SourceFileError
from steps import StepError

log = logging.getLogger("ingestion")


@dataclass(frozen=True)
class Delivery:
    """A file to be landed.

    Args:
        source, path: whose it is, and where.
        file: its path below landing/.
        landed_date: the day it counts as delivered on.
        day: the day that it describes, if its name says so.
        bytes, modified_ns, sha256: its size, time of change and content.
        revision: the how manieth content under its name; higher where what is written of it would take another's place.
    """

    source: Source
    path: Path
    file: str
    landed_date: date
    day: date | None
    bytes: int
    modified_ns: int
    sha256: str
    revision: int = 1

    @property
    def table(self) -> Kind:
        return self.source.kind

    @property
    def is_dated(self) -> bool:
        return "{date}" in self.source.files


def new_deliveries(settings: Settings, shop: Shop, run_date: date, manifest: Manifest) -> list[Delivery]:
    """The files to land on the night of `run_date`, by source, then by delivery date and name.

    A content that stands lands once, whatever its file is called; of items and users, a later delivery with an earlier
    content is news, since it says that the old state holds again.

    Raises:
        StepError: no landing folder, a source without any file, or a file name without a date where one should be.
    """
    landing = shop.landing_folder(settings)
    if not landing.is_dir():
        raise StepError(f"the landing folder {landing} of shop {shop.name} does not exist")
    return [delivery for source in shop.sources for delivery in _new_of_source(landing, source, run_date, manifest)]


def _new_of_source(landing: Path, source: Source, run_date: date, manifest: Manifest) -> list[Delivery]:
    known = _standing(source, manifest)
    written = {(entry.landed_date, entry.sha256, entry.day): entry.revision for entry in manifest.of_source(source.name)}
    found = []
    for delivery in _delivered(landing, source, run_date, manifest):
        newest = manifest.newest(source.name, delivery.file)
        earlier = known.get(_content(delivery))
        if newest and newest.sha256 == delivery.sha256:
            continue
        if earlier is not None:
            log.info("%s: %s holds the same as %s, and is not landed again", source.name, delivery.file, earlier)
            continue
        known[_content(delivery)] = delivery.file
        of_content = written.get((delivery.landed_date, delivery.sha256, delivery.day), 0)
        found.append(replace(delivery, revision=max(newest.revision if newest else 0, of_content) + 1))
    return found


def _standing(source: Source, manifest: Manifest) -> dict[tuple, str]:
    """The names of a source's standing deliveries, by what tells contents apart."""
    entries = manifest.of_source(source.name)
    replaced = replaced_dates(entries)
    return {_content(entry): entry.file for entry, replaced_date in zip(entries, replaced, strict=True) if replaced_date is None}


def _content(landing) -> tuple:
    is_state = landing.table in ("items", "users")
    return landing.sha256, landing.day, landing.landed_date if is_state else None


def _delivered(landing: Path, source: Source, run_date: date, manifest: Manifest) -> list[Delivery]:
    files = source.files_in(landing)
    if not files and not manifest.of_source(source.name):
        raise StepError(f"{landing}: no file matches {source.files} (source {source.name})")
    try:
        deliveries = [_delivery(source, path, path.relative_to(landing).as_posix(), run_date) for path in files]
    except SourceFileError as error:
        raise StepError(f"{landing}: {error}") from error
    due = [delivery for delivery in deliveries if delivery.landed_date <= run_date]
    due.sort(key=lambda delivery: (delivery.landed_date, delivery.file))
    return [replace(delivery, sha256=manifest.digest(source.name, delivery.file, delivery.path)) for delivery in due]


def _delivery(source: Source, path: Path, file: str, run_date: date) -> Delivery:
    state = path.stat()
    landed_date = source.delivery_date(file) or run_date
    return Delivery(source, path, file, landed_date, source.described_day(file), state.st_size, state.st_mtime_ns, sha256="")
