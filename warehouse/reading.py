"""The short read-only reader of a night, and the list of what it publishes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import duckdb

import steps
from settings import Settings
from shop import Shop
from warehouse import damage
from warehouse import state as states
from warehouse.dbt_calls import target_folder
from warehouse.encryption import attach
from warehouse.state import path, refuse_another_night


@dataclass(frozen=True)
class ServingTable:
    """One published table as dbt's manifest describes it.

    Args:
        description: ends with what a row is.
        is_public: whether wider readers may have it: no row is of a single person.
        people: the column that counts the people of a row, where it has one.
    """

    name: str
    key: tuple[str, ...]
    description: str
    is_public: bool = False
    people: str | None = None


@contextmanager
def reader(settings: Settings, shop: Shop, run_date: date) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the night's warehouse attached read-only as `warehouse`, and used. Keep it short: it blocks the writer.

    Raises:
        StepError: the night has no warehouse yet, a build is at work on it or was cut short, it was written with another
            key, or its file is damaged: that is noted, and the next build of the features makes a new one.
    """
    file = path(settings, shop, run_date)
    refuse_another_night(file, run_date)
    if damage.wals(file):
        raise steps.StepError(f"a build is at work on {file}, or was cut short: wait, or run `python -m warehouse build serving` again")
    try:
        with damage.told(file), _attached(settings, file) as connection:
            yield connection
    except damage.DamagedError as error:
        held = states.read(file) or states.State(run_date.isoformat(), is_whole=True)
        states.write(file, replace(held, is_whole=False, is_sound=False))
        raise steps.StepError(f"{error}; run `python -m warehouse build features --run-date {run_date}`: it makes a new one") from error


@contextmanager
def _attached(settings: Settings, file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"memory_limit": settings.duckdb_memory, "threads": settings.threads})
    try:
        connection.execute("set timezone = 'UTC'")
        attach(connection, settings, file, "warehouse", "read_only")
        connection.execute("use warehouse")
        yield connection
    finally:
        connection.close()


def serving_tables(settings: Settings, shop: Shop, run_date: date) -> list[ServingTable]:
    """The published tables, read from the manifest of the last `build serving`, in alphabetical order."""
    file = target_folder(settings, shop, run_date, "serving") / "manifest.json"
    if not file.exists():
        raise steps.StepError(f"{file} does not exist: run `python -m warehouse build serving --run-date {run_date}` first")
    nodes = json.loads(file.read_text())["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model" and node["path"].startswith("serving/")]
    return sorted(map(_serving_table, models), key=lambda table: table.name)


def _serving_table(node: dict) -> ServingTable:
    meta = node["config"]["meta"]
    return ServingTable(node["name"], tuple(meta["key"]), node["description"], meta.get("public", False), meta.get("people"))
