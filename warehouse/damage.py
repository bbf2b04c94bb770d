"""A database that is damaged: how it is told from one that is only busy, and how it is set aside for whoever asks why.

DuckDB keeps a checksum of every block: what a disk or a cut-short copy has changed is an error when it is read, never other rows.
"""

import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import shortages
import steps

log = logging.getLogger("warehouse")

KEPT = 2  # of the databases set aside: they are as large as the warehouse
SAID = re.compile(
    "Corrupt database file|not a valid DuckDB database file|Failure while replaying WAL|Serialization Error|INTERNAL Error|FATAL Error"
    r'|Could not read enough bytes from file "[^"]+\.duckdb'  # a file of the lake may be cut short too
)


class DamagedError(steps.StepError):
    """The database's file is damaged; the next build of the features sets it aside."""


def is_damage(error: BaseException) -> bool:
    """Whether DuckDB, or dbt in its words, tells of a damaged file: not of one that is locked, or whose disk is full."""
    return SAID.search(str(error)) is not None and not shortages.is_full(error) and not shortages.is_short(error)


@contextmanager
def told(database: Path) -> Iterator[None]:
    """What DuckDB says of the file of a database, as a sentence.

    Raises:
        DamagedError: the file is damaged.
        StepError: another process has it open.
    """
    try:
        yield
    except duckdb.Error as error:
        said = str(error).splitlines()[0]
        if "Could not set lock" in said:
            raise steps.StepError(f"{database} is open in another process; nothing was written. Wait for it ({said})") from error
        if is_damage(error):
            raise DamagedError(f"{database} is damaged: {said}") from error
        raise


def wals(database: Path) -> list[Path]:
    """What lies beside a database that is open, or was open when its process was killed: DuckDB's write-ahead log."""
    return sorted(database.parent.glob(f"{database.name}.wal*"))


def remove_wals(database: Path) -> None:
    """Remove what a killed build of the serving tables left: a whole database needs none of it, and builds those tables anew.

    DuckDB would replay a log of another database without a word, and add that one's rows to this one.
    """
    for file in wals(database):
        log.warning("%s lay beside the warehouse, of a build that was cut short; it is removed", file)
        file.unlink()
    shutil.rmtree(spill(database), ignore_errors=True)


def spill(database: Path) -> Path:
    """Where DuckDB spills what does not fit into memory; what a killed process spilled stays there."""
    return database.with_name(f"{database.name}.tmp")


def set_aside(database: Path) -> Path:
    """Rename a database to `*.corrupt-<UTC time>`, its log with it, and remove all but the newest of those; its new path."""
    aside = database.with_name(f"{database.name}.corrupt-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}")
    for file in wals(database):
        file.rename(file.with_name(file.name.replace(database.name, aside.name, 1)))
    database.rename(aside)
    older = sorted(file for file in database.parent.glob(f"{database.name}.corrupt-*") if ".wal" not in file.suffixes)[:-KEPT]
    for file in (file for corrupt in older for file in (corrupt, *wals(corrupt))):
        file.unlink()
    return aside
