"""Nothing leaks: a feature knows nothing of what came after its day, and a label nothing of what came up to it.

One lake with a made-up history, and copies of it with more planted; the same night's compiled models run over each.
"""

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from settings import PROJECT_ROOT, Settings
from tests.compiled_night import CompiledNight
from tests.lake_by_hand import TINY, LakeByHand, event, key

NIGHT = date(2026, 3, 30)
AS_OF = NIGHT - timedelta(days=14)  # features of this day and before are looked at when later things are planted
FIRST_AS_OF = NIGHT - timedelta(days=28)  # labels of this day and after are looked at when earlier things are planted
FIRST_DAY = date(2026, 1, 1)
USERS, ITEMS = range(1, 25), [f"item-{number:02d}" for number in range(12)]
REFUSER, LATE_REFUSER, FLOOD, MIDNIGHT_DEVICE = 5, 6, 30, 150
MOST_EVENTS = 200
TARGETS = [
    {"name": "purchase_2d", "horizon_days": 2, "label": "is_purchaser"},
    {"name": "purchase_7d", "horizon_days": 7, "label": "is_purchaser"},
    {"name": "category_purchase_2d", "horizon_days": 2, "per": "category", "label": "is_purchaser"},
]
SHOP = TINY | {
    "eligibility": {"max_events_per_day": MOST_EVENTS},
    "recommendations": {
        "holdout_days": 14,
        "exclude_bought_within_days": 3,
        "exclude_in_cart_within_days": 3,
        "exclude_refunded_within_days": 3,
    },
    # every day is an as-of day, so that those above are, wherever the night's grid begins
    "predictions": {"snapshot_every_days": 1, "snapshot_count": 30, "targets": TARGETS},
}
FEATURES = PROJECT_ROOT / "dbt_project" / "models" / "features"
UP_TO_THE_DAY = re.compile(r"\w+\.as_of_date >= \w+\.event_date|\w+\.event_date <= (?:\{\{.+?\}\}|\(?cast\(.+? as date\)(?: - \d+\))?)")
AFTER_THE_DAY = re.compile(r"(\w+\.as_of_date) < (\w+\.event_date)")


def models_with(condition: re.Pattern) -> list[str]:
    return sorted(file.stem for file in FEATURES.glob("*.sql") if condition.search(file.read_text()))


def own_device(user: int) -> int:
    return 100 + user


def days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def visits(seed: int, first: date, last: date, visits_per_day: int = 12) -> list[dict]:
    """Made-up visits: some anonymous on one's own device, some logged in on it or on none, with carts, orders, refunds."""
    chance = random.Random(seed)
    found = []
    for day in days(first, last):
        for number in range(visits_per_day):
            user = chance.choice(USERS)
            device = own_device(user) if chance.random() < 0.8 else None
            begin = datetime.combine(day, datetime.min.time()) + timedelta(hours=chance.randrange(6, 20), seconds=chance.randrange(3_600))
            for step in range(chance.randrange(1, 4)):
                item, at = chance.choice(ITEMS), begin + timedelta(minutes=step)
                kinds = chance.choice([["product_viewed"], ["product_viewed", "product_added"], ["order_completed"], ["product_searched"]])
                columns = {"item_id": item, "order_id": f"order-{seed}-{day}-{number}", "quantity": chance.randrange(1, 4)}
                columns["price"] = chance.choice([5, 8, 10])
                who = (None, device) if device and chance.random() < 0.3 else (user, device)
                found += [event(who[0], f"{at}", kind, device=who[1], **columns) for kind in kinds]
                if kinds == ["order_completed"] and chance.random() < 0.2:
                    found.append(event(user, f"{at + timedelta(minutes=30)}", "order_refunded", **columns))
    return found


def catalogue(price: int, brand: str, is_active: bool = True) -> list[dict]:
    items = [
        {"item_id": item, "title": item, "category": f"{brand} > {number % 3}", "brand": f"{brand} {number % 2}", "price": price + number}
        for number, item in enumerate(ITEMS)
    ]
    return [item | {"is_active": is_active} for item in items] + [
        {"item_id": "retired", "title": "retired", "category": f"{brand} > 0", "is_active": False}
    ]


