"""The door: landing files in, canonical events with pseudonyms out, every record accounted for.

    python -m ingestion.land --shop shops/demo.yml --run-date 2026-06-30

Takes every file delivered by the run date that has not landed yet. All of them land, or none: a file that cannot be
read as its shop file says, or too large a share of refused records, stops the night with the lake as it was.
"""

import logging
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import duckdb

import disk_space
import steps
import warehouse
from faults import fault_point
from ingestion import accounts
from ingestion.batch import stage
from ingestion.lake import KnownFile, Lake
from ingestion.landing import new_deliveries
from ingestion.manifest import Entry
from ingestion.mapping import Mapping
from ingestion.reading import CountedFile, NotAsCounted, count_files, count_thoroughly
from ingestion.sql import literal
from ingestion.user_key import NO_KEY
from settings import Settings
from shop import Shop

log = logging.getLogger("ingestion")

BATCH_BYTES = 64 << 20  # of landing files in one pass: DuckDB takes up to fourteen times as much memory before it spills

WRITTEN = 1.5  # bytes for each of a landing file: 0.2 in the lake (demo, JSON lines), and a copy of the file where a record is broken
WRITTEN_PACKED = 5  # of a compressed one: it is unpacked for a copy, and packed less tightly in the lake, which has pseudonyms


def land(settings: Settings, shop: Shop, run_date: date, options: Namespace | None = None, batch_bytes: int = BATCH_BYTES) -> str:
    """Land the files delivered up to `run_date`, and return the summary line.

    Args:
        options: none are read.
        batch_bytes: files are read together up to so many; it decides speed and memory, never the result.

    Raises:
        StepError: no key, no landing folder or files, a file that cannot be landed, too many refused records, a file of
            the lake that is damaged, too little room on the disk, or the shop's lock is held. The lake is as it was.
    """
    started = time.monotonic()
    if not settings.hmac_keys:
        raise steps.StepError(NO_KEY)
    with warehouse.lock(settings, shop, "land"):
        lake = Lake(settings.paths(shop.name))
        fault_point("land.begun")
        lake.recover()
        lake.verify(settings.threads)
        with lake.staging() as staging, _connection(settings, shop, staging) as connection, ThreadPoolExecutor(settings.threads) as hashing:
            deliveries = new_deliveries(settings, shop, run_date, lake.manifest, hashing)
            disk_space.require("land", lake.paths.root, sum(delivery.bytes * _written_share(delivery.path) for delivery in deliveries))
            _check_mappings(connection, shop)
            files = count_files(deliveries, staging)
            lake.write_schemas(connection, staging)
            entries = _stage(connection, shop, settings.hmac_keys, files, lake, staging, batch_bytes)
            _refuse_if_too_many(shop, lake, entries, staging)
            accounts.log_new_columns(shop, lake.manifest, entries)
            fault_point("land.staged")
            lake.commit(connection, entries, staging)
            fault_point("land.shown")
    accounts.log_sources(shop, entries)
    lines = sum(entry.event_lines for entry in entries)
    clauses = [accounts.account(entries), f"{len(entries)} files", f"{lines} event lines", f"{time.monotonic() - started:.1f} s"]
    return f"land {shop.name} {run_date}: {', '.join(clauses)} ({accounts.read_by_source(shop, entries)})"


@contextmanager
def _connection(settings: Settings, shop: Shop, staging: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB in memory, spilling into the staging folder, in the shop's zone, loading nothing from the network."""
    config = {
        "memory_limit": settings.duckdb_memory,
        "threads": settings.threads,
        "temp_directory": str(staging / "spill"),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(config=config) as connection:
        connection.execute(f"set timezone = {literal(shop.timezone)}")
        yield connection


def _written_share(path: Path) -> float:
    return WRITTEN_PACKED if path.suffix in (".gz", ".zst", ".parquet") else WRITTEN


def _check_mappings(connection: duckdb.DuckDBPyConnection, shop: Shop) -> None:
    """Try the shop file's patterns and formats on nothing, so that a wrong one is named before anything is read."""
    for source in shop.sources:
        mapping = Mapping(source, shop.timezone)
        texts = [f"null::varchar as v{index}" for index in range(len(mapping.record_paths))]
        texts += [f"null::varchar as w{index}" for index in range(len(mapping.line_paths))]
        nothing = f"select null as element, null as fault, {', '.join(texts)}"
        for field, expression in (mapping.fields | {"skip": mapping.skip_reason()}).items():
            try:
                connection.execute(f"select {expression} from ({nothing})")
            except duckdb.Error as error:
                raise steps.StepError(f"shop {shop.name}, source {source.name}, {field}: {str(error).splitlines()[0]}") from error


def _stage(
    connection: duckdb.DuckDBPyConnection,
    shop: Shop,
    keys: Sequence[bytes],
    files: list[CountedFile],
    lake: Lake,
    staging: Path,
    batch_bytes: int,
) -> list[Entry]:
    entries: list[Entry] = []

    def known_files(batch: Sequence[CountedFile], first: str, last: str) -> list[KnownFile]:
        return lake.files_with_events(staging, entries, [file.delivery for file in batch], deliveries, first, last)

    deliveries = [file.delivery for file in files]
    batches = list(_batches(files, batch_bytes))
    while batches:
        batch = batches.pop(0)
        try:
            entries += stage(connection, shop, keys, batch, staging, known_files)
        except NotAsCounted as fault:
            if not any(file.count.is_surveyed for file in batch):
                raise
            log.info("%s; its lines are looked at one by one", str(fault).removesuffix("; nothing was landed"))
            batches = [*_batches(count_thoroughly(batch, staging), batch_bytes), *batches]
            continue
        log.info("%s: %d of %d files read", batch[0].delivery.source.name, len(entries), len(files))
    return entries


def _batches(files: list[CountedFile], batch_bytes: int) -> Iterator[list[CountedFile]]:
    """Files that are read together: of one source and one reader; of what others may replace, only of one delivery date."""
    batch: list[CountedFile] = []
    size = 0
    for file in files:
        if batch and (_kind(file) != _kind(batch[0]) or size + file.delivery.bytes > batch_bytes):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.delivery.bytes
    if batch:
        yield batch


def _kind(file: CountedFile) -> tuple:
    return file.delivery.source, file.reader, file.delivery.landed_date if file.delivery.day else None


def _refuse_if_too_many(shop: Shop, lake: Lake, entries: list[Entry], staging: Path) -> None:
    faults = accounts.excessive_refusals(shop, entries)
    if faults:
        lake.keep_quarantine(entries, staging)
        raise steps.StepError(f"{'; '.join(faults)}. Nothing was landed; the refused records are in {lake.paths.quarantine}")


def main() -> None:
    steps.run(steps.arguments(__doc__), land)


if __name__ == "__main__":
    main()
