"""The page beside the tables: whole, offline, and with the tables' own figures."""

import base64
import hashlib
import re
from datetime import date
from html.parser import HTMLParser

import pytest

from serving_exports import history, summary
from serving_exports.formats import counted, in_unit, number, percent, words

VOID = {"meta", "link", "br", "line", "path", "img", "input", "hr"}


class Structure(HTMLParser):
    """Collects what is loaded from elsewhere, and fails on a tag that is not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.loads, self.ids, self.links = [], [], set(), []
        self.scripts, self.policy = {}, ""

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.loads += [named[name] for name in ("src", "srcset", "data", "action") if name in named]
        self.loads += [tag] if tag in ("link", "iframe", "object", "img") else []
        self.policy = named["content"] if named.get("http-equiv") == "Content-Security-Policy" else self.policy
        self.ids.add(named.get("id"))
        self.links += [named["href"]] if "href" in named else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts[data] = self.scripts.get(data, 0) + 1

    def handle_startendtag(self, tag, attributes):
        pass  # it is closed at once

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def page(published_shop) -> str:
    return (published_shop.builds.link / "report.html").read_text()


def read(page: str) -> Structure:
    structure = Structure()
    structure.feed(page)
    return structure


def shown(page: str) -> str:
    """The page's words, without its scripts and styles."""
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(script|style)\b.*?</\1>", " ", page)).split())


def test_the_page_is_well_formed_and_loads_nothing(page):
    structure = read(page)
    assert structure.open == []
    assert structure.loads == []
    assert all(link.startswith("#") and link[1:] in structure.ids for link in structure.links)
    assert structure.policy.startswith("default-src 'none'; ")
    assert "connect-src" not in structure.policy and "unsafe-eval" not in structure.policy


