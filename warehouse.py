"""The only way into the warehouse: runs dbt under the shop's lock, and hands out short read-only readers.

python -m warehouse build features --shop shops/demo.yml --run-date 2026-06-30          # adds the night to what is there
python -m warehouse build features --shop shops/demo.yml --run-date 2026-06-30 --full   # builds all anew, and tests all rows
python -m warehouse build serving  --shop shops/demo.yml --run-date 2026-06-30
python -m warehouse test features   --shop shops/demo.yml --run-date 2026-06-30     # the unit tests of the models
"""

import fcntl
import hashlib
import json
import logging
import os
import shutil
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

import metrics
import rotation
import steps
from settings import PROJECT_ROOT, Settings
from shop import Shop
from sources import Source

if TYPE_CHECKING:
    from dbt.contracts.results import RunResult

log = logging.getLogger("warehouse")

STAGES = {
    "features": ("path:models/staging", "path:models/intermediate", "path:models/marts", "path:models/features"),
    "serving": ("path:models/candidates", "path:models/serving"),
}
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
TESTED_DAYS = 7  # how far back the tests of a night look in the large tables; on Sundays and after a full build at all rows


@dataclass(frozen=True)
class ServingTable:
    """One published table as dbt's manifest describes it: its name, its key, and the sentence that says what a row is."""

    name: str
    key: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class State:
    """What a database holds, as the file beside it says.

    Args:
        run_date: the night.
        is_whole: its features stage ended well.
        code: fingerprint of what its tables were made with.
        build_number: how many nights have added to it since it was built in full.
    """

    run_date: str
    is_whole: bool
    code: str = ""
    build_number: int = 0


@contextmanager
def lock(settings: Settings, shop: Shop, step: str, changes_key: bool = False) -> Iterator[None]:
    """Hold the shop's one writer lock; a dead holder's lock is free, since the kernel drops it with the process.

    Args:
        changes_key: the step is the one that may go on with an interrupted change of the key.

    Raises:
        StepError: another process holds it; says which step, which process, since when. Or a change of the key forbids
            to write (`rotation.refuse_beside`).
    """
    path = settings.paths(shop.name).lock
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = path.read_text().strip() or "another process"
            raise steps.StepError(f"the lock of shop {shop.name} is held by {holder}; nothing was written") from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{step} (process {os.getpid()}, since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC)".encode())
        if not changes_key:
            rotation.refuse_beside(settings)
        yield
    finally:
        os.close(descriptor)


def path(settings: Settings, shop: Shop, run_date: date) -> Path:
    """The database of a night: the shop's warehouse, or one of its own for a night before the warehouse's watermark."""
    paths = settings.paths(shop.name)
    newest = watermark(settings, shop)
    if newest is not None and run_date < newest:
        return paths.nights / run_date.isoformat() / "warehouse.duckdb"
    return paths.warehouse


def watermark(settings: Settings, shop: Shop) -> date | None:
    """The newest night that the shop's warehouse was built for, or was being built for when it was interrupted."""
    state = _state(settings.paths(shop.name).warehouse)
    return date.fromisoformat(state.run_date) if state else None


def remove(settings: Settings, shop: Shop) -> None:
    """Remove every night's database of a shop, to be built anew; the caller holds the lock."""
    paths = settings.paths(shop.name)
    for file in (paths.warehouse, paths.warehouse.with_name(paths.warehouse.name + ".wal"), _state_file(paths.warehouse)):
        file.unlink(missing_ok=True)
    if paths.nights.exists():
        shutil.rmtree(paths.nights)


