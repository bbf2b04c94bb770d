"""The published tables as files: one DuckDB database and one Parquet file each, rows in the order of the key.

The database keeps types, NOT NULL and comments. It declares no primary key: a key's index makes the file three times as
large and unreadable for DuckDB 1.0, and finds no row faster than the order does; that keys are unique, the audit shows.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

import steps
from faults import fault_point
from settings import Settings
from warehouse import ServingTable, attach

DATABASE = "shop.duckdb"
PUBLIC_DATABASE = "shop_public.duckdb"  # for wider readers: no row of it is of a single person
STORAGE_VERSION = "v1.0.0"  # the oldest DuckDB that can open the database
ENCRYPTED_STORAGE_VERSION = "v1.4.0"  # the same, where the database is encrypted


@dataclass(frozen=True)
class Column:
    """A column as a reader of the table sees it."""

    name: str
    type: str
    is_nullable: bool
    description: str


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    return "'" + str(text).replace("'", "''") + "'"


def columns(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> list[Column]:
    """The columns of a table in an attached database; none where there is no such table."""
    rows = connection.execute(
        """
        select column_name, data_type, is_nullable, coalesce(comment, '') from duckdb_columns()
        where database_name = $database and schema_name = 'main' and table_name = $table
        order by column_index
        """,
        {"database": database, "table": table},
    ).fetchall()
    return [Column(*row, " ".join(comment.split())) for *row, comment in rows]


def write(connection: duckdb.DuckDBPyConnection, settings: Settings, tables: list[ServingTable], folder: Path, min_people: int = 1) -> None:
    """Copy `tables` from the attached `warehouse` into `folder`, as `shop.duckdb` and as `<table>.parquet`.

    Those that may be public are in `shop_public.duckdb` too, but for rows of fewer people than `min_people`. With an encryption key
    `shop.duckdb` is encrypted, and there are no Parquet files, which would not be.

    Raises:
        StepError: the warehouse lacks a table that dbt's manifest lists.
    """
    attach(connection, settings, folder / DATABASE, "serving", f"storage_version '{storage_version(settings)}'")
    _fill(connection, "serving", {table: "true" for table in tables})
    connection.execute(f"attach {literal(folder / PUBLIC_DATABASE)} as public_shop (storage_version '{STORAGE_VERSION}')")
    _fill(connection, "public_shop", {table: _of_enough_people(table, min_people) for table in tables if table.is_public})
    if settings.encryption_key:
        return
    with attached(connection, settings, folder):
        for table in tables:
            _write_parquet(connection, table, folder)
            fault_point("publish.parquet_written")


def storage_version(settings: Settings) -> str:
    return ENCRYPTED_STORAGE_VERSION if settings.encryption_key else STORAGE_VERSION


def _fill(connection: duckdb.DuckDBPyConnection, name: str, tables: dict[ServingTable, str]) -> None:
    """Write the rows of each table that meet its condition into an attached database, and detach it."""
    connection.begin()  # one commit instead of one per table and comment
    for table, condition in tables.items():
        _copy(connection, table, name, condition)
        fault_point("publish.table_copied")
    connection.commit()
    connection.execute(f"detach {name}")  # writes the last checkpoint: no .wal stays beside the database


def _of_enough_people(table: ServingTable, min_people: int) -> str:
    """The condition on rows that wider readers may see; nobody is no small group."""
    return f"coalesce({quoted(table.people)}, 0) not between 1 and {min_people - 1}" if table.people else "true"


@contextmanager
def attached(connection: duckdb.DuckDBPyConnection, settings: Settings, folder: Path) -> Iterator[None]:
    """The written databases as `serving` and `public_shop`, read-only: what consumers will read."""
    attach(connection, settings, folder / DATABASE, "serving", "read_only")
    connection.execute(f"attach {literal(folder / PUBLIC_DATABASE)} as public_shop (read_only)")
    try:
        yield
    finally:
        connection.execute("detach serving")
        connection.execute("detach public_shop")


def content_hash(connection: duckdb.DuckDBPyConnection, relation: str, table: str, of: list[Column]) -> str:
    """A digest (hex) of a table's names, types and rows, whatever file they lie in and in whatever order.

    Each row's JSON is hashed and the hashes are added up, so equal rows count as often as they occur. What names the
    build stays out: `build_id`, and in run_manifest every time.
    """
    kept = [column for column in of if column.name != "build_id" and not (table == "run_manifest" and column.type.startswith("TIME"))]
    names = ", ".join(quoted(column.name) for column in kept)
    sums = connection.execute(
        f"""
        with kept as (select {names} from {relation}),
        rows as (select cast(to_json(kept) as varchar) as content from kept)
        select count(*), sum(cast(md5_number_lower(content) as hugeint)), sum(cast(md5_number_upper(content) as hugeint)) from rows
        """
    ).fetchone()
    text = json.dumps([[(column.name, column.type) for column in kept], *map(str, sums)])
    return hashlib.sha256(text.encode()).hexdigest()


def _copy(connection: duckdb.DuckDBPyConnection, table: ServingTable, database: str, condition: str) -> None:
    name, source = quoted(table.name), columns(connection, "warehouse", table.name)
    if not source:
        raise steps.StepError(f"the warehouse has no table {table.name} of dbt's manifest: run `python -m warehouse build serving`")
    fields = ", ".join(f"{quoted(column.name)} {column.type}{'' if column.is_nullable else ' not null'}" for column in source)
    connection.execute(f"create table {database}.{name} ({fields})")
    connection.execute(f"insert into {database}.{name} select * from warehouse.{name} where {condition} order by {_key(table)}")
    connection.execute(f"comment on table {database}.{name} is {literal(' '.join(table.description.split()))}")
    for column in source:
        connection.execute(f"comment on column {database}.{name}.{quoted(column.name)} is {literal(column.description)}")


def _write_parquet(connection: duckdb.DuckDBPyConnection, table: ServingTable, folder: Path) -> None:
    rows = f"select * from serving.{quoted(table.name)} order by {_key(table)}"
    connection.execute(f"copy ({rows}) to {literal(folder / f'{table.name}.parquet')} (format parquet, compression zstd)")


def _key(table: ServingTable) -> str:
    return ", ".join(quoted(name) for name in table.key)
