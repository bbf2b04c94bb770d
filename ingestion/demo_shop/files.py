"""The files of a demo shop: made in folders of their own, then moved into place whole."""

import json
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import steps
from ingestion.demo_shop import tables
from ingestion.demo_shop.clicks import ORDERED
from ingestion.demo_shop.config import DemoShop
from ingestion.demo_shop.dirt import Delivered, delivered
from ingestion.demo_shop.records import Names, Records
from ingestion.demo_shop.story import told

MADE = "made.json"  # in truth/: the configuration, and the files made of it
PRIVATE = 0o700  # raw ids are in landing and truth


@dataclass(frozen=True)
class Summary:
    """What a demo shop holds; `was_made` is False where the files were there already."""

    users: int
    items: int
    events: int
    orders: int
    dirty: int
    files: int
    was_made: bool = True

    def __str__(self) -> str:
        start = "made" if self.was_made else "already there, nothing to do:"
        return (
            f"demo shop {start} {self.files} files, {self.users} users, {self.items} items, {self.events} event records, "
            f"{self.orders} orders, {self.dirty} dirty records"
        )


def make(landing: Path, truth: Path, config: DemoShop | None = None) -> Summary:
    """Write a demo shop's files to `landing` and the truth about it to `truth`; do nothing where the same shop is there.

    Raises:
        StepError: `landing` holds other files; nothing is written.
    """
    config, landing = config or DemoShop(), landing.resolve()
    there = _already_there(landing, truth, config)
    if there is not None:
        return there
    new_landing, new_truth = _fresh(landing), _fresh(truth)
    summary = _write(new_landing, new_truth, config)
    shutil.rmtree(truth, ignore_errors=True)  # of an older shop, whose landing is gone
    new_truth.rename(truth)
    new_landing.rename(landing)
    return summary


def _already_there(landing: Path, truth: Path, config: DemoShop) -> Summary | None:
    if not landing.exists() or not any(landing.iterdir()):
        return None
    note = json.loads((truth / MADE).read_text()) if (truth / MADE).exists() else {}
    if note.get("config") != _as_json(config):
        raise steps.StepError(f"{landing} holds other files; move them away, with the lake made from them, to make a demo shop there")
    return Summary(**note["summary"] | {"files": _count(landing), "was_made": False})


def _count(landing: Path) -> int:
    return sum(path.is_file() for path in landing.rglob("*"))


def _as_json(config: DemoShop) -> dict:
    return json.loads(json.dumps(asdict(config), default=str))


def _fresh(folder: Path) -> Path:
    """An empty folder beside `folder`; what a killed run left there is removed."""
    new = folder.with_name(f".{folder.name}-in-the-making")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True, mode=PRIVATE)
    return new


def _write(landing: Path, truth: Path, config: DemoShop) -> Summary:
    story = told(config)
    names = Names(config, story.people)
    lines = delivered(story, Records(story, names))
    _write_events(landing / "events", config, lines)
    tables.write_catalogue(landing / "catalogue", story)
    tables.write_users(landing / "users", story, names)
    tables.write_truth(truth, story, names, lines)
    summary = Summary(
        users=config.users,
        items=config.items,
        events=len(lines.text),
        orders=int((story.clicks.kind == ORDERED).sum()),
        dirty=len(lines.kind) - lines.kind.count(""),
        files=_count(landing),
    )
    (truth / MADE).write_text(json.dumps({"config": _as_json(config), "summary": asdict(summary)}, indent=2))
    return summary


def _write_events(folder: Path, config: DemoShop, lines: Delivered) -> None:
    folder.mkdir()
    bounds = np.searchsorted(lines.day, np.arange(config.days + 1))
    for day in range(config.days):
        text = "".join(f"{line}\n" for line in lines.text[bounds[day] : bounds[day + 1]])
        (folder / f"{config.date_of(day)}.jsonl").write_text(text, encoding="utf-8")
