"""What the warehouse makes of a lake: which deliveries it sees, who is who as of a day, and what becomes of a flood."""

import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import duckdb
import pytest
import yaml

import shop as shops
import warehouse
from settings import PROJECT_ROOT, Settings
from tests.compiled_night import CompiledNight
from tests.lake_by_hand import TINY, LakeByHand, event, key
from warehouse import building, state

NIGHT = date(2026, 3, 30)
USER, OTHER_USER, THIRD_USER, FLOOD, REFUSER, BUYER = 1, 2, 3, 4, 5, 6
LAPTOP, KIOSK, PHONE, TABLET = 11, 12, 13, 14
SHOP = TINY | {
    "predictions": {"snapshot_every_days": 1, "snapshot_count": 28},
}


@dataclass(frozen=True)
class TinyWarehouse:
    """A shop with a lake written by hand, and its warehouse."""

    settings: Settings
    shop: shops.Shop

    def rows(self, query: str, night: date = NIGHT) -> list[tuple]:
        with warehouse.reader(self.settings, self.shop, night) as connection:
            return connection.sql(query).fetchall()


@dataclass(frozen=True)
class NightInMemory:
    """The statements of a built night over another lake: what its tables are, without the seconds that a call of dbt takes."""

    warehouse: duckdb.DuckDBPyConnection

    def rows(self, query: str) -> list[tuple]:
        return self.warehouse.sql(query).fetchall()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., TinyWarehouse]:
    """Fills a lake with the given function and builds the nights over it, the newest first."""

    def build(fill: Callable[[LakeByHand], None], *nights: date) -> TinyWarehouse:
        folder = tmp_path_factory.mktemp("tiny")
        file = folder / "tiny.yml"
        file.write_text(yaml.safe_dump(SHOP))
        environment = {"NIGHTCART_DATA": str(folder / "data"), "PATH": ""}
        tiny = TinyWarehouse(Settings.from_environment(environment), shops.read(file))
        fill(LakeByHand(tiny.settings.paths("tiny").lake))
        for night in nights or (NIGHT,):
            done = subprocess.run(
                [sys.executable, "-m", "warehouse", "build", "features", "--shop", str(file), "--run-date", str(night)],
                cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
        return tiny

    return build


def fill(lake: LakeByHand) -> None:
    """What everybody knew by the 23rd of March."""
    catalogue = [{"item_id": item, "category": f"Category {item}", "brand": "Brand", "price": 5, "is_active": True} for item in "bcdefghp"]
    lake.deliver("items", "catalogue", "2026-03-01", catalogue)
    lake.deliver(
        "events",
        "web-early",
        "2026-03-01",
        [
            event(None, "2026-03-01 10:00:00", device=LAPTOP),
            event(None, "2026-03-01 10:00:00", device=KIOSK, item_id="b"),
            event(OTHER_USER, "2026-03-01 11:00:00", item_id="c"),
            event(OTHER_USER, "2026-03-02 11:00:00", "order_completed", item_id="c", quantity=1, price=2),
            event(OTHER_USER, "2026-03-02 11:00:00", "order_completed", item_id="d", quantity=2, price=3),
            event(THIRD_USER, "2026-03-03 11:00:00"),
            event(REFUSER, "2026-03-03 11:00:00", consent_personalization=False),
        ],
    )
    lake.deliver(
        "events",
        "web-log-ins",
        "2026-03-15",
        [
            event(USER, "2026-03-12 10:00:00", device=LAPTOP),
            # on the kiosk, looking first and logging in then
            event(None, "2026-03-14 10:00:00", device=KIOSK, item_id="e"),
            event(USER, "2026-03-14 10:10:00", device=KIOSK, item_id="f"),
            event(USER, "2026-03-14 10:20:00", "campaign_sent"),
            event(OTHER_USER, "2026-03-15 18:00:00", device=KIOSK, item_id="g"),
            event(None, "2026-03-15 20:00:00", device=KIOSK, item_id="h"),
        ],
    )
    # a visitor who turns out by a log-in to be somebody, with an order
    lake.deliver("events", "tablet", "2026-03-15", [event(None, "2026-03-15 10:00:00", device=TABLET)])
    order = event(BUYER, "2026-03-20 10:00:00", "order_completed", device=TABLET, order_id="o", quantity=1, price=5)
    lake.deliver("events", "buyer", "2026-03-20", [order])
    lake.deliver("links", "crm", "2026-03-10", [{"visitor_key": key(OTHER_USER), "linked_key": key(PHONE), "is_device": True}])
    lake.deliver("events", "phone", "2026-03-10", [event(None, "2026-03-08 10:00:00", device=PHONE, item_id="p")])


def fill_with_what_came_later(lake: LakeByHand) -> None:
    """The same, and links that nobody knew on the 23rd; and a bot, whom the night takes out of every day."""
    fill(lake)
    lake.deliver(
        "links",
        "crm-later",
        "2026-03-24",
        [
            {"visitor_key": key(USER), "linked_key": key(THIRD_USER), "is_device": False, "linked_at": "2026-03-24 10:00:00+00"},
            {"visitor_key": key(OTHER_USER), "linked_key": key(USER), "is_device": False},
        ],
    )
    lake.deliver("events", "web-later", "2026-03-25", [event(THIRD_USER, "2026-03-25 10:00:00", device=LAPTOP)])
    begin = datetime(2026, 3, 20, 8)
    seconds = [f"{begin + timedelta(seconds=number)}" for number in range(2_001)]
    lake.deliver("events", "web-flood", "2026-03-20", [event(FLOOD, second, item_id="z") for second in seconds])
    lake.deliver("events", "web-bot", "2026-03-21", [event(FLOOD, "2026-03-21 10:00:00", item_id="z")])


@pytest.fixture(scope="module")
def tiny(built) -> TinyWarehouse:
    return built(fill)


@pytest.fixture(scope="module")
def in_memory(tiny: TinyWarehouse, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Callable[[LakeByHand], None]], NightInMemory]:
    """Fills a lake with the given function and runs the tiny shop's night over it."""

    def run(fill: Callable[[LakeByHand], None]) -> NightInMemory:
        lake = LakeByHand(tmp_path_factory.mktemp("in_memory") / "lake")
        fill(lake)
        paths = tiny.settings.paths("tiny")
        manifest = paths.warehouse.parent / "dbt_target" / "features" / "manifest.json"
        return NightInMemory(CompiledNight.read(manifest, paths.lake).run(lake.folder))

    return run


