"""Which files of landing/ are to be landed: delivered by the night's day, and not landed yet."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from ingestion.manifest import Entry, Manifest, file_name
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
        bytes, modified_ns: its size and time of change.
        digest: the sha256 of its content, which is computed beside all else; only what asks for it waits.
        revision: the how manieth content under its name; higher where what is written of it would take another's place.
    """

    source: Source
    path: Path
    file: str
    landed_date: date
    day: date | None
    bytes: int
    modified_ns: int
    digest: "Future[str]"
    revision: int = 1

    @property
    def sha256(self) -> str:
        return self.digest.result()

    @property
    def table(self) -> Kind:
        return self.source.kind

    @property
    def is_dated(self) -> bool:
        return "{date}" in self.source.files

    @property
    def written_name(self) -> str:
        """Where what is written of it lies below a table's folder, without what tells its parts apart, and the ending."""
        return f"landed_date={self.landed_date}/{file_name(self.source.name, self.sha256, self.day, self.revision)}"


def new_deliveries(settings: Settings, shop: Shop, run_date: date, manifest: Manifest, hashing: Executor) -> list[Delivery]:
    """The files to land on the night of `run_date`, by source, then by delivery date and name.

    A content that stands lands once, whatever its file is called; of items and users, a later delivery with an earlier
    content is news, since it says that the old state holds again.

    Args:
        hashing: computes the files' digests.

    Raises:
        StepError: no landing folder, a source without any file, or a file name without a date where one should be.
    """
    landing = shop.landing_folder(settings)
    if not landing.is_dir():
        raise StepError(f"the landing folder {landing} of shop {shop.name} does not exist")
    deliveries = [(source, _delivered(landing, source, run_date, manifest, hashing)) for source in shop.sources]
    return [delivery for source, delivered in deliveries for delivery in _new(source, delivered, manifest)]


def _new(source: Source, delivered: list[Delivery], manifest: Manifest) -> Iterator[Delivery]:
    landed = manifest.of_source(source.name)
    changed = [delivery for delivery in delivered if not _is_newest(delivery, manifest)]
    renewed = {delivery.file for delivery in changed if delivery.is_dated}
    lasting = [entry for entry in landed if entry.file not in renewed]
    by_size = defaultdict(list)  # where no other has a file's size, nothing waits for its digest
    for entry in lasting:
        by_size[entry.bytes].append(entry)
    accepted: list[Delivery] = []
    for delivery in changed:
        newest = manifest.newest(source.name, delivery.file)
        copies = [other for other in by_size[delivery.bytes] if _is_copy(delivery, other)]
        earlier = _standing(copies, [*lasting, *accepted])
        if earlier is not None and not (newest and delivery.is_dated):  # else what it replaces would stand on
            log.info("%s: %s holds the same as %s, and is not landed again", source.name, delivery.file, earlier.file)
            continue
        taken = (other.revision for other in landed if _has_place_of(other, delivery))
        accepted.append(replace(delivery, revision=max(newest.revision if newest else 0, *taken, 0) + 1))
        by_size[delivery.bytes].append(accepted[-1])
        yield accepted[-1]


def _is_newest(delivery: Delivery, manifest: Manifest) -> bool:
    newest = manifest.newest(delivery.source.name, delivery.file)
    return newest is not None and _is_same(newest, delivery)


def _standing(copies: list[Entry | Delivery], landings: list[Entry | Delivery]) -> Entry | Delivery | None:
    """The first of `copies`, which are among a source's landings, that no other replaces."""
    if not copies:
        return None
    standing = (each for each, replaced_date in zip(landings, replaced_dates(landings), strict=True) if replaced_date is None)
    return next((each for each in standing if any(each is copy for copy in copies)), None)


def _is_same(one: Entry | Delivery, other: Entry | Delivery) -> bool:
    return one.bytes == other.bytes and one.sha256 == other.sha256


def _has_place_of(entry: Entry, delivery: Delivery) -> bool:
    """Whether what is written of both would have one name."""
    return (entry.landed_date, entry.day) == (delivery.landed_date, delivery.day) and _is_same(entry, delivery)


def _is_copy(delivery: Delivery, other: Entry | Delivery) -> bool:
    """Whether whoever sees the delivery has the same of `other`; of a state, a later copy is news."""
    is_state = delivery.table in ("items", "users")
    is_seen = other.landed_date == delivery.landed_date if is_state else other.landed_date <= delivery.landed_date
    return is_seen and other.day == delivery.day and _is_same(other, delivery)


def _delivered(landing: Path, source: Source, run_date: date, manifest: Manifest, hashing: Executor) -> list[Delivery]:
    files = source.files_in(landing)
    if not files and not manifest.of_source(source.name):
        raise StepError(f"{landing}: no file matches {source.files} (source {source.name})")
    try:
        dated = [(source.delivery_date(path.relative_to(landing).as_posix()) or run_date, path) for path in files]
    except SourceFileError as error:
        raise StepError(f"{landing}: {error}") from error
    due = sorted((landed_date, path.relative_to(landing).as_posix(), path) for landed_date, path in dated if landed_date <= run_date)
    return [_delivery(source, path, file, landed_date, manifest, hashing) for landed_date, file, path in due]


def _delivery(source: Source, path: Path, file: str, landed_date: date, manifest: Manifest, hashing: Executor) -> Delivery:
    state = path.stat()
    digest = hashing.submit(manifest.digest, source.name, file, path)
    return Delivery(source, path, file, landed_date, source.described_day(file), state.st_size, state.st_mtime_ns, digest)
