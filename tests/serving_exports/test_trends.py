"""Daily series, by hand."""

from datetime import date
from decimal import Decimal

from serving_exports.trends import every_day, trailing_means, trailing_ratios

DAYS = [date(2026, 6, 27), date(2026, 6, 28), date(2026, 6, 29)]


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
