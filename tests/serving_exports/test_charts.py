"""The charts' geometry, by hand."""

from datetime import date
from decimal import Decimal

import pytest

from serving_exports.charts import HEIGHT, WIDTH, bars, every_day, line_chart, trailing_means, trailing_ratios

DAYS = [date(2026, 6, 27), date(2026, 6, 28), date(2026, 6, 29)]


def test_a_line_runs_from_edge_to_edge_and_from_zero_to_a_round_top():
    chart = line_chart([(DAYS[0], 0.0), (DAYS[1], 45.0), (DAYS[2], 90.0)])
    assert chart.top == 100
    assert chart.daily == f"M0.0,{HEIGHT}.0 L{WIDTH / 2:.1f},{HEIGHT * 0.55:.1f} L{WIDTH}.0,{HEIGHT * 0.1:.1f}"


def test_an_unknown_day_interrupts_the_line():
    chart = line_chart([(DAYS[0], 1.0), (DAYS[1], None), (DAYS[2], 1.0)])
    assert chart.daily == f"M0.0,0.0 M{WIDTH}.0,0.0"


def test_a_series_without_any_value_has_no_line():
    chart = line_chart([(day, None) for day in DAYS])
    assert (chart.daily, chart.trend, chart.area, chart.top) == ("", "", "", 1.0)


def test_leading_days_shape_the_trend_and_are_not_drawn():
    chart = line_chart([(DAYS[0], 0.0), (DAYS[1], 4.0), (DAYS[2], 8.0)], lead=1)
    assert [day.date for day in chart.days] == DAYS[1:]
    assert chart.trend == f"M0.0,{HEIGHT * (1 - 2 / 8):.1f} L{WIDTH}.0,{HEIGHT * (1 - 4 / 8):.1f}"


@pytest.mark.parametrize(("highest", "top"), [(0, 1), (1, 1), (1.2, 1.5), (9, 10), (0.334, 0.4), (8001, 10_000), (600, 600)])
def test_the_top_is_the_next_number_that_reads_well(highest, top):
    assert line_chart([(DAYS[0], highest)]).top == pytest.approx(top)


def test_trailing_means_leave_out_unknown_days():
    assert trailing_means([1, None, 3, 8], days=2) == [1, 1, 3, 5.5]
    assert trailing_means([None, None, 2], days=2) == [None, None, 2]


def test_a_ratio_over_days_weighs_them_by_what_it_divides_by():
    assert trailing_ratios([1, 1, None, 0], [2, 8, None, 0], days=2) == [0.5, 0.2, 0.125, None]


def test_every_day_up_to_the_last_has_a_place():
    assert every_day([(DAYS[0], 1), (DAYS[2], Decimal("2.5")), (DAYS[1], None)], DAYS[2], days=4) == [
        (date(2026, 6, 26), None),
        (DAYS[0], 1.0),
        (DAYS[1], None),
        (DAYS[2], 2.5),
    ]


def test_bars_are_relative_to_the_longest_and_shares_to_the_sum():
    first, second = bars([("a", 30), ("b", 10)])
    assert (first.share, first.length) == (0.75, 1.0)
    assert (second.share, second.length) == (0.25, pytest.approx(1 / 3))
    assert bars([("a", 0)])[0].share == 0
