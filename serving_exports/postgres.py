"""A build in PostgreSQL: every table by COPY, all of them in one transaction."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

import steps
from serving_exports import published, tables
from serving_exports.tables import Column, literal, quoted
from settings import Settings

BATCH_ROWS = 50_000
TYPES = {
    "UUID": "uuid", "VARCHAR": "text", "TINYINT": "smallint", "SMALLINT": "smallint", "INTEGER": "integer", "BIGINT": "bigint",
    "DOUBLE": "double precision", "FLOAT": "real", "DATE": "date", "BOOLEAN": "boolean", "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TIMESTAMP": "timestamp",
}  # fmt: skip


def write(settings: Settings, folder: Path, address: str, schema: str) -> tuple[str, int | None]:
    """Replace the tables in `schema` by those of the build in `folder`; returns where they are and their rows, None if they were there.

    Raises:
        StepError: the server is away or refuses something; the password is not repeated.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    place = f"{urlsplit(address).hostname or 'localhost'}{urlsplit(address).path}, schema {schema}"
    with _transaction(address, place) as cursor, published.opened(settings, folder) as connection:
        cursor.execute(f"create schema if not exists {quoted(schema)}")
        cursor.execute(f"select pg_advisory_xact_lock(hashtext({literal('nightcart ' + schema)}))")  # one export at a time
        cursor.fetchall()
        if _build(cursor, schema) == manifest["build_id"]:
            return place, None
        for name, table in manifest["tables"].items():
            _replace(cursor, connection, schema, name, table)
    return place, sum(table["rows"] for table in manifest["tables"].values())


@contextmanager
def _transaction(address: str, place: str) -> Iterator[Any]:
    """A cursor whose work is committed at the end, or, whatever goes wrong, undone."""
    from adbc_driver_manager import Error
    from adbc_driver_postgresql import dbapi

    try:
        with dbapi.connect(address) as connection, connection.cursor() as cursor:
            yield cursor
            connection.commit()
    except Error as error:
        password = urlsplit(address).password
        said = str(error).replace(password, "…") if password else str(error)
        raise steps.StepError(f"{place}: {said}") from error


def _build(cursor: Any, schema: str) -> str | None:
    """The build that lies there; None before the first."""
    if "build_id" not in _columns(cursor, schema, "run_manifest"):
        return None
    cursor.execute(f"select build_id from {quoted(schema)}.run_manifest")
    found = cursor.fetchone()
    return found[0] if found else None


def _replace(cursor: Any, connection: duckdb.DuckDBPyConnection, schema: str, name: str, table: dict) -> None:
    """The rows of one table, by a temporary one: COPY takes Arrow's types, and a uuid is a text there."""
    of = tables.columns(connection, "shop", name)
    wanted = {column.name: postgres_type(name, column) for column in of}
    target, arriving = f"{quoted(schema)}.{quoted(name)}", f"arriving_{name}"
    if _columns(cursor, schema, name) != wanted:
        _create(cursor, target, of, wanted, table)
    rows = connection.execute(f"select * from {quoted(name)}").to_arrow_reader(BATCH_ROWS)
    cursor.adbc_ingest(arriving, rows, mode="create", temporary=True)
    cursor.execute(f"delete from {target}")  # not truncate: who reads meanwhile sees the rows of the build before
    names = ", ".join(map(quoted, wanted))
    values = ", ".join(f"cast({quoted(column)} as {kind})" for column, kind in wanted.items())
    cursor.execute(f"insert into {target} ({names}) select {values} from pg_temp.{quoted(arriving)}")
    cursor.execute(f"drop table pg_temp.{quoted(arriving)}")


def _create(cursor: Any, target: str, of: list[Column], wanted: dict[str, str], table: dict) -> None:
    key = ", ".join(map(quoted, table["key"]))
    lines = [f"{quoted(column.name)} {wanted[column.name]}{'' if column.is_nullable else ' not null'}" for column in of]
    cursor.execute(f"drop table if exists {target}")
    cursor.execute(f"create table {target} ({', '.join(lines)}, primary key ({key}))")
    cursor.execute(f"comment on table {target} is {literal(table['description'])}")
    for column in of:
        cursor.execute(f"comment on column {target}.{quoted(column.name)} is {literal(column.description)}")


def _columns(cursor: Any, schema: str, name: str) -> dict[str, str]:
    """The columns of a table there with their types as they are written here."""
    cursor.execute(
        f"""
        select attname, format_type(atttypid, atttypmod) from pg_attribute
        where attrelid = to_regclass({literal(f"{quoted(schema)}.{quoted(name)}")}) and attnum > 0 and not attisdropped
        order by attnum
        """
    )
    return {column: kind.replace("timestamp with time zone", "timestamptz") for column, kind in cursor.fetchall()}


def postgres_type(table: str, column: Column) -> str:
    """PostgreSQL's name of a published column's type, as it writes it itself.

    Raises:
        StepError: there is none.
    """
    element = column.type.removesuffix("[]")
    known = element.lower().replace("decimal", "numeric") if element.startswith("DECIMAL(") else TYPES.get(element)
    if known is None:
        raise steps.StepError(f"{table}.{column.name}: PostgreSQL has no type for {column.type}")
    return known + "[]" * (element != column.type)
