"""The only way into the warehouse: runs dbt under the shop's lock, and hands out short read-only readers.

python -m warehouse build features --shop shops/demo.yml --run-date 2026-06-30
python -m warehouse build serving  --shop shops/demo.yml --run-date 2026-06-30
python -m warehouse test features   --shop shops/demo.yml --run-date 2026-06-30     # the unit tests of the models
"""

import fcntl
import json
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

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


@dataclass(frozen=True)
class ServingTable:
    """One published table as dbt's manifest describes it: its name, its key, and the sentence that says what a row is."""

    name: str
    key: tuple[str, ...]
    description: str


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
    state = _state_file(settings.paths(shop.name).warehouse)
    return date.fromisoformat(json.loads(state.read_text())["run_date"]) if state.exists() else None


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


def build(settings: Settings, shop: Shop, run_date: date, stage: str) -> str:
    """Run `dbt build` of one stage under the lock and return its summary line.

    The features stage always starts from a new file, so a warehouse holds one night's tables and nothing older.

    Raises:
        StepError: the lock is held, or a model or test failed (each is named with dbt's message).
    """
    with lock(settings, shop, f"build {stage}"):
        database = path(settings, shop, run_date)
        if stage == "features":
            _start_afresh(database, run_date)
        else:
            _refuse_another_night(database, run_date)
        results = _dbt(settings, shop, run_date, stage, database)
        if stage == "features":
            _write_state(database, run_date, is_whole=True)
    counts = {status: sum(result.status == status for result in results) for status in ("success", "pass", "warn")}
    seconds = sum(result.execution_time for result in results)
    return (
        f"build {stage} {shop.name} {run_date}: {counts['success']} models, {counts['pass']} tests passed, "
        f"{counts['warn']} warnings, {seconds:.1f} s, {database.stat().st_size / 1e6:.1f} MB"
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
        results = _dbt(settings, shop, run_date, stage, database, "test")
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
        "holdout_days": rules.holdout_days,
        "half_life_days": rules.half_life_days,
        "min_stock": rules.min_stock,
        "holdout_share": rules.holdout_share,
        "snapshot_every_days": shop.predictions.snapshot_every_days,
        "snapshot_count": shop.predictions.snapshot_count,
        "closed_weekdays": shop.closed_weekdays,
        "closed_dates": [day.isoformat() for day in shop.closed_dates],
        "sources": json.dumps([_limits(source) for source in shop.sources]),
    }


def _limits(source: Source) -> dict[str, object]:
    """After how many open days without a delivery of the source a night warns, and is held."""
    return {"source": source.name, "kind": source.kind, "warned_after": source.warned_after_days, "held_after": source.held_after_days}


def _dbt(settings: Settings, shop: Shop, run_date: date, stage: str, database: Path, command: str = "build") -> list:
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
    extra = {"build_id": f"{run_date}-{built_at:%Y%m%dT%H%M%S%fZ}"} if stage == "serving" else {}
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


def _start_afresh(database: Path, run_date: date) -> None:
    database.parent.mkdir(parents=True, exist_ok=True)
    _write_state(database, run_date, is_whole=False)
    for file in (database, database.with_name(database.name + ".wal")):
        file.unlink(missing_ok=True)


def _refuse_another_night(database: Path, run_date: date) -> None:
    """Raise StepError unless the database holds the whole features of this night."""
    build = f"run `python -m warehouse build features --run-date {run_date}` first"
    if not database.exists():
        raise steps.StepError(f"{database} does not exist: {build}")
    state = _state_file(database)
    held = json.loads(state.read_text()) if state.exists() else {"run_date": run_date.isoformat(), "is_whole": True}
    if held["run_date"] != run_date.isoformat():
        raise steps.StepError(f"{database} holds the night of {held['run_date']}: {build}")
    if not held["is_whole"]:
        raise steps.StepError(f"the build of {database} did not end well: {build}")


def _target(settings: Settings, shop: Shop, run_date: date, stage: str) -> Path:
    return path(settings, shop, run_date).parent / "dbt_target" / stage


def _state_file(database: Path) -> Path:
    return database.with_suffix(".json")


def _write_state(database: Path, run_date: date, is_whole: bool) -> None:
    """Note which night a database holds, and whether its features stage ended well; seen whole or not at all."""
    temporary = _state_file(database).with_suffix(".tmp")
    temporary.write_text(json.dumps({"run_date": run_date.isoformat(), "is_whole": is_whole}))
    temporary.replace(_state_file(database))


def main() -> None:
    parser = steps.arguments(__doc__)
    commands = {"build": build, "test": test}
    parser.add_argument("command", choices=commands)
    parser.add_argument("stage", choices=STAGES)
    steps.run(parser, lambda settings, shop, run_date, options: commands[options.command](settings, shop, run_date, options.stage))


if __name__ == "__main__":
    sys.exit(main())
