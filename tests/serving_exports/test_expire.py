"""Builds that must not be kept are deleted by name, but never the one that is served."""

import signal
from datetime import date

import pytest

from serving_exports.expire import expire
from steps import StepError


def test_the_named_builds_go_however_young_they_are(published_shop):
    shop = published_shop
    current, *others = reversed(shop.builds.ids())
    (shop.builds.folder("x").with_suffix(".refused")).mkdir()
    (shop.builds.folder("y").with_suffix(".partial")).mkdir()
    summary = expire(shop.settings, shop.shop, [*others, "x.refused", "y.partial", "gone"])
    assert shop.builds.ids() == [current]
    assert sorted(path.name for path in (shop.builds.root / "builds").iterdir()) == [current]
    assert all(name in summary for name in [*others, "x.refused"])


def test_the_current_build_stays_and_with_it_all_others(published_shop):
    shop = published_shop
    before = shop.builds.ids()
    with pytest.raises(StepError, match=f"build {shop.builds.current()} is current"):
        expire(shop.settings, shop.shop, before)
    assert shop.builds.ids() == before


def test_what_a_killed_deletion_left_is_deleted_by_the_next(published_shop):
    shop = published_shop
    shop.build_serving(date(2026, 7, 1), build_id="next")
    shop.publish(date(2026, 7, 1))
    killed = shop.run("expire", "2026-06-30-first", fault="kill:prune.renamed")
    assert killed.returncode == -signal.SIGKILL
    again = shop.run("expire", "2026-06-30-first")
    assert again.stdout.strip().endswith("deleted nothing, they were gone"), again.stderr
    assert not any(path.name.startswith("2026-06-30-first") for path in (shop.builds.root / "builds").iterdir())