@pytest.fixture(scope="module")
def tiny_later(in_memory) -> NightInMemory:
    return in_memory(fill_with_what_came_later)


def people_as_of(tiny: TinyWarehouse, day: str) -> dict[str, str]:
    """Who each visitor is, by the last digits of their keys."""
    query = f"select visitor_key, user_key from int_people_as_of where purpose = 'predictions' and as_of_date = date '{day}'"
    return {str(visitor)[-2:]: str(user)[-2:] for visitor, user in tiny.rows(query)}


def test_a_device_counts_for_its_user_from_the_day_of_the_log_in_on(tiny):
    assert people_as_of(tiny, "2026-03-09") == {"11": "11", "12": "12", "13": "13", "02": "02", "03": "03"}
    # the kiosk is nobody's: two people logged in on it
    expected = {"11": "01", "12": "12", "13": "02", "14": "14", "01": "01", "02": "02", "03": "03"}
    assert people_as_of(tiny, "2026-03-16") == expected
    assert people_as_of(tiny, "2026-03-23") == expected | {"14": "06", "06": "06"}


def test_user_ids_that_the_shop_links_are_one_person_from_that_day_on(tiny, tiny_later):
    assert people_as_of(tiny_later, "2026-03-23") == people_as_of(tiny, "2026-03-23")
    # a chain: 3 - 1 - 2. The shop has known 2 longest; what was shared by the three is that person's
    assert people_as_of(tiny_later, "2026-03-30") == dict.fromkeys(["11", "12", "13", "01", "02", "03"], "02") | {"14": "06", "06": "06"}


def test_links_learned_later_change_no_earlier_feature(tiny, tiny_later):
    tables = ["feat_user_snapshots", "feat_user_tastes", "feat_interactions", "feat_exclusions", "int_people_as_of"]
    for table in tables:
        query = f"select * from {table} where as_of_date <= date '2026-03-23' order by all"
        before, after = tiny.rows(query), tiny_later.rows(query)
        assert before, table
        assert before == after, table


