"""Killed with -9 before, at and after the flip: the old build is served byte for byte, and the next publish finishes the work.

The other points, and random moments, are broken in `tests/faults/`.
"""

import os
import signal
from datetime import date

import pytest

from faults import fault_point
from serving_exports import flips

NIGHT = date(2026, 6, 30)
NEXT_NIGHT = date(2026, 7, 1)
AFTER_THE_FLIP = {"flip.moved", "prune.renamed"}


@pytest.fixture
def shop_before_a_night(published_shop):
    """A shop with three published nights, the oldest ready to be removed, and a fourth night in the warehouse."""
    os.utime(published_shop.builds.folder("2026-06-28-first") / "manifest.json", (0, 0))
    published_shop.build_serving(NEXT_NIGHT)
    return published_shop


@pytest.mark.parametrize("point", ["publish.renamed", "flip.moved", pytest.param("prune.renamed", marks=pytest.mark.faults)])
def test_a_killed_publish_leaves_the_old_build_and_the_next_one_finishes(shop_before_a_night, snapshot, point):
    shop = shop_before_a_night
    old = snapshot(shop.builds.folder(f"{NIGHT}-first"))

    killed = shop.run("publish", "--run-date", str(NEXT_NIGHT), "--keep", "1", fault=f"kill:{point}")

    assert killed.returncode == -signal.SIGKILL
    assert shop.builds.current() == f"{NEXT_NIGHT if point in AFTER_THE_FLIP else NIGHT}-first"
    assert snapshot(shop.builds.folder(f"{NIGHT}-first")) == old
    shop.publish(NEXT_NIGHT, keep=1)
    assert_the_night_is_whole(shop)


def test_a_killed_publish_of_the_first_night_leaves_nothing_published(filled_shop):
    filled_shop.run("publish", "--run-date", str(NIGHT), fault="kill:publish.renamed")
    assert filled_shop.builds.current() is None
    assert "nothing new to write" in filled_shop.publish()
    assert filled_shop.builds.current() == f"{NIGHT}-first"


def test_a_fault_point_does_nothing_unless_it_is_asked_for(monkeypatch):
    monkeypatch.delenv("NIGHTCART_FAULT", raising=False)
    fault_point("publish.begun")
    monkeypatch.setenv("NIGHTCART_FAULT", "kill:another.point")
    fault_point("publish.begun")


def test_a_fault_that_there_is_not_is_refused(monkeypatch):
    monkeypatch.setenv("NIGHTCART_FAULT", "explode:publish.begun")
    with pytest.raises(ValueError, match="kill, enospc or hang"):
        fault_point("publish.begun")


def assert_the_night_is_whole(shop) -> None:
    """As if no publish had ever been killed: what is current, what is left, what is written down, and every table."""
    assert shop.builds.current() == f"{NEXT_NIGHT}-first"
    folders = sorted(folder.name for folder in (shop.builds.root / "builds").iterdir())
    assert folders == ["2026-06-29-first", "2026-06-30-first", "2026-07-01-first"]  # young ones stay
    assert sorted(path.name for path in shop.builds.root.iterdir()) == ["builds", "current", "flips.jsonl"]
    assert [(entry["from"], entry["to"]) for entry in flips.log(shop.builds)][-1] == (f"{NIGHT}-first", f"{NEXT_NIGHT}-first")
    with shop.current() as connection:
        assert connection.execute("select distinct run_date from user_recommendations").fetchall() == [(NEXT_NIGHT,)]
        assert connection.execute("select count(*) from user_recommendations").fetchone() == (290,)
