"""Days and hours follow the shop's clock, over both changes to and from summer time and over midnight; zoneinfo says what is right.

Lord Howe's clock moves by half an hour, and its offsets are 10:30 and 11 hours.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pytest
import yaml

import shop as shops
import warehouse
from settings import PROJECT_ROOT, Settings
from tests.lake_by_hand import LakeByHand, event, key
from tests.models_by_hand import rendered
from tests.test_warehouse import SHOP

# zone → the days on which its clock moves in 2026
CHANGES = {
    "Europe/Berlin": (date(2026, 3, 29), date(2026, 10, 25)),
    "America/New_York": (date(2026, 3, 8), date(2026, 11, 1)),
    "Australia/Lord_Howe": (date(2026, 4, 5), date(2026, 10, 4)),
}
NIGHT = date(2026, 12, 1)
QUARTER = timedelta(minutes=15)


def midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def instants(day: date, zone: str) -> list[datetime]:
    """Every quarter of an hour of a day, of the evening before and of the morning after, and the last microsecond of each day."""
    begin, end = midnight(day, zone) - timedelta(hours=2), midnight(day + timedelta(1), zone) + timedelta(hours=2)
    quarters = [begin + number * QUARTER for number in range(int((end - begin) / QUARTER) + 1)]
    return quarters + [midnight(day + timedelta(number), zone) - timedelta(microseconds=1) for number in (0, 1)]


def staged(zone: str, at: list[datetime], landed: date, night: date = NIGHT) -> dict[datetime, tuple[datetime, date, bool]]:
    """What staging makes of events: the time on the shop's clock, the day, whether it is late."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("attach ':memory:' as lake; use lake")
        columns = "event_id, source, event_type, session_id, item_id, order_id, currency, query, recommendation_id, campaign_id, treatment"
        keys = "visitor_key, device_key, quantity, price, rating, position, consent_personalization, part"
        nothing = ", ".join(f"'' as {name}" for name in f"{columns}, {keys}".split(", "))
        connection.execute(
            f"create table base_events as select {nothing}, date '{landed}' as landed_date, null::timestamptz as event_at where false"
        )
        values = "$1::timestamptz as event_at, $2::date as landed_date, 'product_viewed' as event_type"
        connection.executemany(f"insert into base_events by name select {values}", [(str(instant), landed) for instant in at])
        sql = rendered("stg_events", run_date=str(night), timezone=zone, lake="lake")
        rows = connection.sql(f"select epoch_us(event_at), event_local_at, event_date, is_late from ({sql})").fetchall()
    return {datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros): tuple(rest) for micros, *rest in rows}


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, days in CHANGES.items() for day in days])
def test_days_and_hours_of_events_are_those_of_the_shops_clock(zone, day):
    at = instants(day, zone)
    found = staged(zone, at, landed=day)
    assert len(at) > 100 and set(found) == set(at)
    for instant, (local, event_date, is_late) in found.items():
        expected = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        assert (local, event_date, is_late) == (expected, expected.date(), expected.date() < day), instant


@pytest.mark.parametrize("zone", CHANGES)
def test_a_day_on_which_the_clock_moves_is_shorter_or_longer_by_what_it_moves(zone):
    lengths = []
    for day in CHANGES[zone]:
        found = staged(zone, instants(day, zone), landed=day)
        on_the_day = [instant for instant, (_, event_date, _) in found.items() if event_date == day and not instant.microsecond]
        lengths.append(len(on_the_day) / 4)
    assert sorted(lengths) == ([23.5, 24.5] if zone == "Australia/Lord_Howe" else [23, 25])


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, days in CHANGES.items() for day in days])
def test_a_night_sees_its_day_to_the_last_microsecond_and_nothing_of_the_next(zone, day):
    found = staged(zone, instants(day, zone), landed=day, night=day)
    assert max(found) == midnight(day + timedelta(1), zone) - timedelta(microseconds=1)


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, days in CHANGES.items() for day in days])
def test_the_last_complete_day_is_the_last_that_was_over_in_the_shops_zone(zone, day):
    shop = shops.Shop.model_validate(SHOP | {"timezone": zone})
    over = [day + timedelta(number) for number in range(-3, 3)]
    for instant in instants(day, zone):
        expected = max(each for each in over if midnight(each + timedelta(1), zone) <= instant)
        assert shop.last_complete_day(instant) == expected, instant


