"""Which nights are held: a day that is missing or a tenth of its weekday, or a source that delivers no more; and which are not."""

import json
from datetime import date, timedelta

import duckdb
import pytest

import shop as shops
from settings import PROJECT_ROOT
from tests.models_by_hand import rendered

NIGHT = date(2026, 6, 30)  # a Tuesday
WEB = {"source": "web", "kind": "events", "warned_after": 2, "held_after": None}


def days(first: date = NIGHT - timedelta(70), last: date = NIGHT) -> list[date]:
    return [first + timedelta(number) for number in range((last - first).days + 1)]


def checks(
    counts: dict[date, int], happened: dict[date, int] | None = None, closed: tuple = (), weekdays: tuple = (), **source: object
) -> dict[str, tuple[str, str]]:
    """Name of each check to its verdict and sentence, where each day delivered so many events; `happened`: where their days differ."""
    sql = rendered(
        "fct_intake_checks",
        run_date=str(NIGHT),
        sources=json.dumps([WEB | source]),
        closed_weekdays=list(weekdays),
        closed_dates=[str(day) for day in closed],
    )
    with duckdb.connect() as connection:
        connection.execute("create table fct_deliveries (source text, kind text, landed_date date, event_line_count bigint)")
        connection.execute("create table fct_events (source text, event_date date, landed_date date)")
        for day, count in counts.items():
            connection.execute("insert into fct_deliveries values ('web', 'events', $1, $2)", [day, count])
        for day, count in (counts if happened is None else happened).items():
            connection.execute("insert into fct_events select 'web', $1, $1 from range($2)", [day, count])
        return {
            name: (verdict, sentence)
            for name, verdict, sentence in connection.sql(f"select check_name, verdict, sentence from ({sql})").fetchall()
        }


def verdicts(*arguments: object, **options: object) -> dict[str, str]:
    return {name: verdict for name, (verdict, _) in checks(*arguments, **options).items()}


def test_a_usual_day_passes():
    assert verdicts(dict.fromkeys(days(), 100)) == {"delivered": "pass", "happened": "pass", "fresh": "pass"}


def test_a_missing_day_holds_the_night_and_says_what_was_usual():
    found = checks(dict.fromkeys(days(last=NIGHT - timedelta(1)), 100))
    assert found["delivered"] == (
        "hold",
        "web: 0 events delivered on 2026-06-30, against 100 on the same weekday (median of 8 weeks)",
    )
    assert found["happened"][0] == "hold"


@pytest.mark.parametrize(("count", "verdict"), [(10, "hold"), (11, "pass"), (100, "pass"), (10_000, "pass")])
def test_a_day_that_is_smaller_by_nine_tenths_holds_the_night(count, verdict):
    assert verdicts(dict.fromkeys(days(), 100) | {NIGHT: count})["delivered"] == verdict


def test_a_file_full_of_other_days_holds_the_night():
    counts = dict.fromkeys(days(), 100)
    assert verdicts(counts, happened=counts | {NIGHT: 0}) == {"delivered": "pass", "happened": "hold", "fresh": "pass"}


def test_a_closed_day_is_not_asked_for():
    counts = dict.fromkeys(days(last=NIGHT - timedelta(1)), 100)
    assert verdicts(counts, closed=(NIGHT,)) == {"fresh": "pass"}
    assert verdicts(counts, weekdays=(2,)) == {"fresh": "pass"}


def test_each_weekday_has_a_size_of_its_own():
    """A shop that sells on Fridays alone: the other days are small, as they always are."""
    counts = {day: 1000 if day.isoweekday() == 5 else 40 for day in days()}
    assert verdicts(counts)["delivered"] == "pass"


def test_closed_days_and_one_odd_week_do_not_move_what_is_usual():
    tuesdays = [NIGHT - timedelta(7 * week) for week in range(1, 9)]
    counts = dict.fromkeys(days(), 100) | dict.fromkeys(tuesdays[:5], 0) | {tuesdays[5]: 100_000}
    counts[NIGHT] = 5
    assert verdicts(counts)["delivered"] == "pass", "five of eight were empty: that is usual"
    assert verdicts(counts, closed=tuple(tuesdays[:5]))["delivered"] == "hold", "and 100 is, where those were closed"


def test_three_weeks_are_needed_and_a_handful_of_events_says_nothing():
    assert verdicts(dict.fromkeys(days(NIGHT - timedelta(20)), 100) | {NIGHT: 0})["delivered"] == "pass"
    assert verdicts(dict.fromkeys(days(NIGHT - timedelta(21)), 100) | {NIGHT: 0})["delivered"] == "hold"
    assert verdicts(dict.fromkeys(days(), 19) | {NIGHT: 0})["delivered"] == "pass"


def test_what_came_late_is_no_measure_of_what_comes_in_time():
    """Each day's events come on the next day: on its own night, no day has ever had any."""
    with_late = rendered("fct_intake_checks", run_date=str(NIGHT), sources=json.dumps([WEB]), closed_weekdays=[], closed_dates=[])
    with duckdb.connect() as connection:
        connection.execute("""
            create table fct_deliveries as
            select 'web' as source, 'events' as kind, day::date as landed_date, 100 as event_line_count
            from generate_series(date '2026-04-01', date '2026-06-30', interval 1 day) as days (day)""")
        connection.execute(
            "create table fct_events as select source, landed_date - 1 as event_date, landed_date from fct_deliveries, range(100)"
        )
        assert connection.sql(f"select distinct verdict from ({with_late})").fetchall() == [("pass",)]


@pytest.mark.parametrize(("waited", "verdict"), [(0, "pass"), (2, "pass"), (3, "warn"), (5, "warn"), (6, "hold")])
def test_a_source_that_delivers_no_more_warns_and_then_holds(waited, verdict):
    counts = dict.fromkeys(days(NIGHT - timedelta(waited + 3), NIGHT - timedelta(waited)), 100)
    found = checks(counts, held_after=5)
    assert found["fresh"][0] == verdict
    assert found["fresh"][1] == f"web: nothing delivered since {NIGHT - timedelta(waited)}, on {waited} open days"


def test_closed_days_are_not_waited_for_and_a_file_that_stays_as_it_is_is_never_late():
    counts = dict.fromkeys(days(NIGHT - timedelta(20), NIGHT - timedelta(7)), 100)
    assert verdicts(counts)["fresh"] == "warn"
    assert verdicts(counts, weekdays=(1, 2, 3, 4, 6))["fresh"] == "pass"
    assert verdicts(counts, warned_after=None, kind="items") == {"fresh": "pass"}


def test_a_shop_file_names_closed_days_and_how_long_a_source_may_be_silent():
    retail, demo = (shops.read(PROJECT_ROOT / "shops" / f"{name}.yml") for name in ("online_retail", "demo"))
    assert retail.closed_weekdays == [6]
    assert len(retail.closed_dates) == 16 and date(2011, 4, 22) in retail.closed_dates
    limits = {source.name: (source.warned_after_days, source.held_after_days) for source in (*retail.sources, *demo.sources)}
    assert limits == {
        "invoices": (2, None), "descriptions": (None, None), "web": (2, None), "catalogue": (31, None), "customers": (31, None),
    }  # fmt: skip
