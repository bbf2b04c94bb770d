"""Which builds may go: never one that a consumer may still need."""

import os
from datetime import UTC, date, datetime, timedelta

import pytest

from serving_exports.builds import KEEP_BUILDS, Builds

NOW = datetime(2026, 7, 10, 4, 0, tzinfo=UTC)


@pytest.fixture
def builds(tmp_path):
    """Makes builds of the given ages in hours (name: hours)."""

    def make(**ages: float) -> Builds:
        for name, hours in ages.items():
            folder = tmp_path / "builds" / name.replace("_refused", ".refused")
            folder.mkdir(parents=True)
            (folder / "manifest.json").write_text("{}")
            (folder / "manifest.json").chmod(0o440)
            os.utime(folder / "manifest.json", times=((NOW - timedelta(hours=hours)).timestamp(),) * 2)
        return Builds(tmp_path)

    return make


def test_the_last_builds_are_kept_and_older_ones_removed(builds):
    store = builds(a=200, b=150, c=100, d=75, e=60)
    assert store.prune(keep=3, protected=set(), now=NOW) == ["b", "a"]
    assert store.ids() == ["c", "d", "e"]


def test_builds_younger_than_48_hours_stay_however_many_they_are(builds):
    store = builds(a=48.1, b=47.9, c=30, d=20, e=1)
    assert store.prune(keep=1, protected=set(), now=NOW) == ["a"]


def test_the_current_and_the_previous_build_stay_however_old_they_are(builds):
    store = builds(a=900, b=800, c=700, d=600)
    assert store.prune(keep=1, protected={"a", "b", None}, now=NOW) == ["c"]
    assert store.ids() == ["a", "b", "d"]


def test_refused_builds_are_counted_apart_and_go_by_the_same_rule(builds):
    store = builds(a=900, b=800, x_refused=700, y_refused=600)
    assert store.prune(keep=1, protected=set(), now=NOW) == ["a", "x.refused"]


def test_publishing_removes_what_is_too_much_and_says_so(published_shop):
    shop = published_shop
    for day, build_id in enumerate(shop.builds.ids()):
        os.utime(shop.builds.folder(build_id) / "manifest.json", times=(day * 86_400,) * 2)  # long ago
    shop.build_serving(date(2026, 7, 1), build_id="next")
    assert shop.publish(date(2026, 7, 1), keep=2).endswith("now current; 2 old builds removed")
    assert shop.builds.ids() == ["2026-06-30-first", "next"]


def test_five_builds_are_kept_unless_told_otherwise():
    assert KEEP_BUILDS == 5


def test_leftovers_of_a_killed_publish_are_removed_and_whole_builds_are_not(builds, tmp_path):
    store = builds(a=1)
    for leftover in ("b.partial", "c.removed", "b.spill.partial"):
        (tmp_path / "builds" / leftover).mkdir()
        (tmp_path / "builds" / leftover / "file").write_text("")
    (tmp_path / "current.new").symlink_to("builds/b")
    store.remove_leftovers()
    assert [folder.name for folder in (tmp_path / "builds").iterdir()] == ["a"]
    assert not (tmp_path / "current.new").is_symlink()
