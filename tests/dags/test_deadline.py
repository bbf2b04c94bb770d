"""The hour by which a night is to be published: when it is looked at, of which night, and what is then said."""

import json
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

import shop as shops
from dags import notice
from serving_exports import deadline
from settings import PROJECT_ROOT, Settings
from steps import StepError
from tests.dags.test_notice import FAILED

BERLIN = ZoneInfo("Europe/Berlin")


def shop_file(folder: Path, **changes: object) -> Path:
    content = yaml.safe_load((PROJECT_ROOT / "shops" / "demo.yml").read_text()) | changes
    file = folder / "demo.yml"
    file.write_text(yaml.safe_dump(content))
    return file


def publish(settings: Settings, day: date) -> None:
    build = settings.paths("demo").serving / "builds" / f"{day}-a"
    build.mkdir(parents=True)
    (build / "manifest.json").write_text(json.dumps({"run_date": day.isoformat()}))
    (build.parent.parent / "current").symlink_to(f"builds/{build.name}")


@pytest.mark.parametrize(
    ("schedule", "publish_by", "looked_at"),
    [("0 4 * * *", "06:00", "0 6 * * *"), ("30 2 * * 2-6", "10:05", "5 10 * * 2-6"), ("0 */6 * * *", "00:30", "30 0 * * *")],
)
def test_the_hour_is_looked_at_on_the_days_of_the_night(tmp_path: Path, schedule: str, publish_by: str, looked_at: str) -> None:
    shop = shops.read(shop_file(tmp_path, schedule=schedule, publish_by=publish_by))
    assert shop.publish_by_schedule == looked_at


@pytest.mark.parametrize(
    ("schedule", "publish_by", "says"),
    [
        ("0 4 * * *", "03:59", "03:59 is before the night begins, at 04:00"),
        ("30 23 * * *", "06:00", "before the night begins, at 23:30"),
        ("@daily", "06:00", "five fields"),
        ("0 4 * * *", "6 o'clock", "publish_by"),
        ("0 4 * * *", 600, "publish_by"),  # what YAML makes of 10:00 without quotes
        ("0 4 * * *", "24:00", "publish_by"),
    ],
)
def test_an_hour_that_cannot_be_kept_is_refused(tmp_path: Path, schedule: str, publish_by: object, says: str) -> None:
    with pytest.raises(shops.ShopFileError, match=says):
        shops.read(shop_file(tmp_path, schedule=schedule, publish_by=publish_by))


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-07-01T05:59", date(2026, 6, 29)),  # the night of the 30th still has a minute
        ("2026-07-01T06:01", date(2026, 6, 30)),
        ("2026-03-29T07:00", date(2026, 3, 28)),  # the day on which summer time begins
        ("2026-10-25T06:30", date(2026, 10, 24)),  # and on which it ends
    ],
)
def test_the_night_that_is_due_is_the_one_whose_hour_has_passed(tmp_path: Path, now: str, due: date) -> None:
    shop = shops.read(shop_file(tmp_path, publish_by="06:00"))
    assert shop.night_due(datetime.fromisoformat(now).replace(tzinfo=BERLIN)) == due


def test_a_shop_without_an_hour_has_no_night_due(tmp_path: Path) -> None:
    assert shops.read(shop_file(tmp_path)).night_due(datetime(2026, 7, 1, 7, tzinfo=BERLIN)) is None


def test_the_dag_of_the_hour_is_on_looks_once_and_asks_for_the_same_night(load_dags, tmp_path: Path) -> None:
    shop_file(tmp_path, publish_by="06:00", notify={"webhook": "https://example.com/hook"})
    loaded = load_dags(tmp_path)
    assert loaded["import_errors"] == {}
    found = loaded["dags"]["deadline_demo"]
    task = found["tasks"]["published_in_time"]
    assert (found["schedule"], found["timezone"], found["is_paused_upon_creation"]) == ("0 6 * * *", "Europe/Berlin", False)
    assert (task["retries"], task["notices"], task["pool"]) == (0, 1, "default_pool")
    night = loaded["dags"]["nightly_demo"]["tasks"]["land"]["commands"][1]
    assert night.split(" --shop ")[1] == task["commands"][1].split(" --shop ")[1]
    assert " serving_exports.deadline --shop" in task["commands"][1]
    assert task["doc_md"].startswith("the night is late.")


@pytest.mark.parametrize("published", [None, date(2026, 6, 29)])
def test_a_late_night_is_named_with_what_is_current_instead(tmp_path: Path, published: date | None) -> None:
    settings, shop = Settings.from_environment({"NIGHTCART_DATA": str(tmp_path)}), shops.read(PROJECT_ROOT / "shops" / "demo.yml")
    if published:
        publish(settings, published)
    says = f"current is {published}-a" if published else "nothing was ever published"
    with pytest.raises(StepError, match=f"the night 2026-06-30 of demo is not published: {says}"):
        deadline.check(settings, shop, date(2026, 6, 30))


def test_a_night_in_time_or_a_later_one_is_well(tmp_path: Path) -> None:
    settings, shop = Settings.from_environment({"NIGHTCART_DATA": str(tmp_path)}), shops.read(PROJECT_ROOT / "shops" / "demo.yml")
    publish(settings, date(2026, 6, 30))
    for day in (29, 30):
        assert "is current" in deadline.check(settings, shop, date(2026, 6, day))


def test_the_notice_says_by_when_it_should_have_been(tmp_path: Path) -> None:
    shop = shops.read(shop_file(tmp_path, publish_by="06:00"))
    said = notice.message(shop, "2026-06-30", FAILED["ti"], f"was not published by {shop.publish_by}")
    assert said["text"].startswith("Nightcart: the night 2026-06-30 of Demo shop was not published by 06:00. ")
