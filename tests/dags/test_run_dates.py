"""Which night a run is of: two clocks, and zones in which it is another day."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

import shop as shops
from dags.run_dates import run_date
from settings import PROJECT_ROOT


def shop_in(zone: str) -> shops.Shop:
    return shops.read(PROJECT_ROOT / "shops" / "demo.yml").model_copy(update={"timezone": zone})


def context(logical: datetime | None, due: datetime, asked: str | None = None) -> dict:
    return {"params": {"run_date": asked}, "dag_run": SimpleNamespace(logical_date=logical, run_after=due)}


@pytest.mark.parametrize(
    ("zone", "due_utc", "night"),
    [
        ("Europe/Berlin", "2026-07-01T00:00", "2026-06-30"),  # 02:00 in Berlin
        ("Europe/Berlin", "2026-06-30T22:30", "2026-06-30"),  # 00:30 on 1 July in Berlin, still June in UTC
        ("America/New_York", "2026-07-01T02:00", "2026-06-29"),  # 22:00 on 30 June: that day is not over
        ("America/New_York", "2026-07-01T06:00", "2026-06-30"),  # 02:00
        ("Pacific/Auckland", "2026-06-30T14:00", "2026-06-30"),  # 02:00 on 1 July
        ("Europe/Berlin", "2026-03-29T01:30", "2026-03-28"),  # the hour that summer time skips
    ],
)
def test_the_night_is_the_last_day_that_was_over_in_the_shops_zone(zone: str, due_utc: str, night: str) -> None:
    due = datetime.fromisoformat(due_utc).replace(tzinfo=UTC)
    assert run_date(shop_in(zone), context(due, due)) == night


def test_a_run_started_by_hand_has_no_logical_date() -> None:
    assert run_date(shop_in("Europe/Berlin"), context(None, datetime(2026, 7, 1, 9, tzinfo=UTC))) == "2026-06-30"


def test_a_backfilled_run_is_of_its_own_day_not_of_the_day_it_runs() -> None:
    logical, due = datetime(2026, 5, 2, 2, tzinfo=UTC), datetime(2026, 7, 1, 9, tzinfo=UTC)
    assert run_date(shop_in("Europe/Berlin"), context(logical, due)) == "2026-05-01"


def test_the_night_that_was_asked_for_wins() -> None:
    due = datetime(2026, 7, 1, 2, tzinfo=UTC)
    assert run_date(shop_in("Europe/Berlin"), context(due, due, "2026-06-01")) == "2026-06-01"


def test_what_is_no_date_never_becomes_part_of_a_command() -> None:
    due = datetime(2026, 7, 1, 2, tzinfo=UTC)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        run_date(shop_in("Europe/Berlin"), context(due, due, "2026-06-01; id"))
