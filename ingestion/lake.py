"""The lake's folder: its tables, the staging of a landing, and the commit that makes it visible.

A landing is written to `lake/.staging-<pid>`, renamed into place file by file, recorded in the manifest, and seen by the
warehouse once `lake/deliveries.parquet` lists it. A file without a record is the rest of a killed landing, and goes
before the next one starts.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from faults import fault_point
from ingestion.landing import Delivery
from ingestion.manifest import Entry, Manifest, sha256
from ingestion.sql import literal
from ingestion.standing import may_be_replaced, replaced_dates, write_deliveries
from settings import ShopPaths
from steps import StepError

TABLES = {
    "events": {
        "event_id": "varchar", "source": "varchar", "event_type": "varchar", "event_at": "timestamptz", "landed_date": "date",
        "visitor_key": "uuid", "device_key": "uuid", "session_id": "varchar", "item_id": "varchar", "order_id": "varchar",
        "quantity": "integer", "price": "decimal(18, 4)", "currency": "varchar", "rating": "double", "query": "varchar",
        "position": "integer", "recommendation_id": "varchar", "campaign_id": "varchar", "treatment": "varchar",
        "consent_personalization": "boolean",
    },
    "items": {
        "item_id": "varchar", "source": "varchar", "title": "varchar", "description": "varchar", "category": "varchar",
        "brand": "varchar", "price": "decimal(18, 4)", "currency": "varchar", "stock_quantity": "integer", "is_active": "boolean",
        "image_url": "varchar", "item_group_id": "varchar", "landed_date": "date",
    },
    "users": {
        "visitor_key": "uuid", "source": "varchar", "traits": "varchar", "consent_personalization": "boolean", "landed_date": "date",
    },
    "links": {
        "visitor_key": "uuid", "linked_key": "uuid", "is_device": "boolean", "linked_at": "timestamptz", "source": "varchar",
        "landed_date": "date",
    },
}  # fmt: skip
TABLES["repeats"] = TABLES["events"] | {"held_by": "varchar"}
_SCHEMA_FILE = "landed_date=1970-01-01/schema.parquet"  # no rows: a glob over the table always finds a file with its types


@dataclass(frozen=True)
class KnownFile:
    """A Parquet file, landed or staged, that may hold duplicates of a batch's events.

    Args:
        holder: the first part of its delivery, which stands for all of them.
        may_go: there is, or may once be, a day on which it does not stand and the batch does.
    """

    file: Path
    holder: str
    may_go: bool


class Lake:
    """The lake and the quarantine of one shop. Use it only under the shop's lock.

    Args:
        paths: the shop's folders.
    """

    def __init__(self, paths: ShopPaths) -> None:
        self.paths = paths
        self.manifest = Manifest(paths.lake / "manifest")

    def recover(self) -> None:
        """Remove what killed landings left.

        Raises:
            StepError: a file that the manifest records is gone.
        """
        for staging in self.paths.lake.glob(".staging-*"):  # of the dead: the living hold the lock
            shutil.rmtree(staging)
        recorded = {part.path for entry in self.manifest.entries for part in entry.written}
        found = {file.relative_to(self.paths.root).as_posix(): file for file in self._parquet_files()}
        for path in found.keys() - recorded:
            found[path].unlink()
        lost = {part.path for entry in self.manifest.entries for part in entry.kept} - found.keys()
        if lost:
            raise StepError(
                f"{len(lost)} file(s) recorded in {self.manifest.folder} are gone from the lake, the first {min(lost)}: "
                "bring them back, or remove their manifest files to land them again"
            )

    def verify(self, threads: int) -> None:
        """Hash every file of the lake: what is built from one that a disk has changed would be wrong, and nobody would know.

        Raises:
            StepError: a file is not what its landing wrote.
        """
        kept = [(entry, part) for entry in self.manifest.entries for part in entry.kept]
        with ThreadPoolExecutor(threads) as pool:
            digests = list(pool.map(lambda each: sha256(self.paths.root / each[1].path), kept))
        damaged = [(entry, part) for (entry, part), digest in zip(kept, digests, strict=True) if digest != part.sha256]
        if damaged:
            entry, part = damaged[0]
            raise StepError(
                f"{len(damaged)} file(s) of the lake are not what their landing wrote, the first {part.path}: bring them back from a "
                f"backup; or, while {entry.file} is still in landing, remove {self.manifest.record(entry)} to land it again. "
                "Nothing was landed"
            )

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A private folder, laid out below it as the shop's folder is; gone afterwards."""
        folder = self.paths.lake / f".staging-{os.getpid()}"
        self.paths.lake.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)  # copies without the broken records hold raw ids
        try:
            yield folder
        finally:
            shutil.rmtree(folder)

    def write_schemas(self, connection: duckdb.DuckDBPyConnection, staging: Path) -> None:
        """Write the file without rows that gives each table its types."""
        for table, columns in TABLES.items():
            path = f"lake/{table}/{_SCHEMA_FILE}"
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            typed = ", ".join(f"null::{type_} as {name}" for name, type_ in columns.items())
            connection.execute(f"copy (select {typed} limit 0) to {literal(str(staging / path))} (format parquet, compression zstd)")
            self._move(staging, path)

    def files_with_events(
        self, staging: Path, staged: Sequence[Entry], batch: Sequence[Delivery], deliveries: Sequence[Delivery], first: str, last: str
    ) -> list[KnownFile]:
        """The files, landed and staged, that may hold duplicates of a batch's events between two times.

        A content hash holds the event's time, so other times need not be read. A source's own id says nothing of it:
        then all files are read, of which DuckDB takes the one column (20 million ids: 0.7 s on two cores). What the
        batch replaces holds no duplicates of it, and neither does what no longer stood when it came, or never stood.

        Args:
            deliveries: all that land with the batch, which decide what stands.
        """
        source = batch[0].source
        landed = self.manifest.of_source(source.name)
        staged = [entry for entry in staged if entry.source == source.name]
        replaced = replaced_dates([*landed, *staged, *(delivery for delivery in deliveries if delivery.source == source)])
        roots = [self.paths.root] * len(landed) + [staging] * len(staged)
        return [
            KnownFile(root / part.path, entry.parts[0].path, may_be_replaced(entry) or entry.landed_date > batch[0].landed_date)
            for root, entry, replaced_date in zip(roots, [*landed, *staged], replaced, strict=False)
            if entry.first_event_at is not None
            and ("event_id" in source.columns or (entry.first_event_at <= last and first <= entry.last_event_at))
            and (replaced_date is None or replaced_date > max(entry.landed_date, batch[0].landed_date))
            for part in entry.parts
        ]

    def commit(self, connection: duckdb.DuckDBPyConnection, entries: list[Entry], staging: Path) -> None:
        """Move the landings' files into place, record them, and show them to the warehouse."""
        for part in (part for entry in entries for part in entry.written):
            self._move(staging, part.path)
            fault_point("land.part_moved")
        fault_point("land.renamed")
        self.manifest.add(entries)
        fault_point("land.recorded")
        self.show(connection, staging)

    def show(self, connection: duckdb.DuckDBPyConnection, staging: Path) -> None:
        """List what the manifest records in `lake/deliveries.parquet`, which is what the warehouse sees."""
        path = "lake/deliveries.parquet"
        (staging / path).parent.mkdir(parents=True, exist_ok=True)
        write_deliveries(connection, self.manifest.entries, staging / path)
        self._move(staging, path)

    def keep_quarantine(self, entries: Iterable[Entry], staging: Path) -> None:
        """Of landings that were refused as a whole, keep what was quarantined, until the next landing starts."""
        for entry in entries:
            if entry.quarantine:
                self._move(staging, entry.quarantine.path)

    def _move(self, staging: Path, path: str) -> None:
        target = self.paths.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        (staging / path).replace(target)

    def _parquet_files(self) -> Iterator[Path]:
        for folder in (*(self.paths.lake / table for table in TABLES), self.paths.quarantine):
            yield from (file for file in folder.glob("landed_date=*/*.parquet") if file.name != "schema.parquet")