def fill(lake: LakeByHand) -> None:
    """Three months of visits, up to the night."""
    lake.deliver("events", "web", f"{AS_OF}", visits(1, FIRST_DAY, AS_OF))
    lake.deliver("events", "web-after", f"{NIGHT}", visits(6, AS_OF + timedelta(days=1), NIGHT))
    lake.deliver("items", "items", f"{FIRST_DAY}", catalogue(6, "old"))
    lake.deliver("items", "items-again", f"{AS_OF}", catalogue(7, "old"))
    # ten minutes before midnight in Berlin, on a device that nobody has logged in on
    lake.deliver("events", "midnight", f"{AS_OF}", [event(None, f"{AS_OF} 22:50:00", device=MIDNIGHT_DEVICE, item_id=ITEMS[0])])
    lake.deliver("events", "looks", f"{AS_OF}", [event(FLOOD, f"{day} 10:00:00", item_id=ITEMS[1]) for day in days(FIRST_DAY, AS_OF)])


def plant_what_comes_after_the_day(lake: LakeByHand) -> None:
    """More visits, log-ins, links, a catalogue, each from the day after AS_OF on."""
    first = AS_OF + timedelta(days=1)
    lake.deliver("events", "more", f"{NIGHT}", visits(2, first, NIGHT, visits_per_day=20))
    # the visit goes on past midnight, and only then does somebody log in
    lake.deliver("events", "log-in", f"{first}", [event(2, f"{AS_OF} 23:10:00", "product_added", device=MIDNIGHT_DEVICE, item_id=ITEMS[2])])
    lake.deliver("events", "other-log-in", f"{first}", [event(8, f"{first} 09:00:00", device=own_device(9), item_id=ITEMS[2])])
    lake.deliver("items", "items-later", f"{first}", catalogue(70, "new", is_active=False))
    lake.deliver(
        "links",
        "crm",
        f"{first}",
        [
            {"visitor_key": key(3), "linked_key": key(4), "is_device": False, "linked_at": f"{first} 10:00:00+00"},
            {"visitor_key": key(7), "linked_key": key(own_device(8)), "is_device": True},
        ],
    )
    lake.deliver("users", "users", f"{first}", [{"visitor_key": key(10), "consent_personalization": True}])


def plant_what_lands_after_the_night(lake: LakeByHand) -> None:
    """Late rows of every kind that the night cannot have seen, and a clock that runs ahead of it."""
    later = NIGHT + timedelta(days=1)
    lake.deliver("events", "late", f"{later}", visits(3, FIRST_DAY, NIGHT))
    lake.deliver("events", "ahead", f"{NIGHT}", visits(4, later, later))
    lake.deliver("items", "items-later", f"{later}", catalogue(70, "new", is_active=False))
    link = {"visitor_key": key(3), "linked_key": key(4), "is_device": False, "linked_at": f"{FIRST_DAY} 10:00:00+00"}
    lake.deliver("links", "crm", f"{later}", [link])
    lake.deliver("users", "users", f"{later}", [{"visitor_key": key(REFUSER), "consent_personalization": False}])


def plant_what_came_before(lake: LakeByHand) -> None:
    """More visits up to and with FIRST_AS_OF; the last orders are of an item that was not on offer, which no rule excludes."""
    lake.deliver("events", "earlier", f"{FIRST_AS_OF}", visits(5, FIRST_DAY, FIRST_AS_OF - timedelta(days=3)))
    order = {"item_id": "retired", "order_id": "before", "quantity": 1, "price": 5}
    orders = [event(user, f"{FIRST_AS_OF} 10:00:00", "order_completed", **order | {"order_id": f"before-{user}"}) for user in USERS]
    lake.deliver("events", "on-the-day", f"{FIRST_AS_OF}", orders)


def plant_refusals(lake: LakeByHand) -> None:
    """One says no on the website, one in the shop's list, both long after the day."""
    lake.deliver("users", "users", f"{NIGHT}", [{"visitor_key": key(REFUSER), "consent_personalization": False}])
    lake.deliver("events", "no", f"{NIGHT}", [event(LATE_REFUSER, f"{NIGHT} 10:00:00", consent_personalization=False, item_id=None)])


