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
    landings: list[Entry | Delivery] = [entry for entry in landed if entry.file not in renewed]
    by_size = defaultdict(list)  # where no other has a file's size, nothing waits for its digest
    for entry in landings:
        by_size[entry.bytes].append(entry)
    for delivery in changed:
        newest = manifest.newest(source.name, delivery.file)
        copies = [other for other in by_size[delivery.bytes] if _is_copy(delivery, other)]
        earlier = _seen_as_well(delivery, copies, changed, landings) if copies else None
        if earlier is not None and not (newest and delivery.is_dated):  # else what it replaces would stand on
            log.info("%s: %s holds the same as %s, and is not landed again", source.name, delivery.file, earlier.file)
            continue
        taken = (other.revision for other in (*landed, *landings) if _has_place_of(other, delivery))
        accepted = replace(delivery, revision=max(newest.revision if newest else 0, *taken, 0) + 1)
        landings.append(accepted)
        by_size[accepted.bytes].append(accepted)
        yield accepted


def _is_newest(delivery: Delivery, manifest: Manifest) -> bool:
    newest = manifest.newest(delivery.source.name, delivery.file)
    return newest is not None and _is_same(newest, delivery)


def _seen_as_well(
    delivery: Delivery, copies: list[Entry | Delivery], changed: list[Delivery], landings: list[Entry | Delivery]
) -> Entry | Delivery | None:
    """Of the copies, one that stands, if the delivery tells nothing new beside it; of a day in several files, if none of them does."""
    standing = [each for each, replaced_date in zip(landings, replaced_dates(landings), strict=True) if replaced_date is None]
    of_content = (each for each in standing if any(each is copy for copy in copies))
    earlier = max(of_content, key=lambda each: each.landed_date, default=None)
    if earlier is None or delivery.day is None or earlier.landed_date == delivery.landed_date:
        return earlier
    of_day = [other for other in changed if (other.day, other.landed_date) == (delivery.day, delivery.landed_date)]
    before = [each for each in standing if each.day == delivery.day]
    return earlier if _contents(of_day) == _contents(before) else None


def _contents(landings: list[Entry | Delivery]) -> list[tuple[int, str]]:
    return sorted((each.bytes, each.sha256) for each in landings)


def _is_same(one: Entry | Delivery, other: Entry | Delivery) -> bool:
    return one.bytes == other.bytes and one.sha256 == other.sha256


def _has_place_of(other: Entry | Delivery, delivery: Delivery) -> bool:
    """Whether what is written of both would have one name."""
    return (other.landed_date, other.day) == (delivery.landed_date, delivery.day) and _is_same(other, delivery)


def _is_copy(delivery: Delivery, other: Entry | Delivery) -> bool:
    """Whether whoever sees the delivery has the same of `other`; of a state, a later copy is news."""
    is_state = delivery.table in ("items", "users")
    is_seen = other.landed_date == delivery.landed_date if is_state else other.landed_date <= delivery.landed_date
    return is_seen and other.day == delivery.day and _is_same(other, delivery)


def _delivered(landing: Path, source: Source, run_date: date, manifest: Manifest, hashing: Executor) -> list[Delivery]:
    try:
        files = source.files_in(landing)
        if not files and not manifest.of_source(source.name):
            raise StepError(f"{landing}: no file matches {source.files} (source {source.name})")
        dated = [(source.delivery_date(path.relative_to(landing).as_posix()) or run_date, path) for path in files]
    except SourceFileError as error:
        raise StepError(f"{landing}: {error}") from error
    due = sorted((landed_date, path.relative_to(landing).as_posix(), path) for landed_date, path in dated if landed_date <= run_date)
    return [_delivery(source, path, file, landed_date, manifest, hashing) for landed_date, file, path in due]


def _delivery(source: Source, path: Path, file: str, landed_date: date, manifest: Manifest, hashing: Executor) -> Delivery:
    state = path.stat()
    digest = hashing.submit(manifest.digest, source.name, file, path)
    return Delivery(source, path, file, landed_date, source.described_day(file), state.st_size, state.st_mtime_ns, digest)
