"""Builds and tests one stage of a night under the shop's lock: added to what the warehouse holds, or in a new file."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import duckdb

from faults import fault_point
from settings import Settings
from shop import Shop
from warehouse import state as states
from warehouse.dbt_calls import DBT_PROJECT, run_dbt
from warehouse.encryption import attach
from warehouse.fingerprint import fingerprint
from warehouse.locking import lock
from warehouse.state import State, path


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
            state = begin(settings, shop, run_date, database, full)
        else:
            states.refuse_another_night(database, run_date)
            state = states.read(database) or State(run_date.isoformat(), is_whole=True)
        fault_point(f"build_{stage}.begun")
        results = run_dbt(settings, shop, run_date, stage, database, state.build_number)
        fault_point(f"build_{stage}.built")
        if stage == "features":
            states.write(database, replace(state, is_whole=True))
            fault_point("build_features.noted")
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
        states.refuse_another_night(database, run_date)
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
    state = State(run_date.isoformat(), is_whole=False, code=code, build_number=held.build_number + 1 if is_added else 0)
    database.parent.mkdir(parents=True, exist_ok=True)
    states.write(database, state)
    if is_added:
        _drop_last_nights_serving(settings, database)
    else:
        for file in (database, database.with_name(database.name + ".wal")):
            file.unlink(missing_ok=True)
    return state


def _drop_last_nights_serving(settings: Settings, database: Path) -> None:
    """What is published is of one night: tables of the last one must not be there to be taken for tonight's."""
    models = [file.stem for folder in ("candidates", "serving") for file in (DBT_PROJECT / "models" / folder).glob("*.sql")]
    with duckdb.connect() as connection:
        attach(connection, settings, database, "warehouse")
        for model in sorted(models):
            connection.execute(f'drop table if exists warehouse."{model}"')
        connection.execute("detach warehouse")  # with nothing left in a .wal