def plant_a_flood(lake: LakeByHand) -> None:
    begin = datetime.combine(NIGHT, datetime.min.time()) + timedelta(hours=8)
    seconds = [f"{begin + timedelta(seconds=number)}" for number in range(MOST_EVENTS + 1)]
    lake.deliver("events", "flood", f"{NIGHT}", [event(FLOOD, second, item_id=ITEMS[1]) for second in seconds])


@dataclass(frozen=True)
class Lakes:
    """The lake with the history, its copies, and the night that is run over them."""

    folder: Path
    first: LakeByHand
    night: CompiledNight

    def with_planted(self, plant: Callable[[LakeByHand], None]) -> Path:
        folder = self.folder / plant.__name__ / "lake"
        if not folder.exists():
            shutil.copytree(self.first.folder, folder)
            plant(LakeByHand(folder, list(self.first.deliveries)))
        return folder


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory) -> Lakes:
    """The history, and the night as dbt built it: the one call of dbt."""
    folder = tmp_path_factory.mktemp("leaks")
    file = folder / "tiny.yml"
    file.write_text(yaml.safe_dump(SHOP))
    environment = {"NIGHTCART_DATA": str(folder / "data"), "PATH": ""}
    paths = Settings.from_environment(environment).paths("tiny")
    first = LakeByHand(paths.lake)
    fill(first)
    done = subprocess.run(
        [sys.executable, "-m", "warehouse", "build", "features", "--shop", str(file), "--run-date", f"{NIGHT}"],
        cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    manifest = paths.warehouse.parent / "dbt_target" / "features" / "manifest.json"
    return Lakes(folder, first, CompiledNight.read(manifest, paths.lake))


@pytest.fixture(scope="module")
def plain(lakes: Lakes) -> duckdb.DuckDBPyConnection:
    return lakes.night.run(lakes.first.folder)


@pytest.fixture(scope="module")
def with_later_things(lakes: Lakes) -> duckdb.DuckDBPyConnection:
    return lakes.night.run(lakes.with_planted(plant_what_comes_after_the_day))


@pytest.fixture(scope="module")
def with_earlier_things(lakes: Lakes) -> duckdb.DuckDBPyConnection:
    return lakes.night.run(lakes.with_planted(plant_what_came_before))


def feature_tables(lakes: Lakes) -> list[str]:
    return [name for name in lakes.night.features if not name.endswith("_labels")]


def label_tables(lakes: Lakes) -> list[str]:
    return [name for name in lakes.night.features if name.endswith("_labels")]


def rows(warehouse: duckdb.DuckDBPyConnection, table: str, condition: str = "true") -> list[tuple]:
    return warehouse.sql(f"select * from {table} where {condition} order by all").fetchall()


UP_TO_AS_OF = f"as_of_date <= date '{AS_OF}'"
FROM_FIRST_AS_OF = f"as_of_date >= date '{FIRST_AS_OF}'"


def test_the_night_in_memory_is_the_night_that_dbt_built(lakes: Lakes, plain: duckdb.DuckDBPyConnection) -> None:
    plain.execute(f"attach '{lakes.first.folder.parent / 'warehouse.duckdb'}' as built (read_only)")
    for table in lakes.night.features:
        assert rows(plain, table) == rows(plain, f"built.{table}"), table
    plain.execute("detach built")


def test_what_comes_after_a_day_changes_no_feature_of_it(
    lakes: Lakes, plain: duckdb.DuckDBPyConnection, with_later_things: duckdb.DuckDBPyConnection
) -> None:
    without_past_days = {table for table in feature_tables(lakes) if not rows(plain, table, UP_TO_AS_OF)}
    of_the_run_date = {"excluded_items", "feat_item_pairs", "feat_user_habits", "feat_visitor_categories", "feat_visitor_tastes"}
    assert without_past_days == of_the_run_date
    for table in feature_tables(lakes):
        assert rows(plain, table, UP_TO_AS_OF) == rows(with_later_things, table, UP_TO_AS_OF), table
        assert rows(plain, table) != rows(with_later_things, table), f"{table}: nothing that it reads was planted"


def test_what_lands_after_the_night_changes_nothing(lakes: Lakes, plain: duckdb.DuckDBPyConnection) -> None:
    with lakes.night.run(lakes.with_planted(plant_what_lands_after_the_night)) as later:
        for table in lakes.night.features:
            assert rows(plain, table) == rows(later, table), table


def test_what_came_up_to_a_day_changes_no_label_of_it(
    lakes: Lakes, plain: duckdb.DuckDBPyConnection, with_earlier_things: duckdb.DuckDBPyConnection
) -> None:
    assert label_tables(lakes) == ["feat_category_labels", "feat_interaction_labels", "feat_user_labels"]
    for table in label_tables(lakes):
        before, after = rows(plain, table, FROM_FIRST_AS_OF), rows(with_earlier_things, table, FROM_FIRST_AS_OF)
        assert before, table
        assert of_the_same_people(before, after) == before, table


def of_the_same_people(before: list[tuple], after: list[tuple]) -> list[tuple]:
    """The rows of the people and days in `before`; with a longer history there are more people to ask about."""
    known = {row[:2] for row in before}
    return [row for row in after if row[:2] in known]


@pytest.mark.parametrize(
    ("plant", "who", "count"),
    [
        (plant_refusals, [REFUSER, own_device(REFUSER), LATE_REFUSER, own_device(LATE_REFUSER)], 2),
        (plant_a_flood, [FLOOD], 1),
    ],
)
def test_refusals_and_floods_take_out_whole_people_and_change_nobody_else(
    lakes: Lakes, plain: duckdb.DuckDBPyConnection, plant: Callable, who: list[int], count: int
) -> None:
    theirs = f"cast(user_key as varchar) in ({', '.join(repr(key(number)) for number in who)})"
    assert plain.sql(f"select count(distinct user_key) from feat_interactions where {theirs}").fetchall() == [(count,)]
    with lakes.night.run(lakes.with_planted(plant)) as later:
        for table in feature_tables(lakes):
            is_personal = "user_key" in plain.table(table).columns
            if is_personal:
                assert rows(later, table, theirs) == [], table
                assert rows(later, table, UP_TO_AS_OF) == rows(plain, table, f"{UP_TO_AS_OF} and not {theirs}"), table
            elif plant is plant_refusals:  # what a robot did is no popularity; what a person did still counts for the item
                assert rows(later, table, UP_TO_AS_OF) == rows(plain, table, UP_TO_AS_OF), table


@pytest.mark.parametrize("model", [model for model in models_with(UP_TO_THE_DAY) if not model.endswith("_labels")])
def test_a_feature_that_forgets_its_day_is_found_out(
    lakes: Lakes, plain: duckdb.DuckDBPyConnection, with_later_things: duckdb.DuckDBPyConnection, model: str
) -> None:
    broken = f"({UP_TO_THE_DAY.sub('true', lakes.night.models[model]['compiled_code'])})"
    if model in {"feat_user_carts", "feat_user_windows"}:  # a later day has no bit to be counted by: the night itself stops
        with pytest.raises(duckdb.OutOfRangeException, match=r"left-shift by negative number -\d+"):
            rows(plain, broken, UP_TO_AS_OF)
    else:
        assert rows(plain, broken, UP_TO_AS_OF) != rows(with_later_things, broken, UP_TO_AS_OF)


@pytest.mark.parametrize("model", ["feat_category_labels", "feat_interaction_labels", "feat_user_labels"])
def test_a_label_that_looks_at_its_own_day_is_found_out(
    lakes: Lakes, plain: duckdb.DuckDBPyConnection, with_earlier_things: duckdb.DuckDBPyConnection, model: str
) -> None:
    if model == "feat_interaction_labels":
        # what was bought on the day itself is not recommended, and therefore no answer, whether the label looks at it or not
        condition, looser = re.compile(rf"(event_date > \(.+ - {(NIGHT - FIRST_AS_OF).days}\))"), r"\1 - 7"
    else:
        condition, looser = AFTER_THE_DAY, r"\1 <= \2"
    broken = f"({condition.sub(looser, lakes.night.models[model]['compiled_code'])})"
    before, after = rows(plain, broken, FROM_FIRST_AS_OF), rows(with_earlier_things, broken, FROM_FIRST_AS_OF)
    assert of_the_same_people(before, after) != before
