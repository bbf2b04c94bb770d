"""How dbt is called for one stage of a night, and how it says what failed."""

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import steps
from faults import fault_point
from settings import ENCRYPTION_KEY, PROJECT_ROOT, Settings
from shop import Shop
from warehouse.dbt_variables import variables
from warehouse.state import path

if TYPE_CHECKING:
    from dbt.contracts.results import RunResult
    from dbt_common.events.base_types import EventMsg

STAGES = {
    "features": ("path:models/staging", "path:models/intermediate", "path:models/marts", "path:models/features"),
    "serving": ("path:models/candidates", "path:models/serving"),
}
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
TESTED_DAYS = 7  # how far back the tests of a night look in the large tables; on Sundays and after a full build at all rows


def target_folder(settings: Settings, shop: Shop, run_date: date, stage: str) -> Path:
    """Where dbt writes what it made of a stage: its manifest, the compiled statements, the results."""
    return path(settings, shop, run_date).parent / "dbt_target" / stage


def run_dbt(
    settings: Settings,
    shop: Shop,
    run_date: date,
    stage: str,
    database: Path,
    build_number: int = 0,
    added_to: str = "",
    command: str = "build",
) -> list:
    """Run `dbt build`, or `dbt test` of the unit tests alone, of one stage's models; dbt's result per model and test.

    Args:
        build_number: how many nights have been added to the database since it was built in full; 0 builds in full.
        added_to: the night that this one is added to.

    Raises:
        StepError: dbt could not run, or a model or test failed (each is named with dbt's message).
    """
    # both take seconds to import, and only this function needs them
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    os.environ.update(
        NIGHTCART_WAREHOUSE=str(database),
        NIGHTCART_DUCKDB_MEMORY=settings.duckdb_memory,
        NIGHTCART_THREADS=str(settings.threads),
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
        **({ENCRYPTION_KEY: settings.encryption_key} if settings.encryption_key else {}),
    )
    target = target_folder(settings, shop, run_date, stage if command == "build" else f"{stage}_tests")
    built_at = datetime.now(UTC)  # names the build; no table's value is decided by it
    looks_at_all = build_number == 0 or run_date.isoweekday() == 7
    extra = {
        "build_number": build_number,
        "added_to": added_to,
        "tested_since": (date.min if looks_at_all else run_date - timedelta(days=TESTED_DAYS)).isoformat(),
    }
    if stage == "serving":
        extra["build_id"] = f"{run_date}-{built_at:%Y%m%dT%H%M%S%fZ}"
    outcome = dbtRunner(callbacks=[lambda event: _after_node(event, stage)]).invoke(
        [
            "--quiet", command, "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
            "--target", "encrypted" if settings.encryption_key else "warehouse",
            "--target-path", str(target), "--log-path", str(target / "logs"),
            "--vars", json.dumps(variables(settings, shop, run_date) | extra),
            "--select", *STAGES[stage], "--exclude-resource-type" if command == "build" else "--resource-type", "unit_test",
            "--no-partial-parse",  # it keeps unit tests that were renamed; with a new run_date dbt reads everything anyway
        ]
    )  # fmt: skip
    # dbt leaves its connection open until the process ends; closed, the file is whole, with nothing left in a .wal
    DuckDBConnectionManager.close_all_connections()
    if outcome.exception is not None:
        raise steps.StepError(f"dbt could not run stage {stage}: {outcome.exception}")
    results = list(outcome.result)
    failures = [result for result in results if result.status in ("error", "fail", "runtime error", "partial success")]
    if failures or not outcome.success:
        lines = "\n".join(f"  {_failure(result, database)}" for result in failures)
        raise steps.StepError(f"dbt stage {stage}: {len(failures)} failure(s)\n{lines}")
    return results


def _after_node(event: "EventMsg", stage: str) -> None:
    """A point within dbt, after each model and test."""
    if event.info.name == "NodeFinished":
        fault_point(f"build_{stage}.node_finished")


def _failure(result: "RunResult", database: Path) -> str:
    """What dbt says of a failed model or test; of a test of data, how to see the rows that it found."""
    said = f"{result.node.unique_id}: {(result.message or '').strip()}"
    if result.status != "fail" or result.node.resource_type != "test":
        return said
    return f"{said}\n    the rows: duckdb -readonly {database} 'from {result.node.schema}.{result.node.alias}'"
