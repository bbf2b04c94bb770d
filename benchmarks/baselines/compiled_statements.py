"""The statements that dbt compiled for a full build, in the same order straight in DuckDB, into a file of its own.

python -m benchmarks.baselines.compiled_statements data/demo/dbt_target/features folder/warehouse.duckdb

The file's name must be the warehouse's: the statements name the database after it. Threads and memory limit are those of the
settings. Prints one JSON object: the seconds of each statement.
"""

import argparse
import json
import time
from pathlib import Path

import duckdb

from settings import Settings


def run(target: Path, database: Path, settings: Settings) -> dict[str, float]:
    """Run what dbt ran, in dbt's order; the seconds of each model's statement."""
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    seconds = {}
    with duckdb.connect(str(database), config={"memory_limit": settings.duckdb_memory, "threads": settings.threads}) as connection:
        connection.execute("set timezone = 'UTC'")
        for result in json.loads((target / "run_results.json").read_text())["results"]:
            node = nodes[result["unique_id"]]
            if node["resource_type"] == "model":
                kind = "view" if node["config"]["materialized"] == "view" else "table"
                began = time.monotonic()
                connection.execute(f"create {kind} {result['relation_name']} as {result['compiled_code']}")
                seconds[node["name"]] = time.monotonic() - began
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", type=Path, help="dbt's target folder of a full build")
    parser.add_argument("database", type=Path, help="the file to be made")
    options = parser.parse_args()
    print(json.dumps(run(options.target, options.database, Settings.from_environment())))


if __name__ == "__main__":
    main()
