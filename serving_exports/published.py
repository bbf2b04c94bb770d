"""Reading a build for people who ask: nothing can be written, no other file and no network reached, no answer grows without end."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow

import steps
import warehouse
from serving_exports.builds import Builds
from serving_exports.tables import DATABASE, quoted
from settings import Settings
from shop import Shop


@dataclass(frozen=True)
class Answer:
    """What a question came to.

    Args:
        table: the rows, with DuckDB's own types.
        is_cut: whether there were more rows than were asked for.
    """

    table: pyarrow.Table
    is_cut: bool


@contextmanager
def opened(settings: Settings, folder: Path, **beside: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The tables of the build in `folder`, read-only, and those of other builds under the names given; times are in UTC.

    Each connection is an instance of its own with the file attached, so that locking one settles nothing for another. Nothing
    is spilled to the disk: a question that needs more than the memory limit is refused.
    """
    config = {"memory_limit": settings.duckdb_memory, "threads": settings.threads, "temp_directory": ""}
    with duckdb.connect(config=config) as connection:
        for name, build in {"shop": folder, **beside}.items():
            warehouse.attach(connection, settings, build / DATABASE, quoted(name), "read_only")
        connection.execute("use shop")
        connection.execute("set timezone = 'UTC'")
        lock(connection)
        yield connection


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Switch off other files and the network for good."""
    connection.execute("set enable_external_access = false")
    connection.execute("set lock_configuration = true")


def current(settings: Settings, shop: Shop) -> Path:
    """The folder of the build that consumers see now, by its own name: a flip does not change what lies there.

    Raises:
        StepError: nothing has been published yet.
    """
    builds = Builds(settings.paths(shop.name).serving)
    build_id = builds.current()
    if build_id is None:
        raise steps.StepError(f"nothing is published for shop {shop.name} yet ({builds.link} leads nowhere): run `make nightly` first")
    return builds.folder(build_id)


def answer(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    values: Mapping[str, object] | None = None,
    rows: int | None = None,
    seconds: float | None = None,
) -> Answer:
    """The answer to one statement.

    Args:
        values: of its named parameters.
        rows: at most so many are fetched.
        seconds: after which the statement is stopped.

    Raises:
        StepError: `sql` is not one statement, DuckDB refused it (its message is repeated), or it took too long.
    """
    timer = _stopped_after(connection, seconds)
    try:
        statements = connection.extract_statements(sql)
        if len(statements) != 1:
            raise steps.StepError(f"one statement is asked for, not {len(statements)}")
        return _fetched(connection.execute(statements[0], values or {}), rows)
    except (duckdb.Error, pyarrow.ArrowException, OSError) as error:  # Arrow hands DuckDB's errors on while rows are fetched
        if "Interrupted!" in str(error):
            raise steps.StepError(f"stopped after {seconds:g} s: ask for less") from error
        raise steps.StepError(str(error)) from error
    finally:
        timer.cancel()


def _stopped_after(connection: duckdb.DuckDBPyConnection, seconds: float | None) -> threading.Timer:
    timer = threading.Timer(seconds or 0, connection.interrupt)
    timer.daemon = True
    if seconds is not None:
        timer.start()
    return timer


def _fetched(found: duckdb.DuckDBPyConnection, rows: int | None) -> Answer:
    if found.description is None:
        return Answer(pyarrow.table({}), False)
    reader = found.to_arrow_reader(min(rows + 1, 100_000) if rows is not None else 100_000)
    batches, count = [], 0
    for batch in reader:
        batches.append(batch)
        count += batch.num_rows
        if rows is not None and count > rows:
            break
    table = pyarrow.Table.from_batches(batches, reader.schema)
    return Answer(table if rows is None else table.slice(0, rows), rows is not None and count > rows)
