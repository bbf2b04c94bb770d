"""The short read-only reader of a night, and the list of what it publishes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import duckdb

import steps
from settings import Settings
from shop import Shop
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
        StepError: the night has no warehouse yet, or it was written with another key.
    """
    file = path(settings, shop, run_date)
    refuse_another_night(file, run_date)
    connection = duckdb.connect(config={"memory_limit": settings.memory_limit, "threads": settings.threads})
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