def test_the_browser_runs_the_reports_own_scripts_and_no_other(page):
    structure = read(page)
    hashes = {f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" for script in structure.scripts}
    allowed = set(structure.policy.split("script-src ")[1].split())
    assert allowed <= hashes
    assert len(allowed) == 2
    assert all(text.startswith("{") for text in structure.scripts if text not in [s for s in structure.scripts if "vegaEmbed" in s])


def test_it_shows_what_the_tables_hold(page, published_shop):
    text = shown(page)
    with published_shop.current() as connection:
        people = connection.execute("select count(*) from user_predictions where is_eligible").fetchone()[0]
        expected = connection.execute("select round(sum(probability)) from user_predictions where is_eligible").fetchone()[0]
        largest, count = connection.execute(
            "select segment, count(*) from user_segments group by segment order by 2 desc, 1 limit 1"
        ).fetchone()
        week = connection.execute("select avg(orders) from (from daily_kpis order by date desc limit 7)").fetchone()[0]
    assert f"About {expected:.0f} of {people} are expected to purchase in the next 7 days." in text
    assert f"290 recommendations for {people} people, over 20 different items;" in text
    assert f"{people} people are recommended 20 different items; 70 % of the places come from the model itself." in text
    assert f"{largest} {count} {count / 30:.1%}".replace("%", " %") in text
    assert "Because viewed 174 60.0 %" in text  # six of ten places
    assert "2 lists for people of whom nothing is known" in text
    assert f" {in_unit(week, 'count', 'EUR')} " in text
    assert [label for label in ("Product views", "Added to cart", "Conversion rate") if label not in text] == []
    assert re.search(r"Revenue Tue 30 Jun 2026: [\d,]+ EUR", text)
    assert "two_tower: recall@10 0.1834 on the 14 days to 30 June" in text
    assert "prices of other currencies: no rates file" in text
    assert "On Tue 30 Jun 2026 1 file brought 120 records: 110 landed, 4 were refused, 5 had come before;" in text
    assert "records read 120 12,000" in text
    assert "refused, each kept with its reason 4 40" in text
    assert "event lines of an earlier day than the delivery’s 7 70" in text
    assert "1 visitor with more events on one day than a person can leave" in text
    assert "with all 4,600 of their events" in text
    assert "crm: nothing delivered since 2026-06-26, on 4 open days" in text
    assert "87 of 87 audit checks passed" in text


def test_chances_that_are_further_off_than_chance_explains_are_said_to_be(page):
    told = "Purchase 7d: on the days compared its chances were 2.58 % off (expected calibration error), more than the 2.52 %"
    assert shown(page).count(told) == 2  # in the night's words, and beside the model
    model = {"task": "purchase_7d", "calibration_error": 0.0094, "calibration_error_limit": 0.0154}
    assert "0.94 % off (expected calibration error), within the 1.54 %" in summary.calibration(model)
    assert not summary.is_uncalibrated(model)
    assert summary.calibration(model | {"calibration_error": None}) == ""


def test_a_rate_of_a_week_is_that_of_the_week_and_not_the_mean_of_its_days(filled_shop):
    filled_shop.change("alter table daily_kpis add column converted_sessions bigint default 1")
    filled_shop.change("update daily_kpis set sessions = 1000, conversion_rate = 0.001 where date > date '2026-06-23'")
    filled_shop.change("update daily_kpis set sessions = 4, conversion_rate = 0.25 where date = date '2026-06-30'")
    filled_shop.publish()
    page = (filled_shop.builds.link / "report.html").read_text()
    figure = re.search(r"<h3>Conversion rate</h3>.*?kpi-figure\">([^<]+)<", page, re.DOTALL)
    assert figure[1] == percent(7 / 6004)


def test_what_comes_from_data_is_escaped(published_shop):
    published_shop.build_serving(build_id="hostile")
    for name in ("user_segments", "user_segment_history"):
        published_shop.change(f"update {name} set segment = '<script>alert(1)</script>'")
    published_shop.publish()
    page = (published_shop.builds.link / "report.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page.lower()
    assert "\\u003cscript\\u003ealert(1)" in page


def test_a_refused_build_has_a_page_even_when_a_column_is_gone(published_shop):
    published_shop.build_serving(build_id="broken")
    published_shop.change("alter table user_segments drop column lifecycle")
    published_shop.change("alter table user_segments drop column rfm_recency")
    published_shop.run("publish", "--run-date", "2026-06-30")
    page = (published_shop.builds.root / "builds" / "broken.refused" / "report.html").read_text()
    assert "This part cannot be shown" in page
    assert "rfm scores run from 1 to 5" in page


def test_a_shop_without_views_or_people_has_a_page(filled_shop):
    for name in (
        "int_user_eligibility", "user_recommendations", "user_segments", "user_predictions", "user_profiles", "user_segment_history",
        "segment_migrations", "audiences", "audience_members",
    ):  # fmt: skip
        filled_shop.change(f"delete from {name}")
    filled_shop.change("update daily_kpis set views = 0, conversion_rate = null")
    filled_shop.change("update run_manifest set models = '[]', degraded = '[]'")
    filled_shop.publish()
    page = (filled_shop.builds.link / "report.html").read_text()
    assert "Not known on any of these days." in page
    assert "No predictions for anybody." in page
    assert "nothing switched off" in page


@pytest.mark.parametrize(
    ("value", "form", "expected"),
    [
        (1234.5, "money", "1,234 EUR"),
        (12.34, "money", "12.3 EUR"),
        (7.0, "count", "7"),
        (0.12345, "share", "12.3 %"),
        (None, "money", "–"),
        (None, "share", "–"),
    ],
)
def test_figures_carry_their_unit(value, form, expected):
    assert in_unit(value, form, "EUR") == expected


def test_names_and_numbers_as_prose():
    assert words("view_to_cart_rate") == "View to cart rate"
    assert number(1234567) == "1,234,567"
    assert percent(1) == "100.0 %"
    assert (counted(1, "file"), counted(1200, "file"), counted(2, "person", "people")) == ("1 file", "1,200 files", "2 people")


def test_the_nights_before_travel_with_the_manifest(published_shop):
    newest = published_shop.builds.manifest("2026-06-30-first")
    assert [night["build_id"] for night in newest["history"]] == ["2026-06-28-first", "2026-06-29-first"]
    assert history.of_measure(newest, "purchase_7d", "auc") == [
        (date(2026, 6, day), "keras_network", 0.8123, 0.7991) for day in (28, 29, 30)
    ]
    again = history.carried(newest, date(2026, 6, 30))
    assert again == newest["history"]  # a night that is published once more does not count twice


def test_what_each_step_took_is_on_the_page(filled_shop):
    assert "No step of this night has noted its time." in shown_after_publish(filled_shop)
    times = filled_shop.settings.paths("corner").step_times
    entry = '{{"step": "{}", "run_date": "2026-06-{}", "seconds": {}, "peak_bytes": 5000000}}\n'
    times.write_text(
        "".join(entry.format(*line) for line in (("ingestion.land", 29, 9.9), ("ingestion.land", 30, 8.8), ("ingestion.land", 30, 7.7)))
    )
    filled_shop.build_serving(build_id="again")
    assert "ingestion.land 7.7 s 5 MB" in shown_after_publish(filled_shop)


def shown_after_publish(shop) -> str:
    shop.publish()
    return shown((shop.builds.link / "report.html").read_text())
