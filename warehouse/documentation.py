"""dbt's documentation of all models as one page."""

import json
import os
from datetime import date
from pathlib import Path

import steps
from settings import Settings
from shop import Shop
from warehouse.dbt_calls import DBT_PROJECT
from warehouse.dbt_variables import variables


def document(settings: Settings, shop: Shop, folder: Path) -> Path:
    """Write dbt's documentation of all models as one HTML file, from what they say alone: no warehouse is opened.

    Raises:
        StepError: dbt could not read the project.
    """
    from dbt.cli.main import dbtRunner  # takes seconds to import

    os.environ.update(NIGHTCART_WAREHOUSE=":memory:", DBT_SEND_ANONYMOUS_USAGE_STATS="false")
    # of any shop and night the page says the same, so it names no folder of this machine
    neutral = {"run_date": "1970-01-01", "lake": "lake", "predictions": "predictions", "build_id": "build", "build_number": 0}
    neutral["tested_since"] = date.min.isoformat()
    options = [
        "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
        "--target-path", str(folder), "--log-path", str(folder / "logs"),
        "--vars", json.dumps(variables(settings, shop, date(1970, 1, 1)) | neutral),
    ]  # fmt: skip
    # not compiled: the incremental models ask a warehouse which days and files they are of
    outcome = dbtRunner().invoke(["--quiet", "parse", "--no-partial-parse", *options])
    if outcome.success:
        outcome = dbtRunner(manifest=outcome.result).invoke(
            ["--quiet", "docs", "generate", "--static", "--empty-catalog", "--no-compile", *options]
        )
    if not outcome.success:
        raise steps.StepError(f"dbt could not document the project: {outcome.exception}")
    return folder / "static_index.html"
