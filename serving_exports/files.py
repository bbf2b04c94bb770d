"""A build as CSV or JSON lines: one folder per build, one file per table, rows in the order of the key.

In a CSV, a text that a spreadsheet would run as a formula has an apostrophe before it.
"""

import json
import shutil
from pathlib import Path

import duckdb

import warehouse
from serving_exports import formulas
from serving_exports.tables import DATABASE, columns, literal, quoted
from settings import Settings, sync

OPTIONS = {"csv": "format csv, header", "jsonl": "format json"}


def write(settings: Settings, folder: Path, to: str, form: str) -> tuple[str, int | None]:
    """Write the build in `folder` into `to`/<build>; returns where it is and its rows, None if it was there.

    Args:
        form: csv or jsonl.
    """
    target = Path(to).resolve() / folder.name
    if target.exists():
        return str(target), None
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of an export that was cut short
    partial.mkdir(parents=True)
    tables = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["tables"]
    config = {"memory_limit": settings.duckdb_memory, "threads": settings.threads}
    with duckdb.connect(config=config) as connection:
        warehouse.attach(connection, settings, folder / DATABASE, "shop", "read_only")
        connection.execute("use shop")
        connection.execute("set timezone = 'UTC'")
        for name, table in tables.items():
            key, file = ", ".join(map(quoted, table["key"])), partial / f"{name}.{form}"
            chosen = formulas.columns_of_csv(columns(connection, "shop", name)) if form == "csv" else "*"
            connection.execute(f"copy (select {chosen} from {quoted(name)} order by {key}) to {literal(file)} ({OPTIONS[form]})")
            sync(file)
    sync(partial)
    partial.rename(target)
    return str(target), sum(table["rows"] for table in tables.values())