def test_on_a_shared_device_a_session_belongs_to_the_one_who_logged_in(tiny):
    actors = {item: str(actor)[-2:] for item, actor in tiny.rows("select item_id, actor_key from fct_events where source = 'web'")}
    assert (actors["e"], actors["f"]) == ("01", "01"), "looked at before the log-in, in the same visit"
    assert (actors["b"], actors["h"]) == ("12", "12"), "visits in which nobody logged in"
    counts = tiny.rows(f"select event_count from fct_user_days where visitor_key = '{key(USER)}' and event_date = date '2026-03-14'")
    assert counts == [(2,)], "what the shop sent is no event of the person"


def test_labels_know_by_the_run_date_whose_an_order_was(tiny):
    query = f"""
        select user_key, is_purchaser from feat_user_labels
        where as_of_date = date '2026-03-16' and user_key in ('{key(TABLET)}', '{key(USER)}') order by user_key
    """
    assert tiny.rows(query) == [(UUID(key(USER)), False), (UUID(key(TABLET)), True)]


def test_orders_without_a_number_are_counted_once_per_visitor_and_time(tiny):
    orders = tiny.rows("select order_id, visitor_key, line_count, order_amount from fct_orders where order_id is null")
    assert [(order, str(visitor)[-2:], lines, float(amount)) for order, visitor, lines, amount in orders] == [(None, "02", 2, 8.0)]
    assert tiny.rows("select sum(order_count) from fct_user_days") == [(2,)], "and the one with a number"
    assert tiny.rows("select sum(orders) from fct_daily_kpis") == [(2,)]


def fill_with_redeliveries(lake: LakeByHand) -> None:
    lake.deliver("events", "web-first", "2026-03-20", [event(1, "2026-03-19 10:00:00", item_id="old")], replaced_date="2026-03-22")
    lake.deliver("events", "web-again", "2026-03-22", [event(1, "2026-03-19 10:00:00", item_id="new")])
    lake.deliver("events", "web-same-day", "2026-03-22", [event(1, "2026-03-22 10:00:00", item_id="never")], replaced_date="2026-03-22")
    lake.deliver("events", "web-killed", "2026-03-22", [event(1, "2026-03-22 10:00:00", item_id="killed")], is_listed=False)
    lake.deliver("events", "web-next", "2026-03-31", [event(1, "2026-03-22 10:00:00", item_id="next")])
    lake.deliver("users", "users-first", "2026-03-20", [{"visitor_key": key(1), "traits": "old"}], replaced_date="2026-03-22")
    lake.deliver("users", "users-again", "2026-03-21", [{"visitor_key": key(1), "traits": "new"}])
    lake.deliver("items", "items-first", "2026-03-20", [{"item_id": "new", "title": "old"}], replaced_date="2026-03-21")


@pytest.fixture(scope="module")
def redelivered(built) -> TinyWarehouse:
    return built(fill_with_redeliveries, NIGHT, date(2026, 3, 21))


def test_a_night_sees_the_deliveries_that_stand_on_its_day(redelivered):
    assert redelivered.rows("select item_id from fct_events") == [("new",)]
    assert redelivered.rows("select traits from stg_users") == [("new",)]
    assert redelivered.rows("select count(*) from stg_items") == [(0,)]
    assert redelivered.rows("select item_id from fct_events", date(2026, 3, 21)) == [("old",)]
    assert redelivered.rows("select traits from stg_users order by 1", date(2026, 3, 21)) == [("new",), ("old",)]


def test_each_delivery_says_whether_it_stands_and_what_was_late(redelivered):
    query = "select file, is_standing, read_count, late_event_count from fct_deliveries where kind = 'events' order by file"
    assert redelivered.rows(query) == [
        ("web-again.csv", True, 1, 1),
        ("web-first.csv", False, 1, 0),
        ("web-same-day.csv", False, 1, 0),
    ]
    assert redelivered.rows(query, date(2026, 3, 21)) == [("web-first.csv", True, 1, 1)]


