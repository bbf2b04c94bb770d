"""What a database of the warehouse holds, as the file beside it says, and which database is a night's."""

import json
import re
import shutil
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import steps
from settings import Settings, sync
from shop import Shop
from warehouse.damage import spill

KEPT_NIGHTS = 3  # databases of older nights: each is as large as the warehouse, and nobody needs it once the night is published


@dataclass(frozen=True)
class State:
    """What a database holds, as the file beside it says.

    Args:
        run_date: the night.
        is_whole: its features stage ended well.
        code: fingerprint of what its tables were made with.
        build_number: how many nights have added to it since it was built in full.
        added_to: the night that the last of them was added to; empty where it was built in full.
        is_sound: no damage of its file has been met; one that is damaged is set aside by the next build of the features.
    """

    run_date: str
    is_whole: bool
    code: str = ""
    build_number: int = 0
    added_to: str = ""
    is_sound: bool = True


def path(settings: Settings, shop: Shop, run_date: date) -> Path:
    """The database of a night: the shop's warehouse, or one of its own for a night before the warehouse's watermark."""
    paths = settings.paths(shop.name)
    newest = watermark(settings, shop)
    if newest is not None and run_date < newest:
        return paths.nights / run_date.isoformat() / "warehouse.duckdb"
    return paths.warehouse


def watermark(settings: Settings, shop: Shop) -> date | None:
    """The newest night that the shop's warehouse was built for, or was being built for when it was interrupted."""
    state = read(settings.paths(shop.name).warehouse)
    return date.fromisoformat(state.run_date) if state else None


def remove(settings: Settings, shop: Shop) -> None:
    """Remove every night's database of a shop, those set aside too, to be built anew; the caller holds the lock."""
    paths = settings.paths(shop.name)
    shutil.rmtree(spill(paths.warehouse), ignore_errors=True)
    for file in (_file(paths.warehouse), *paths.root.glob(f"{paths.warehouse.name}*")):
        file.unlink(missing_ok=True)
    if paths.nights.exists():
        shutil.rmtree(paths.nights)


def remove_older_nights(settings: Settings, shop: Shop, database: Path) -> None:
    """Make room for the database of an older night: of the others those stay that were begun last; the caller holds the lock."""
    nights = [night for night in settings.paths(shop.name).nights.glob("*") if night != database.parent]
    for night in sorted(nights, key=lambda night: night.stat().st_mtime)[: -(KEPT_NIGHTS - 1)]:
        shutil.rmtree(night)


def refuse_another_night(database: Path, run_date: date) -> None:
    """Raise StepError unless the database holds the whole features of this night."""
    build = f"run `python -m warehouse build features --run-date {run_date}` first"
    if not database.exists():
        raise steps.StepError(f"{database} does not exist: {build}")
    held = read(database) or State(run_date.isoformat(), is_whole=True)
    if held.run_date != run_date.isoformat():
        raise steps.StepError(f"{database} holds the night of {held.run_date}: {build}")
    if not held.is_whole:
        raise steps.StepError(f"the build of {database} did not end well: {build}")


def _file(database: Path) -> Path:
    return database.with_suffix(".json")


def read(database: Path) -> State | None:
    """What a database holds; None where nothing is noted of it. Of a note that is torn, what can still be read is the night."""
    file = _file(database)
    if not file.exists():
        return None
    text = file.read_text(errors="replace")
    try:
        return State(**json.loads(text))
    except (ValueError, TypeError):
        night = re.search(r'"run_date": "(\d{4}-\d{2}-\d{2})"', text)
        return State(night[1] if night else date.min.isoformat(), is_whole=False, is_sound=False)


def write(database: Path, state: State) -> None:
    """Note what a database holds; seen whole or not at all."""
    temporary = _file(database).with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(state)))
    sync(temporary)
    temporary.replace(_file(database))
    sync(database.parent)
