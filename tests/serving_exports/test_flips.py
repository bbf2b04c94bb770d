"""Flips, roll-backs, and readers that look on meanwhile."""

import json
import subprocess
import sys
import time
from datetime import date

import pytest

import steps
from serving_exports import flips
from serving_exports.rollback import rollback

NIGHTS = [date(2026, 6, 28), date(2026, 6, 29), date(2026, 6, 30)]

# A consumer in a process of its own: joins two tables and run_manifest until it is told to stop, and counts what it saw.
READER = """
import json, sys, duckdb
answers, torn, nights = 0, 0, set()
print("ready", flush=True)
while not __import__("select").select([sys.stdin], [], [], 0)[0]:
    with duckdb.connect(sys.argv[1], read_only=True) as connection:
        rows = connection.execute('''
            select distinct recommendations.run_date, segments.run_date, manifest.run_date, manifest.build_id
            from user_recommendations as recommendations
            inner join user_segments as segments using (user_key)
            cross join run_manifest as manifest
        ''').fetchall()
    answers += 1
    torn += len(rows) != 1 or len(set(rows[0][:3])) != 1 or not rows[0][3].startswith(str(rows[0][0]))
    nights.update(str(row[0]) for row in rows)
print(json.dumps({"answers": answers, "torn": torn, "nights": sorted(nights)}))
"""


def test_a_reader_sees_no_error_and_never_two_nights_during_50_flips(published_shop):
    shop = published_shop
    database = str(shop.builds.link / "shop.duckdb")
    reader = subprocess.Popen([sys.executable, "-c", READER, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert reader.stdout.readline() == "ready\n"

    for count in range(45):
        rollback(shop.settings, shop.shop, to=f"{NIGHTS[count % 3]}-first")
        time.sleep(0.01)
    for count in range(5):  # the last ones with all that a publish does, old builds removed under the reader too
        night = date(2026, 7, 1 + count)
        shop.build_serving(night, build_id=f"{night}")
        shop.publish(night, keep=1)

    told, _ = reader.communicate("stop\n", timeout=30)
    seen = json.loads(told)
    assert reader.returncode == 0
    assert seen["torn"] == 0
    assert seen["answers"] >= 50
    assert {str(night) for night in NIGHTS} <= set(seen["nights"])
    assert len(flips.log(shop.builds)) == 53


def test_a_reader_of_the_old_build_finishes_undisturbed(published_shop):
    with published_shop.current() as connection:
        rollback(published_shop.settings, published_shop.shop)
        assert connection.execute("select run_date from run_manifest").fetchone() == (NIGHTS[2],)
    with published_shop.current() as connection:
        assert connection.execute("select run_date from run_manifest").fetchone() == (NIGHTS[1],)


def test_rollback_goes_to_the_build_that_was_current_before_and_then_further_back(published_shop):
    shop = published_shop
    assert rollback(shop.settings, shop.shop) == "rollback corner: from 2026-06-30-first to 2026-06-29-first (night 2026-06-29)"
    assert rollback(shop.settings, shop.shop) == "rollback corner: from 2026-06-29-first to 2026-06-28-first (night 2026-06-28)"
    with pytest.raises(
        steps.StepError,
        match="no build was current before 2026-06-28-first; name one with --to: 2026-06-28-first, 2026-06-29-first, 2026-06-30-first",
    ):
        rollback(shop.settings, shop.shop)


def test_rollback_does_not_go_back_to_a_build_that_was_itself_left(published_shop):
    shop = published_shop
    rollback(shop.settings, shop.shop)  # away from 06-30
    shop.build_serving(date(2026, 7, 1), build_id="mended")
    shop.publish(date(2026, 7, 1))
    assert "from mended to 2026-06-29-first" in rollback(shop.settings, shop.shop)


def test_a_backfilled_night_in_between_is_not_what_rollback_goes_to(published_shop):
    shop = published_shop
    shop.build_serving(date(2026, 6, 1), build_id="backfill")
    shop.publish(date(2026, 6, 1))
    assert "to 2026-06-29-first" in rollback(shop.settings, shop.shop)


def test_rollback_to_a_named_build_takes_under_a_second_and_is_logged_with_its_reason(published_shop):
    shop = published_shop
    began = time.monotonic()
    rollback(shop.settings, shop.shop, to="2026-06-28-first", why="prices of 30 June were wrong")
    assert time.monotonic() - began < 1
    entry = flips.log(shop.builds)[-1]
    assert (entry["from"], entry["to"], entry["why"]) == ("2026-06-30-first", "2026-06-28-first", "prices of 30 June were wrong")
    assert entry["at"].endswith("+00:00")


def test_rollback_to_an_unknown_build_names_those_there_are(published_shop):
    done = published_shop.run("rollback", "--to", "2026-01-01")
    assert done.returncode == 1
    assert "there is no build 2026-01-01; there are: 2026-06-28-first, 2026-06-29-first, 2026-06-30-first" in done.stderr
    assert published_shop.builds.current() == "2026-06-30-first"


@pytest.mark.parametrize("name", ["2026-06-29.refused", "../../../etc", "", "a/b", "2026-06-29.partial"])
def test_rollback_takes_only_names_of_builds(published_shop, name):
    if name:
        with pytest.raises(steps.StepError, match="is no build id"):
            rollback(published_shop.settings, published_shop.shop, to=name)
    with pytest.raises(steps.StepError, match="is no build id"):
        published_shop.builds.folder(name)


def test_rollback_to_the_current_build_does_nothing_and_says_so(published_shop):
    flips_before = flips.log(published_shop.builds)
    assert rollback(published_shop.settings, published_shop.shop, to="2026-06-30-first").endswith("is current already")
    assert flips.log(published_shop.builds) == flips_before


def test_rollback_before_anything_is_published_is_a_clear_error(empty_shop):
    with pytest.raises(steps.StepError, match="no build was current before None; name one with --to: there is none"):
        rollback(empty_shop.settings, empty_shop.shop)


def test_the_log_is_completed_when_a_flip_was_cut_short_before_it_was_written_down(published_shop):
    shop = published_shop
    log = shop.builds.root / "flips.jsonl"
    log.write_text("".join(log.read_text().splitlines(keepends=True)[:-1]))
    flips.complete_log(shop.builds)
    entry = flips.log(shop.builds)[-1]
    assert (entry["from"], entry["to"], entry["why"]) == ("2026-06-29-first", "2026-06-30-first", "cut short before it was written down")
