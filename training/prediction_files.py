"""The folder predictions/run_date=D/: typed Parquet files and a manifest, whole or not at all."""

import hashlib
import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from faults import fault_point

MANIFEST = "manifest.json"

COLUMNS = {
    "user_recommendations": {
        "user_key": "uuid",
        "rank": "integer",
        "item_id": "varchar",
        "score": "double",
        "reason": "varchar",
        "reason_item_id": "varchar",
        "model_name": "varchar",
        "model_version": "varchar",
    },
    "user_predictions": {
        "user_key": "uuid",
        "target": "varchar",
        "horizon_days": "integer",
        "probability": "double",
        "expected_value": "double",
        "top_reasons": "varchar[]",
        "model_name": "varchar",
        "model_version": "varchar",
    },
    "user_category_predictions": {
        "user_key": "uuid",
        "category": "varchar",
        "target": "varchar",
        "horizon_days": "integer",
        "probability": "double",
        "expected_value": "double",
        "top_reasons": "varchar[]",
        "model_name": "varchar",
        "model_version": "varchar",
    },
    "user_clusters": {"user_key": "uuid", "cluster_id": "integer", "cluster_name": "varchar"},
    "models": {
        "task": "varchar",
        "model_name": "varchar",
        "model_version": "varchar",
        "run_id": "varchar",
        "metric": "varchar",
        "value": "double",
        "baseline_name": "varchar",
        "baseline_value": "double",
        "calibration_error": "double",
        "calibration_error_limit": "double",
        "decision": "varchar",
        "degraded": "varchar",
        "ineligible_reason": "varchar",
    },
}
_ARROW = {"uuid": pa.string(), "varchar": pa.string(), "integer": pa.int32(), "double": pa.float64(), "varchar[]": pa.list_(pa.string())}


def folder(predictions: Path, run_date: date) -> Path:
    return predictions / f"run_date={run_date.isoformat()}"


def nights_before(predictions: Path, run_date: date) -> list[Path]:
    """The whole folders of the nights before a run date, the oldest first."""
    folders = sorted(each for each in predictions.glob("run_date=*") if (each / MANIFEST).exists())
    return [each for each in folders if each.name < folder(predictions, run_date).name]


def table(name: str, columns: dict[str, Any]) -> pa.Table:
    """An Arrow table with exactly the columns of a file; a column may be any sequence."""
    types = {column: _ARROW[kind] for column, kind in COLUMNS[name].items()}
    return pa.table({column: pa.array(columns[column], type=kind) for column, kind in types.items()})


def empty(name: str) -> pa.Table:
    return table(name, {column: [] for column in COLUMNS[name]})


def is_current(target: Path, inputs: dict[str, Any]) -> bool:
    """Whether the folder was made from these inputs and every file of it is still what was written."""
    if not (target / MANIFEST).exists():
        return False
    manifest = json.loads((target / MANIFEST).read_text())
    return manifest["inputs"] == inputs and manifest["sha256"] == _hashes(target)


def write(target: Path, tables: dict[str, pa.Table], inputs: dict[str, Any]) -> None:
    """Write every file beside the folder, then put it in its place; the caller holds the shop's lock.

    A process that dies on the way leaves the old folder or none, never a mixture, and the next one clears up after it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = target.with_name(f".{target.name}.fresh"), target.with_name(f".{target.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir()
    for name in COLUMNS:
        _write_file(fresh / f"{name}.parquet", name, tables[name])
    (fresh / MANIFEST).write_text(json.dumps({"inputs": inputs, "sha256": _hashes(fresh)}, indent=1, sort_keys=True) + "\n")
    fault_point("score.written")
    if target.exists():
        target.rename(old)
    fault_point("score.replacing")
    fresh.rename(target)
    fault_point("score.placed")
    shutil.rmtree(old, ignore_errors=True)


def _write_file(file: Path, name: str, rows: pa.Table) -> None:
    # one thread, so that the same rows give the same bytes
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.register("rows", rows)
        selected = ", ".join(f"cast({column} as {kind}) as {column}" for column, kind in COLUMNS[name].items())
        path = str(file).replace("'", "''")
        connection.execute(f"copy (select {selected} from rows) to '{path}' (format parquet, compression zstd)")


def _hashes(target: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(target.glob("*.parquet"))}