ZONE = "Australia/Lord_Howe"
VISITS = {  # visitor → the elapsed minutes between events, from the first, in UTC
    1: ("2026-04-04 14:45:00", [10, 10, 31]),  # 01:45, 01:55, then 01:35 once more as the clock goes back, and 02:06
    2: ("2026-10-03 15:15:00", [25, 30, 31]),  # 01:45, then 02:40 as the clock jumps, 03:10, 03:41
    3: ("2026-07-01 13:15:00", [10, 10, 10]),  # over midnight, which is at 13:30 in winter
    4: ("2026-01-01 12:45:00", [10, 10, 10]),  # over midnight in summer, at 13:00
}


def times_of(visitor: int) -> list[datetime]:
    first, gaps = VISITS[visitor]
    at = [datetime.fromisoformat(first).replace(tzinfo=UTC)]
    for gap in gaps:
        at.append(at[-1] + timedelta(minutes=gap))
    return at


@pytest.fixture(scope="module")
def far_away(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse of a shop on Lord Howe; each visit came on the third of the month after it."""
    folder = tmp_path_factory.mktemp("far_away")
    file = folder / "tiny.yml"
    file.write_text(yaml.safe_dump(SHOP | {"timezone": ZONE}))
    environment = {"NIGHTCART_DATA": str(folder / "data"), "PATH": ""}
    settings, shop = Settings.from_environment(environment), shops.read(file)
    lake = LakeByHand(settings.paths("tiny").lake)
    for visitor in VISITS:
        events = [event(visitor, at.replace(tzinfo=None).isoformat(sep=" ")) for at in times_of(visitor)]
        lake.deliver("events", f"visit-{visitor}", landed_on(visitor).isoformat(), events)
    command = [sys.executable, "-m", "warehouse", "build", "features", "--shop", str(file), "--run-date", str(NIGHT)]
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with warehouse.reader(settings, shop, NIGHT) as connection:
        yield connection


def landed_on(visitor: int) -> date:
    return (times_of(visitor)[0].date().replace(day=28) + timedelta(days=8)).replace(day=3)


@pytest.mark.parametrize("visitor", VISITS)
def test_sessions_are_cut_by_what_has_passed_and_not_by_what_the_clock_shows(far_away, visitor):
    at = times_of(visitor)
    expected, first = [], at[0]
    for before, after in pairwise([*at, at[-1] + timedelta(days=9)]):
        if after - before > timedelta(minutes=30):
            expected.append((first, before, first.astimezone(ZoneInfo(ZONE)).date()))
            first = after
    found = far_away.sql(
        f"select epoch(started_at), epoch(ended_at), session_date from fct_sessions where visitor_key = '{key(visitor)}' order by 1"
    ).fetchall()
    assert [(datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC), day) for start, end, day in found] == expected


@pytest.mark.parametrize("visitor", VISITS)
def test_lateness_and_user_days_count_the_shops_days(far_away, visitor):
    locals_ = [at.astimezone(ZoneInfo(ZONE)).replace(tzinfo=None) for at in times_of(visitor)]
    events = far_away.sql(
        f"select event_local_at, event_date, lateness_days from fct_events where visitor_key = '{key(visitor)}' order by event_at"
    ).fetchall()
    assert events == [(local, local.date(), (landed_on(visitor) - local.date()).days) for local in locals_]
    days = far_away.sql(f"select event_date, event_count from fct_user_days where visitor_key = '{key(visitor)}'").fetchall()
    assert dict(days) == Counter(local.date() for local in locals_)
