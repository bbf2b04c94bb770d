"""The charts' figures, as data and as the table beside them, by hand."""

from datetime import date

from serving_exports import charts
from serving_exports.charts import shares


def values(chart: charts.Chart) -> list[dict]:
    return chart.spec["data"]["values"]


def test_a_daily_chart_holds_each_day_its_week_and_what_a_pointer_shows():
    days = [(date(2026, 6, day), value) for day, value in ((28, 10.0), (29, None), (30, 1234.0))]
    chart = charts.daily("Revenue per day", "money", "EUR", days, [10.0, 10.0, 622.0])
    assert [(row["date"], row["value"], row["week"]) for row in values(chart)] == [
        ("2026-06-28", 10.0, 10.0),
        ("2026-06-29", None, 10.0),
        ("2026-06-30", 1234.0, 622.0),
    ]
    assert [row["told"] for row in values(chart)][1:] == ["Mon 29 Jun 2026: –", "Tue 30 Jun 2026: 1,234 EUR"]
    assert chart.rows == [("Tue 30 Jun 2026", "622 EUR")]


def test_shares_are_of_the_sum():
    first, second = shares([("a", 30), ("b", 10)])
    assert (first.share, second.share) == (0.75, 0.25)
    assert shares([("a", 0)])[0].share == 0


def test_bars_leave_room_for_their_numbers():
    chart = charts.bars("By reason", shares([("because_viewed", 30), ("popular", 10)]))
    scale = chart.spec["layer"][0]["encoding"]["x"]["scale"]
    assert scale == {"domain": [0, 30], "range": [0, {"expr": "max(10, width - 87)"}]}, "eleven letters and a gap"
    assert chart.rows == [("Because viewed", "30", "75.0 %"), ("Popular", "10", "25.0 %")]
    assert charts.bars("None", []).rows == []


def test_an_outcome_stands_beside_its_prediction_and_what_chance_allows():
    chart = charts.outcomes("Outcomes", [(10, 200, 0.41, 0.395, 0.34, 0.48)])
    assert chart.rows == [("10", "200", "41.0 %", "39.5 %", "34.0 % to 48.0 %")]
    (row,) = values(chart)
    assert (row["predicted"], row["happened"], row["low"], row["high"]) == (0.41, 0.395, 0.34, 0.48)


def test_colours_come_from_the_page_so_that_charts_follow_it_into_the_dark():
    chart = charts.nights("NDCG", [(date(2026, 6, 29), "spectral", 0.3, 0.2), (date(2026, 6, 30), "ease", 0.31, None)])
    assert {layer["mark"]["color"] for layer in chart.spec["layer"]} == {"var(--accent)", "var(--quiet)"}
    assert chart.rows[1] == ("Tue 30 Jun 2026", "ease", "0.3100", "–")
