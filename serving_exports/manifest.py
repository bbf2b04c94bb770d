"""A build's manifest.json: what is in the build, what made it, what was found wrong, and the digest of every file."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import duckdb

import steps
from serving_exports import tables
from serving_exports.audit import Check, WrittenTable
from serving_exports.builds import sha256
from shop import Shop

FILE = "manifest.json"


def read_run(connection: duckdb.DuckDBPyConnection) -> dict:
    """The row of the attached warehouse's `run_manifest`, the one place that names a build.

    Returns:
        {"build_id": text, "shop": text, "run_date": date, "models": list of dicts, "degraded": list of texts,
        "intake": dict}

    Raises:
        StepError: the table is not there or does not hold exactly one row.
    """
    if not tables.columns(connection, "warehouse", "run_manifest"):
        raise steps.StepError("the warehouse has no table run_manifest: run `python -m warehouse build serving` first")
    rows = connection.execute("select build_id, shop, run_date, models, degraded, intake from warehouse.run_manifest").fetchall()
    if len(rows) != 1:
        raise steps.StepError(f"run_manifest holds {len(rows)} rows, not one")
    build_id, shop_name, run_date, models, degraded, intake = rows[0]
    return {
        "build_id": build_id,
        "shop": shop_name,
        "run_date": run_date,
        "models": json.loads(models or "[]"),
        "degraded": json.loads(degraded or "[]"),
        "intake": json.loads(intake),
    }


def compose(shop: Shop, run: dict, written: list[WrittenTable], checks: list[Check], past: list[dict], storage_version: str) -> dict:
    """The manifest but for the files' digests; `run` is what `read_run` returned, `past` what `history.carried` did."""
    return {
        "build_id": run["build_id"],
        "shop": run["shop"],
        "title": shop.title,
        "timezone": shop.timezone,
        "currency": shop.currency,
        "run_date": run["run_date"].isoformat(),
        "written_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "storage_version": storage_version,
        "tables": {table.table.name: _describe(table) for table in written},
        "models": run["models"],
        "degraded": run["degraded"],
        "intake": run["intake"],
        "history": past,
        "audit": {"passed": all(check.passed for check in checks), "checks": [asdict(check) for check in checks]},
    }


def write(manifest: dict, folder: Path) -> None:
    """Write manifest.json, with the size and sha256 of every other file in `folder`."""
    files = {file.name: {"bytes": file.stat().st_size, "sha256": sha256(file)} for file in sorted(folder.iterdir())}
    (folder / FILE).write_text(json.dumps(manifest | {"files": files}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _describe(written: WrittenTable) -> dict:
    return {
        "rows": written.rows,
        "key": list(written.table.key),
        "description": " ".join(written.table.description.split()),
        "content_hash": written.content_hash,
        "columns": [asdict(column) for column in written.columns],
    }