def test_a_flood_is_flagged_with_its_day_and_count_and_goes_no_further(tiny_later):
    query = f"select busiest_date, busiest_day_event_count, event_count from int_bots where visitor_key = '{key(FLOOD)}'"
    assert tiny_later.rows(query) == [(date(2026, 3, 20), 2_001, 2_002)]
    assert tiny_later.rows("select visitor_key from int_visitors where is_bot") == [(UUID(key(FLOOD)),)]
    assert tiny_later.rows(f"select ineligible_reason from int_user_eligibility where user_key = '{key(FLOOD)}'") == [("bot",)]
    for table, column in (("fct_events", "actor_key"), ("fct_sessions", "visitor_key"), ("fct_user_days", "visitor_key")):
        assert tiny_later.rows(f"select count(*) from {table} where {column} = '{key(FLOOD)}'") == [(0,)], table
    for table in ("feat_user_snapshots", "feat_interactions", "int_people_as_of"):
        assert tiny_later.rows(f"select count(*) from {table} where user_key = '{key(FLOOD)}'") == [(0,)], table
    assert tiny_later.rows("select count(*) from fct_events where item_id = 'z'") == [(0,)]


def test_the_rows_that_a_failed_test_found_can_be_read_afterwards(built):
    """The same event line twice, in two deliveries that landing did not compare."""
    twice = event(1, "2026-03-19 10:00:00", item_id="twice") | {"event_id": "same#1"}

    def fill_twice(lake: LakeByHand) -> None:
        lake.deliver("events", "web-one", "2026-03-20", [twice])
        lake.deliver("events", "web-two", "2026-03-21", [twice])

    with pytest.raises(AssertionError) as failed:
        built(fill_twice)
    found = re.search(r"fct_events_event_id.*\n +the rows: duckdb -readonly (\S+) '(.+)'", str(failed.value))
    assert found, failed.value
    with duckdb.connect(found[1], read_only=True) as connection:
        ((event_id, count),) = connection.sql(found[2]).fetchall()
    assert event_id == "same#1" and count > 1


@pytest.fixture
def held(tmp_path: Path) -> TinyWarehouse:
    """A shop whose warehouse holds one table `kept`, and is noted as whole and of today's code."""
    file = tmp_path / "tiny.yml"
    file.write_text(yaml.safe_dump(SHOP))
    tiny = TinyWarehouse(Settings.from_environment({"NIGHTCART_DATA": str(tmp_path / "data")}), shops.read(file))
    LakeByHand(tiny.settings.paths("tiny").lake)
    database = tiny.settings.paths("tiny").warehouse
    began = building.begin(tiny.settings, tiny.shop, NIGHT, database, full=False)
    assert began.build_number == 0 and not began.is_whole
    with duckdb.connect(str(database)) as connection:
        connection.execute("create table kept as select 1 as one")
    state.write(database, replace(began, is_whole=True))
    return tiny


def begins_anew(tiny: TinyWarehouse, shop: shops.Shop, full: bool = False) -> bool:
    """Whether the next night starts a new file; else it must still hold what was kept."""
    database = tiny.settings.paths("tiny").warehouse
    began = building.begin(tiny.settings, shop, NIGHT + timedelta(days=1), database, full)
    assert not began.is_whole
    if not database.exists():
        assert began.build_number == 0
        return True
    with duckdb.connect(str(database), read_only=True) as connection:
        assert connection.sql("from kept").fetchall() == [(1,)]
    assert began.build_number == 1
    return False


def test_a_night_is_added_to_a_whole_file_of_the_same_code(held):
    assert not begins_anew(held, held.shop)


def test_a_full_build_begins_a_new_file(held):
    assert begins_anew(held, held.shop, full=True)


def test_after_a_run_that_did_not_end_well_a_new_file_begins(held):
    assert not begins_anew(held, held.shop)
    assert begins_anew(held, held.shop), "nobody noted that the last one ended well"


def test_other_rules_of_the_shop_begin_a_new_file(held):
    assert begins_anew(held, held.shop.model_copy(update={"consent_default": not held.shop.consent_default}))


def test_another_column_of_the_lake_begins_a_new_file(held):
    (schema,) = held.settings.paths("tiny").lake.glob("events/*/schema.parquet")
    duckdb.sql(f"copy (select *, 1 as added from '{schema}') to '{schema}.new' (format parquet)")
    Path(f"{schema}.new").replace(schema)
    assert begins_anew(held, held.shop)


