"""What a warehouse's tables were made with: nights are only added to tables made with the same."""

import hashlib
import json
from datetime import date

import duckdb

import steps
from settings import Settings
from shop import Shop
from warehouse.dbt_calls import DBT_PROJECT, STAGES
from warehouse.dbt_variables import variables

# what no table of the features is made with: the night itself, and the groups that people fall into
OF_ONE_NIGHT = {"run_date", "predictions", "min_people", "segments", "segment_rules", "audiences"}


def fingerprint(settings: Settings, shop: Shop, run_date: date) -> str:
    """What decides the tables beside the lake's rows and the night: the dbt project, its variables, the lake's columns, DuckDB."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    digest.update(b"encrypted" if settings.encryption_key else b"")  # a file is so as a whole
    folders = ("macros", *(f"models/{part.split('/')[-1]}" for part in STAGES["features"]))
    files = [file for folder in folders for file in (DBT_PROJECT / folder).rglob("*.sql")]
    for file in sorted((*files, DBT_PROJECT / "dbt_project.yml")):
        digest.update(f"{file.relative_to(DBT_PROJECT)}\n{file.read_text()}\n".encode())
    rules = {name: value for name, value in variables(settings, shop, run_date).items() if name not in OF_ONE_NIGHT}
    digest.update(json.dumps(rules, sort_keys=True).encode())
    with duckdb.connect(config={"memory_limit": settings.duckdb_memory, "threads": settings.threads}) as connection:
        for file in sorted(settings.paths(shop.name).lake.glob("*/*/schema.parquet")):
            try:
                columns = connection.execute("describe select * from read_parquet(?)", [str(file)]).fetchall()
            except duckdb.Error as error:
                raise steps.StepError(
                    f"{file} cannot be read ({str(error).splitlines()[0]}): `python -m ingestion.land` writes it anew"
                ) from error
            digest.update(repr((file.parent.parent.name, [column[:2] for column in columns])).encode())
    return digest.hexdigest()