@contextmanager
def reader(settings: Settings, shop: Shop, run_date: date) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the night's warehouse attached read-only as `warehouse`, and used. Keep it short: it blocks the writer.

    Raises:
        StepError: the night has no warehouse yet.
    """
    file = path(settings, shop, run_date)
    _refuse_another_night(file, run_date)
    connection = duckdb.connect(config={"memory_limit": settings.memory_limit, "threads": settings.threads})
    try:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{str(file).replace(chr(39), chr(39) * 2)}' as warehouse (read_only)")
        connection.execute("use warehouse")
        yield connection
    finally:
        connection.close()


def serving_tables(settings: Settings, shop: Shop, run_date: date) -> list[ServingTable]:
    """The published tables, read from the manifest of the last `build serving`, in alphabetical order."""
    file = _target(settings, shop, run_date, "serving") / "manifest.json"
    if not file.exists():
        raise steps.StepError(f"{file} does not exist: run `python -m warehouse build serving --run-date {run_date}` first")
    nodes = json.loads(file.read_text())["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model" and node["path"].startswith("serving/")]
    return sorted(
        (ServingTable(node["name"], tuple(node["config"]["meta"]["key"]), node["description"]) for node in models),
        key=lambda table: table.name,
    )


def build(settings: Settings, shop: Shop, run_date: date, stage: str, full: bool = False) -> str:
    """Run `dbt build` of one stage under the lock and return its summary line.

    The features of a night at or after the last are added to what the shop's warehouse holds, unless it was made by other
    code or its last run did not end well: then, and for an older night, they are built in a new file.

    Args:
        full: build the features in a new file in any case.

    Raises:
        StepError: the lock is held, or a model or test failed (each is named with dbt's message).
    """
    with lock(settings, shop, f"build {stage}"):
        database = path(settings, shop, run_date)
        if stage == "features":
            state = _begin(settings, shop, run_date, database, full)
        else:
            _refuse_another_night(database, run_date)
            state = _state(database) or State(run_date.isoformat(), is_whole=True)
        results = _dbt(settings, shop, run_date, stage, database, state.build_number)
        if stage == "features":
            _write_state(database, replace(state, is_whole=True))
    counts = {status: sum(result.status == status for result in results) for status in ("success", "pass", "warn")}
    seconds = sum(result.execution_time for result in results)
    return (
        f"build {stage} {shop.name} {run_date}: {counts['success']} models, {counts['pass']} tests passed, "
        f"{counts['warn']} warnings, {seconds:.1f} s, {database.stat().st_size / 1e6:.1f} MB"
        + (f", added to {state.build_number} earlier" if stage == "features" and state.build_number else "")
    )


def test(settings: Settings, shop: Shop, run_date: date, stage: str) -> str:
    """Run the unit tests of a stage's models over the tables of a built night, and return the summary line.

    They test code, not data, and take as long as the rest of a small build: so `make test` runs them, and no night does.

    Raises:
        StepError: the lock is held, the night is not built, or a test failed (each is named with dbt's message).
    """
    with lock(settings, shop, f"test {stage}"):
        database = path(settings, shop, run_date)
        _refuse_another_night(database, run_date)
        results = _dbt(settings, shop, run_date, stage, database, command="test")
    return (
        f"test {stage} {shop.name} {run_date}: {len(results)} unit tests passed, {sum(result.execution_time for result in results):.1f} s"
    )


def variables(settings: Settings, shop: Shop, run_date: date) -> dict[str, object]:
    """What the dbt project is told about the shop and the night; its models read nothing else from outside."""
    paths = settings.paths(shop.name)
    rules = shop.recommendations
    return {
        "run_date": run_date.isoformat(),
        "shop": shop.name,
        "timezone": shop.timezone,
        "currency": shop.currency,
        "consent_default": shop.consent_default,
        "lake": str(paths.lake),
        "predictions": str(paths.predictions / f"run_date={run_date.isoformat()}"),
        "min_events": shop.eligibility.min_events,
        "max_events_per_day": shop.eligibility.max_events_per_day,
        "active_within_days": shop.eligibility.active_within_days,
        "k": rules.k,
        "exclude_bought_within_days": rules.exclude_bought_within_days,
        "exclude_in_cart_within_days": rules.exclude_in_cart_within_days,
        "exclude_refunded_within_days": rules.exclude_refunded_within_days,
        "blocked_categories": list(rules.blocked_categories),
        "min_price": rules.min_price,
        "max_per_category": rules.max_per_category,
        "max_per_brand": rules.max_per_brand,
        "new_item_days": rules.new_item_days,
        "new_items_per_list": rules.new_items_per_list,
        "holdout_days": rules.holdout_days,
        "half_life_days": rules.half_life_days,
        "min_stock": rules.min_stock,
        "holdout_share": rules.holdout_share,
        "snapshot_every_days": shop.predictions.snapshot_every_days,
        "snapshot_count": shop.predictions.snapshot_count,
        "horizons_days": list(shop.predictions.horizons_days),
        "closed_weekdays": shop.closed_weekdays,
        "closed_dates": [day.isoformat() for day in shop.closed_dates],
        "sources": json.dumps([_limits(source) for source in shop.sources]),
    } | metrics.variables()


def _limits(source: Source) -> dict[str, object]:
    """After how many open days without a delivery of the source a night warns, and is held."""
    return {"source": source.name, "kind": source.kind, "warned_after": source.warned_after_days, "held_after": source.held_after_days}


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


def _dbt(settings: Settings, shop: Shop, run_date: date, stage: str, database: Path, build_number: int = 0, command: str = "build") -> list:
    # both take seconds to import, and only this function needs them
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    os.environ.update(
        NIGHTCART_WAREHOUSE=str(database),
        NIGHTCART_MEMORY_LIMIT=settings.memory_limit,
        NIGHTCART_THREADS=str(settings.threads),
        DBT_SEND_ANONYMOUS_USAGE_STATS="false",
    )
    target = _target(settings, shop, run_date, stage if command == "build" else f"{stage}_tests")
    built_at = datetime.now(UTC)  # names the build; no table's value is decided by it
    looks_at_all = build_number == 0 or run_date.isoweekday() == 7
    extra = {
        "build_number": build_number,
        "tested_since": (date.min if looks_at_all else run_date - timedelta(days=TESTED_DAYS)).isoformat(),
    }
    if stage == "serving":
        extra["build_id"] = f"{run_date}-{built_at:%Y%m%dT%H%M%S%fZ}"
    outcome = dbtRunner().invoke(
        [
            "--quiet", command, "--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT),
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


def _failure(result: "RunResult", database: Path) -> str:
    """What dbt says of a failed model or test; of a test of data, how to see the rows that it found."""
    said = f"{result.node.unique_id}: {(result.message or '').strip()}"
    if result.status != "fail" or result.node.resource_type != "test":
        return said
    return f"{said}\n    the rows: duckdb -readonly {database} 'from {result.node.schema}.{result.node.alias}'"


def _begin(settings: Settings, shop: Shop, run_date: date, database: Path, full: bool) -> State:
    """Make the database ready for a night: as it is, where tonight can be added to it, else a new file; note that it is not whole.

    A run that is killed half-way leaves tables of two nights, so the next one starts anew: that costs a full build, and
    rarely; a copy of the file to work on would cost every night the time to write the whole history.
    """
    code = _fingerprint(settings, shop, run_date)
    held = _state(database)
    is_added = not full and database == settings.paths(shop.name).warehouse and database.exists()
    is_added = is_added and held is not None and held.is_whole and held.code == code
    state = State(run_date.isoformat(), is_whole=False, code=code, build_number=held.build_number + 1 if is_added else 0)
    database.parent.mkdir(parents=True, exist_ok=True)
    _write_state(database, state)
    if is_added:
        _drop_last_nights_serving(database)
    else:
        for file in (database, database.with_name(database.name + ".wal")):
            file.unlink(missing_ok=True)
    return state


def _drop_last_nights_serving(database: Path) -> None:
    """What is published is of one night: tables of the last one must not be there to be taken for tonight's."""
    models = [file.stem for folder in ("candidates", "serving") for file in (DBT_PROJECT / "models" / folder).glob("*.sql")]
    with duckdb.connect(str(database)) as connection:
        for model in sorted(models):
            connection.execute(f'drop table if exists "{model}"')


def _fingerprint(settings: Settings, shop: Shop, run_date: date) -> str:
    """What decides the tables beside the lake's rows and the night: the dbt project, its variables, the lake's columns, DuckDB."""
    digest = hashlib.sha256(duckdb.__version__.encode())
    folders = ("macros", *(f"models/{part.split('/')[-1]}" for part in STAGES["features"]))
    files = [file for folder in folders for file in (DBT_PROJECT / folder).rglob("*.sql")]
    for file in sorted((*files, DBT_PROJECT / "dbt_project.yml")):
        digest.update(f"{file.relative_to(DBT_PROJECT)}\n{file.read_text()}\n".encode())
    rules = {name: value for name, value in variables(settings, shop, run_date).items() if name not in ("run_date", "predictions")}
    digest.update(json.dumps(rules, sort_keys=True).encode())
    with duckdb.connect() as connection:
        for file in sorted(settings.paths(shop.name).lake.glob("*/*/schema.parquet")):
            columns = connection.execute("describe select * from read_parquet(?)", [str(file)]).fetchall()
            digest.update(repr((file.parent.parent.name, [column[:2] for column in columns])).encode())
    return digest.hexdigest()


def _refuse_another_night(database: Path, run_date: date) -> None:
    """Raise StepError unless the database holds the whole features of this night."""
    build = f"run `python -m warehouse build features --run-date {run_date}` first"
    if not database.exists():
        raise steps.StepError(f"{database} does not exist: {build}")
    held = _state(database) or State(run_date.isoformat(), is_whole=True)
    if held.run_date != run_date.isoformat():
        raise steps.StepError(f"{database} holds the night of {held.run_date}: {build}")
    if not held.is_whole:
        raise steps.StepError(f"the build of {database} did not end well: {build}")


def _target(settings: Settings, shop: Shop, run_date: date, stage: str) -> Path:
    return path(settings, shop, run_date).parent / "dbt_target" / stage


def _state_file(database: Path) -> Path:
    return database.with_suffix(".json")


def _state(database: Path) -> State | None:
    file = _state_file(database)
    return State(**json.loads(file.read_text())) if file.exists() else None


def _write_state(database: Path, state: State) -> None:
    """Note what a database holds; seen whole or not at all."""
    temporary = _state_file(database).with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(state)))
    temporary.replace(_state_file(database))


def main() -> None:
    parser = steps.arguments(__doc__)
    parser.add_argument("command", choices=["build", "test"])
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--full", action="store_true", help="build the features anew, in a new file, and test all of their rows")
    steps.run(parser, _run)


def _run(settings: Settings, shop: Shop, run_date: date, options: Namespace) -> str:
    if options.command == "test":
        return test(settings, shop, run_date, options.stage)
    return build(settings, shop, run_date, options.stage, options.full)


if __name__ == "__main__":
    sys.exit(main())