def test_another_statement_of_a_model_begins_a_new_file(held, tmp_path, monkeypatch):
    project = shutil.copytree(warehouse.DBT_PROJECT, tmp_path / "dbt_project")
    monkeypatch.setattr("warehouse.fingerprint.DBT_PROJECT", project)
    (project / "models" / "candidates" / "int_fallback_recommendations.sql").write_text("select 1 as one")
    assert not begins_anew(held, held.shop), "what is made anew each night is not of the history"
    state.write(held.settings.paths("tiny").warehouse, replace(state.read(held.settings.paths("tiny").warehouse), is_whole=True))
    (project / "macros" / "sessions.sql").write_text("other")
    assert begins_anew(held, held.shop)


def compiled(tiny: TinyWarehouse, model: str) -> str:
    target = tiny.settings.paths("tiny").warehouse.parent / "dbt_target" / "features"
    (file,) = target.glob(f"compiled/nightcart/models/*/{model}.sql")
    return file.read_text()


USERS, DEVICES = range(1, 8), range(11, 16)
FIRST_DAY = date(2026, 3, 1)


def random_links(seed: int) -> tuple[list[tuple], dict[int, datetime]]:
    """Links (user, other, is_device, linked_at) between few keys, so that they meet, and when each user left the first event."""
    chance = random.Random(seed)

    def day() -> datetime:
        return datetime.combine(FIRST_DAY, datetime.min.time()) + timedelta(hours=chance.randrange(24 * 10))

    links = {}
    for _ in range(chance.randrange(1, 14)):
        user, other = chance.choice(USERS), chance.choice([*USERS, *DEVICES])
        if user != other:
            pair = (user, other) if other in DEVICES else tuple(sorted((user, other)))
            links[pair] = day()
    rows = [(user, other, other in DEVICES, at) for (user, other), at in links.items()]
    chance.shuffle(rows)
    return rows, {user: day() for user in USERS if chance.random() < 0.7}


def by_hand(links: list[tuple], first_events: dict[int, datetime], day: date) -> dict[int, int]:
    """Who each key is at the end of a day, by following the links known by then one at a time."""
    known = [(user, other, is_device) for user, other, is_device, at in links if at.date() <= day]
    seen = dict.fromkeys(USERS, datetime.max) | first_events
    for user, other, is_device, at in links:
        if not is_device:
            seen |= {user: min(seen[user], at), other: min(seen[other], at)}
    person = {user: user for user in USERS}
    for _ in USERS:
        for user, other, is_device in known:
            if not is_device:
                person[user] = person[other] = min(person[user], person[other], key=lambda name: (seen[name], name))
    for device in DEVICES:
        owners = {person[user] for user, other, is_device in known if is_device and other == device}
        person[device] = owners.pop() if len(owners) == 1 else device
    return person


def test_identities_agree_with_following_the_links_by_hand_on_every_day(tiny):
    models = [compiled(tiny, model) for model in ("int_users_merge", "int_identities")]
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute("attach ':memory:' as warehouse; use warehouse")
        connection.execute("create table int_links (user_key uuid, linked_key uuid, is_device boolean, linked_at timestamptz)")
        connection.execute("create table int_visitors (visitor_key uuid, first_event_at timestamptz)")
        merged = 0
        for seed in range(150):
            links, first_events = random_links(seed)
            connection.execute("delete from int_links; delete from int_visitors")
            connection.executemany("insert into int_links values (?, ?, ?, ?)", [(key(u), key(o), d, f"{at}+00") for u, o, d, at in links])
            if first_events:
                connection.executemany("insert into int_visitors values (?, ?)", [(key(u), f"{at}+00") for u, at in first_events.items()])
            for name, sql in zip(("int_users_merge", "int_identities"), models, strict=True):
                connection.execute(f"create or replace table {name} as {sql.replace('Europe/Berlin', 'UTC')}")
            for days in range(11):
                day = FIRST_DAY + timedelta(days=days)
                rows = connection.execute(
                    "select visitor_key, user_key from int_identities where linked_date <= $1 and coalesce(until_date > $1, true)", [day]
                ).fetchall()
                found = {user: user for user in (*USERS, *DEVICES)} | {int(str(v)[-2:]): int(str(u)[-2:]) for v, u in rows}
                assert len(rows) == len({visitor for visitor, _ in rows}), seed
                assert found == by_hand(links, first_events, day), (seed, day)
                merged += sum(user != person for user, person in found.items())
    assert merged > 1_000
