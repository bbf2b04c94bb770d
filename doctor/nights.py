"""Each shop: its file, who writes to it, what was set aside as broken, what waits for MLflow, and its last night."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psutil

import shop as shops
from doctor.finding import Finding
from services import environment
from settings import Settings

LONGEST_STEP = timedelta(hours=12)  # Airflow ends a fit after eight
WAITING = """
    select experiments.name, count(distinct runs.run_uuid), max(tags.value)
    from experiments
    inner join runs using (experiment_id)
    left join tags on tags.run_uuid = runs.run_uuid and tags.key = 'run_date'
    where experiments.lifecycle_stage = 'active'
    group by experiments.name
"""
HOLDER = re.compile(r"process (\d+), since (\S+ \S+) UTC")  # as warehouse/locking.py writes it


def examine(settings: Settings, now: datetime) -> Iterator[Finding]:
    for file in sorted([*settings.shops.glob("*.yml"), *settings.shops.glob("*.yaml")]):
        try:
            shop = shops.read(file)
        except shops.ShopFileError as error:
            yield Finding(file.name, False, str(error), f"mend {file}")
        else:
            yield _lock(settings, shop, now)
            yield from _set_aside(settings, shop)
            yield from waiting(settings, shop, file)
            yield _last_night(settings, shop, file, now)
            yield from _due(settings, shop, file, now)


def _lock(settings: Settings, shop: shops.Shop, now: datetime) -> Finding:
    """Reads who wrote the lock last instead of trying the lock: a writer that came at that moment would be turned away."""
    file, topic = settings.paths(shop.name).lock, f"{shop.name}: lock"
    text = file.read_text().strip() if file.exists() else ""
    holder = HOLDER.search(text)
    since = datetime.fromisoformat(f"{holder[2]}+00:00") if holder else now
    if holder is None or not _is_alive(int(holder[1]), since):
        return Finding(topic, True, "free")
    hangs = f"kill {holder[1]}: no step takes longer than {LONGEST_STEP.total_seconds() / 3600:.0f} hours"
    return Finding(topic, now - since < LONGEST_STEP, f"held by {text}", hangs)


def _is_alive(pid: int, since: datetime) -> bool:
    """Whether the process that wrote the lock runs; one that started later has only got its number."""
    try:
        return datetime.fromtimestamp(psutil.Process(pid).create_time(), UTC) < since + timedelta(seconds=2)
    except psutil.NoSuchProcess:
        return False


def _set_aside(settings: Settings, shop: shops.Shop) -> Iterator[Finding]:
    found = sorted(settings.paths(shop.name).root.rglob("*.corrupt-*"))
    if found:
        names, spared = ", ".join(map(str, found)), "look at the disk (dmesg, smartctl); when nothing of them is wanted any more"
        yield Finding(f"{shop.name}: set aside", False, f"{len(found)} broken files: {names}", f"{spared}: rm -r {names.replace(',', '')}")


def waiting(settings: Settings, shop: shops.Shop, file: Path) -> Iterator[Finding]:
    """What was measured while MLflow was away; deciding the last of those nights again hands it over."""
    spool = settings.mlflow_spool / "mlflow.db"
    if not spool.exists():
        return
    topic = f"{shop.name}: waits for MLflow"
    try:
        # not read-only, which cannot roll back what a killed step left half written, and would tell it from no damage
        with closing(sqlite3.connect(f"file:{spool}?mode=rw", uri=True)) as connection:
            found = connection.execute(WAITING).fetchall()
    except sqlite3.DatabaseError as error:
        yield Finding(topic, False, f"{spool} cannot be read: {error}", f"let no night run; if it stays so, rm -r {settings.mlflow_spool}")
        return
    waiting = {name.removeprefix(f"{shop.name}."): (count, night) for name, count, night in found if name.startswith(f"{shop.name}.")}
    if waiting:
        runs, nights = sum(count for count, _ in waiting.values()), [night for _, night in waiting.values() if night]
        day = f" --run-date {max(nights)}" if nights else ""
        mend = f"when MLflow answers: python -m training.promote {' '.join(sorted(waiting))} --shop {file}{day}"
        yield Finding(topic, False, f"{runs} runs of {', '.join(sorted(waiting))} in {settings.mlflow_spool}", mend)


def _last_night(settings: Settings, shop: shops.Shop, file: Path, now: datetime) -> Finding:
    topic, mend = f"{shop.name}: last night", f"make nightly SHOP={file}"
    published = _published(settings, shop)
    try:
        newest = shop.newest_delivery_date(settings)
    except shops.ShopFileError:
        return Finding(topic, True, f"{published or 'none'}; no files in {shop.landing_folder(settings)}")
    if published is None:
        return Finding(topic, True, f"none yet, files up to {newest} are there: {mend}")
    age = (now.astimezone(shop.zone).date() - published).days
    return Finding(topic, published >= newest, f"{published}, {age} days ago, files up to {newest}", mend)


def _due(settings: Settings, shop: shops.Shop, file: Path, now: datetime) -> Iterator[Finding]:
    """The night that should have been published by now, where the shop file names an hour."""
    due = shop.night_due(now)
    if due is not None:
        published = _published(settings, shop)
        is_there = published is not None and published >= due
        found = f"the night {due} was due; published is {published or 'none'}"
        mend = f"look at nightly_{shop.name} in {environment.airflow_url()} (make up), or make nightly SHOP={file} RUN_DATE={due}"
        yield Finding(f"{shop.name}: by {shop.publish_by}", is_there, found, mend)


def _published(settings: Settings, shop: shops.Shop) -> date | None:
    manifest = settings.paths(shop.name).serving / "current" / "manifest.json"
    return date.fromisoformat(json.loads(manifest.read_text())["run_date"]) if manifest.exists() else None
