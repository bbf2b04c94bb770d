"""Builds and tests one stage of a night under the shop's lock: added to what the warehouse holds, or in a new file."""

import logging
from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

import disk_space
import steps
from faults import fault_point
from settings import Settings
from shop import Shop
from warehouse import damage
from warehouse import state as states
from warehouse.dbt_calls import DBT_PROJECT, run_dbt
from warehouse.encryption import attach
from warehouse.fingerprint import fingerprint
from warehouse.locking import lock
from warehouse.state import State, path

log = logging.getLogger("warehouse")

# how much of the disk a build takes, as shares of what is there
FULL = 9  # times the lake: 8.3 for a demo of a third of the people, 7.1 for the demo, 5.4 for Online Retail
SPILLED = 40  # times what the lake has beyond a fortieth of the memory limit: 1.01 GB at 4 GB spilled 25 GB at once (benchmarks.growth)
ADDED = 0.7  # of the warehouse: 0.53 for that demo's second night; what is built anew lies beside its older self for a while
SERVING = 0.2  # of the warehouse: 0.08 for the demo


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
        if database != settings.paths(shop.name).warehouse:
            states.remove_older_nights(settings, shop, database)
        disk_space.require(f"build {stage}", settings.paths(shop.name).root, _estimate(settings, shop, run_date, stage, database, full))
        try:
            state, results = _build_stage(settings, shop, run_date, stage, database, full)
        except steps.StepError as error:
            if not damage.is_damage(error) or not database.exists():
                raise
            if stage != "features":
                states.write(database, State(run_date.isoformat(), is_whole=False, is_sound=False))
                raise steps.StepError(
                    f"{error}\nrun `python -m warehouse build features --run-date {run_date}`: it makes a new one"
                ) from error
            log.warning("%s\n%s is set aside as %s, and built anew from the lake", error, database, damage.set_aside(database).name)
            state, results = _build_stage(settings, shop, run_date, stage, database, full=True)
    counts = {status: sum(result.status == status for result in results) for status in ("success", "pass", "warn")}
    seconds = sum(result.execution_time for result in results)
    return (
        f"build {stage} {shop.name} {run_date}: {counts['success']} models, {counts['pass']} tests passed, "
        f"{counts['warn']} warnings, {seconds:.1f} s, {database.stat().st_size / 1e6:.1f} MB"
        + (f", added to {state.build_number} earlier" if stage == "features" and state.build_number else "")
    )


def _build_stage(settings: Settings, shop: Shop, run_date: date, stage: str, database: Path, full: bool) -> tuple[State, list]:
    if stage == "features":
        state = begin(settings, shop, run_date, database, full)
    else:
        states.refuse_another_night(database, run_date)
        state = states.read(database) or State(run_date.isoformat(), is_whole=True)
        damage.remove_wals(database)
        _drop_serving(settings, database)
    fault_point(f"build_{stage}.begun")
    results = run_dbt(settings, shop, run_date, stage, database, state.build_number, added_to=state.added_to)
    if damage.wals(database):
        raise steps.StepError(f"what dbt built did not all get into {database}: its log is left beside it. Mostly the disk is full")
    fault_point(f"build_{stage}.built")
    if stage == "features":
        states.write(database, replace(state, is_whole=True))
        fault_point("build_features.noted")
    return state, results


def test(settings: Settings, shop: Shop, run_date: date, stage: str) -> str:
    """Run the unit tests of a stage's models over the tables of a built night, and return the summary line.

    They test code, not data, and take as long as the rest of a small build: so `make test` runs them, and no night does.

    Raises:
        StepError: the lock is held, the night is not built, or a test failed (each is named with dbt's message).
    """
    with lock(settings, shop, f"test {stage}"):
        database = path(settings, shop, run_date)
        states.refuse_another_night(database, run_date)
        damage.remove_wals(database)
        results = run_dbt(settings, shop, run_date, stage, database, command="test")
    return (
        f"test {stage} {shop.name} {run_date}: {len(results)} unit tests passed, {sum(result.execution_time for result in results):.1f} s"
    )


def begin(settings: Settings, shop: Shop, run_date: date, database: Path, full: bool) -> State:
    """Make the database ready for a night: as it is, where tonight can be added to it, else a new file; note that it is not whole.

    A run that is killed half-way leaves tables of two nights, so the next one starts anew: that costs a full build, and
    rarely; a copy of the file to work on would cost every night the time to write the whole history.
    """
    code = fingerprint(settings, shop, run_date)
    held = states.read(database)
    is_added = not full and database == settings.paths(shop.name).warehouse and database.exists()
    is_added = is_added and held is not None and held.is_whole and held.code == code
    added = {"build_number": held.build_number + 1, "added_to": held.run_date} if is_added else {}
    state = State(run_date.isoformat(), is_whole=False, code=code, **added)
    database.parent.mkdir(parents=True, exist_ok=True)
    states.write(database, state)
    if held is not None and not held.is_sound and database.exists():
        log.warning("%s is damaged, or what was noted of it is; it is set aside as %s", database, damage.set_aside(database).name)
    damage.remove_wals(database)
    if is_added:
        _drop_serving(settings, database)
    else:
        database.unlink(missing_ok=True)
    return state


def _drop_serving(settings: Settings, database: Path) -> None:
    """What is published is of one night and one run: tables of the last one must not be there to be taken for tonight's."""
    models = [file.stem for folder in ("candidates", "serving") for file in (DBT_PROJECT / "models" / folder).glob("*.sql")]
    config = {"memory_limit": settings.duckdb_memory, "threads": settings.threads}
    with damage.told(database), duckdb.connect(config=config) as connection:
        attach(connection, settings, database, "warehouse")
        for model in sorted(models):
            connection.execute(f'drop table if exists warehouse."{model}"')
        connection.execute("detach warehouse")  # with nothing left in a .wal


def _estimate(settings: Settings, shop: Shop, run_date: date, stage: str, database: Path, full: bool) -> float:
    """How many bytes a build will write, by what builds of demo, Online Retail and a generated shop of 20 million events wrote."""
    held = disk_space.size(database)
    if stage == "serving":
        return SERVING * held
    state = states.read(database)
    if held and not full and state and state.is_whole and database == settings.paths(shop.name).warehouse:
        return ADDED * held
    lake = disk_space.size(settings.paths(shop.name).lake)
    return max(0, FULL * lake - held) + SPILLED * max(0, lake - settings.memory_bytes / 40)  # the file that is there goes first
