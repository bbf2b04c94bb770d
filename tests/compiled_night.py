"""A night's models as dbt compiled them, run over another lake without another call of dbt."""

import json
import re
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class CompiledNight:
    """The statements of the features stage in the order of their references.

    Args:
        lake: the lake that they were compiled for.
        models: name to node of dbt's manifest.

    Example:
        >>> night = CompiledNight.read(target / "manifest.json", lake)
        >>> night.run(other_lake).sql("select count(*) from feat_items")
    """

    lake: Path
    models: dict[str, dict]

    @classmethod
    def read(cls, manifest: Path, lake: Path) -> "CompiledNight":
        nodes = json.loads(manifest.read_text())["nodes"]
        compiled = {key: node for key, node in nodes.items() if node["resource_type"] == "model" and node.get("compiled_code")}
        order = TopologicalSorter({key: set(node["depends_on"]["nodes"]) & compiled.keys() for key, node in compiled.items()})
        return cls(lake, {compiled[key]["name"]: compiled[key] for key in order.static_order()})

    @property
    def features(self) -> list[str]:
        """The tables of dbt_project/models/features/."""
        return sorted(name for name, node in self.models.items() if node["path"].startswith("features/"))

    def run(self, lake: Path) -> duckdb.DuckDBPyConnection:
        """A warehouse in memory over a lake."""
        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'; attach ':memory:' as warehouse; use warehouse")
        for name, node in self.models.items():
            statement = node["compiled_code"].replace(str(self.lake), str(lake))
            if name == "base_events":
                statement = _with_files_of(connection, statement, lake)
            kind = "view" if node["config"]["materialized"] == "view" else "table"
            connection.execute(f"create {kind} {name} as {statement}")
        return connection


def _with_files_of(connection: duckdb.DuckDBPyConnection, statement: str, lake: Path) -> str:
    """The statement that reads the events, with the files of this lake instead of those that dbt found when it compiled it."""
    parts = connection.sql("select part from int_parts where is_changed and is_standing and counted_hash is null order by part").fetchall()
    files = "".join(f", '{lake.parent / part}'" for (part,) in parts)
    changed, found = re.subn(r"(schema\.parquet')[^\]]*\]", lambda match: f"{match[1]}{files}]", statement)
    if found != 1:
        raise ValueError(f"base_events lists its files in another way: {statement}")
    return changed
