"""The demo shop's files keep what their package promises, and the planted truth can be found in them."""

import csv
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import combinations
from pathlib import Path
from statistics import mean
from zoneinfo import ZoneInfo

import numpy as np
import pytest

import shop as shops
import steps
from ingestion.demo_shop import DemoShop, make
from ingestion.demo_shop.clicks import KINDS
from ingestion.demo_shop.dirt import SHARES
from ingestion.demo_shop.ids import scrambled
from ingestion.demo_shop.people import PERSONAS
from ingestion.demo_shop.story import told
from ingestion.demo_shop.tastes import Rows
from settings import PROJECT_ROOT

SMALL = DemoShop(users=300, items=90, days=150)
BERLIN = ZoneInfo("Europe/Berlin")
RANK = {kind: rank for rank, kind in enumerate(KINDS)}


@dataclass(frozen=True)
class Made:
    """A demo shop's folders, read back with nothing but json and csv."""

    landing: Path
    truth: Path

    @cached_property
    def lines(self) -> list[tuple[str, int, str]]:
        """File, line number from 1, and text."""
        files = sorted(self.landing.glob("events/*.jsonl"))
        return [(f"events/{file.name}", number, text) for file in files for number, text in enumerate(file.read_text().splitlines(), 1)]

    @cached_property
    def records(self) -> dict[tuple[str, int], dict]:
        """Those that are JSON, by file and line."""
        return {(file, number): json.loads(text) for file, number, text in self.lines if _is_json(text)}

    @cached_property
    def dirt(self) -> dict[str, dict[tuple[str, int], str]]:
        """The event id of each planted fault, by kind, file and line."""
        kinds = defaultdict(dict)
        for row in self.table("truth/dirt.csv"):
            kinds[row["kind"]][row["file"], int(row["line"])] = row["event_id"]
        return kinds

    @cached_property
    def clean(self) -> list[dict]:
        """Records without a fault, in order of time, with the person they are of and the local time."""
        faulty = {place for kind, places in self.dirt.items() if kind != "late" for place in places}
        owner = {row["anonymous_id"]: row["user_id"] for row in self.table("truth/devices.csv")}
        records = [
            record | {"at": _local(record), "who": record.get("user_id") or owner.get(record["anonymous_id"]) or record["anonymous_id"]}
            for place, record in self.records.items()
            if place not in faulty
        ]
        return sorted(records, key=lambda record: record["at"])

    @cached_property
    def bot(self) -> str:
        return self.table("truth/bots.csv")[0]["anonymous_id"]

    @cached_property
    def users(self) -> dict[str, dict]:
        return {row["user_id"]: row for row in self.table("truth/users.csv")}

    def of_type(self, *kinds: str) -> list[dict]:
        return [record for record in self.clean if record["event"] in kinds and record["who"] != self.bot]

    def table(self, name: str) -> list[dict[str, str]]:
        with (self.landing.parent / name).open(newline="") as stream:
            return list(csv.DictReader(stream))

    def deliveries(self, kind: str) -> dict[date, list[dict[str, str]]]:
        return {date.fromisoformat(file.stem): self.table(f"landing/{kind}/{file.name}") for file in sorted(self.landing.glob(f"{kind}/*"))}


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except json.JSONDecodeError:
        return False
    return True


def _local(record: dict) -> datetime:
    return datetime.fromisoformat(record["timestamp"]).astimezone(BERLIN)


def _made_in(folder: Path, config: DemoShop) -> Made:
    make(folder / "landing", folder / "truth", config)
    return Made(folder / "landing", folder / "truth")


def _bytes(made: Made) -> dict[str, bytes]:
    folder = made.landing.parent
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def small_shop(tmp_path_factory) -> Made:
    return _made_in(tmp_path_factory.mktemp("small"), SMALL)


# What is made


def test_the_same_configuration_makes_the_same_bytes_and_another_seed_others(tmp_path):
    tiny = DemoShop(users=40, items=24, days=40)
    once, again, other = (_bytes(_made_in(tmp_path / str(n), replace(tiny, seed=seed))) for n, seed in enumerate((1, 1, 2)))
    assert once == again
    assert once.keys() == other.keys()
    assert not any(once[name] == other[name] for name in once if name.startswith("landing/events"))


def test_the_default_shop_is_as_large_as_promised():
    story = told(DemoShop())
    assert 285_000 <= len(story.clicks.at) <= 330_000
    assert story.config.first_day == date(2025, 10, 4)
    assert (~story.people.is_guest).sum() == 3_000
    assert len(story.catalogue.leaves) == 30
    assert (story.catalogue.partner >= 0).sum() == 2 * 41


def test_there_is_one_file_of_events_a_day_and_a_delivery_at_the_start_and_each_month(small_shop):
    days = [SMALL.first_day + timedelta(days=day) for day in range(150)]
    firsts = [day for day in days if day == days[0] or day.day == 1]
    assert [path.name for path in sorted(small_shop.landing.glob("events/*"))] == [f"{day}.jsonl" for day in days]
    assert list(small_shop.deliveries("catalogue")) == firsts
    assert list(small_shop.deliveries("users")) == firsts


def test_the_shop_file_maps_every_field_and_event_that_is_made(small_shop):
    web, catalogue, customers = shops.read(PROJECT_ROOT / "shops" / "demo.yml").sources
    clean = small_shop.clean
    paths = {"consent.personalization"} | {name for record in clean for name in record}
    assert {path for column in web.columns.values() for path in column.from_} <= paths
    assert {record["event"] for record in clean} == set(KINDS) <= set(web.event_type.map)
    assert {path for column in catalogue.columns.values() for path in column.from_} == set(
        small_shop.deliveries("catalogue")[SMALL.first_day][0]
    )
    assert {path for column in customers.columns.values() for path in column.from_} | set(customers.traits) == set(
        small_shop.deliveries("users")[SMALL.first_day][0]
    ) - {"email", "phone"}


def test_events_lie_in_the_file_of_their_local_day_and_none_outside_the_days(small_shop):
    moved = {place for kind in ("late", "duplicate_resent") for place in small_shop.dirt[kind]}
    for (file, line), record in small_shop.records.items():
        day = _local(record).date()
        assert SMALL.first_day <= day <= SMALL.last_day
        assert (file == f"events/{day}.jsonl") == ((file, line) not in moved)


def test_timestamps_keep_to_the_wall_clock_when_the_clocks_change():
    config = DemoShop(days=40, last_day=date(2026, 4, 10))
    change = (date(2026, 3, 29) - config.first_day).days * 86_400
    at = np.array([change + 1_800, change + 5 * 3_600, change + 86_400 + 1_800])
    assert config.timestamps(at) == ["2026-03-28T23:30:00Z", "2026-03-29T03:00:00Z", "2026-03-29T22:30:00Z"]


def test_raw_ids_are_recognisable_and_never_collide(small_shop):
    assert all(re.fullmatch(r"u-[0-9a-f]{8}", user) for user in small_shop.users)
    assert all(re.fullmatch(r"d-[0-9a-f]{10}", row["anonymous_id"]) for row in small_shop.table("truth/devices.csv"))
    assert len(set(scrambled("x", np.arange(65_536), 4, seed=7))) == 65_536
    ids = [record["id"] for record in small_shop.clean]
    assert len(ids) == len(set(ids))


def test_order_lines_carry_the_price_of_the_newest_delivery(small_shop):
    prices = {day: {row["item_id"]: row["price"] for row in rows} for day, rows in small_shop.deliveries("catalogue").items()}
    begins = {}
    for record in small_shop.clean:
        begins.setdefault(record.get("session_id"), record["at"].date())
    for order in small_shop.of_type("order_completed"):
        newest = max(day for day in prices if day <= begins[order["session_id"]])
        for line in order["lines"]:
            assert f"{line['price']:.2f}" == prices[newest][line["item_id"]]


# Nothing is known before its time


def test_items_and_users_appear_in_a_delivery_only_once_they_are_there(small_shop):
    catalogue = list(small_shop.deliveries("catalogue").values())
    assert len(catalogue[0]) < len(catalogue[-1]) == 90
    assert any(row["is_active"] == "false" for row in catalogue[-1])
    for day, rows in small_shop.deliveries("users").items():
        assert rows and all(date.fromisoformat(row["signup_date"]) <= day for row in rows)
    signup = {row["user_id"]: date.fromisoformat(row["signup_date"]) for rows in small_shop.deliveries("users").values() for row in rows}
    assert all(record["at"].date() >= signup[record["who"]] for record in small_shop.clean if record["who"] in signup)


def test_no_event_shows_an_item_before_the_catalogue_does(small_shop):
    listed_from = {}
    for day, rows in small_shop.deliveries("catalogue").items():
        for row in rows:
            listed_from.setdefault(row["item_id"], day)
    for record in small_shop.clean:
        for item in [record.get("item_id"), *(line["item_id"] for line in record.get("lines", []))]:
            assert item is None or listed_from[item] <= record["at"].date()


# People behave


def test_a_funnel_narrows_from_views_to_orders(small_shop):
    sessions = defaultdict(set)
    for record in small_shop.clean:
        if "session_id" in record:
            sessions[record["session_id"]].add(record["event"])
    share = {kind: mean(kind in kinds for kinds in sessions.values()) for kind in ("product_viewed", "product_added", "order_completed")}
    assert share["product_viewed"] > 0.9
    assert 0.2 < share["product_added"] < 0.45
    assert 0.1 < share["order_completed"] < 0.22
    assert all("product_added" in kinds and "checkout_started" in kinds for kinds in sessions.values() if "order_completed" in kinds)


def test_a_session_keeps_its_order_and_its_pauses_are_short(small_shop):
    last = {}
    for record in (record for record in small_shop.clean if "session_id" in record):
        before = last.setdefault(record["session_id"], record)
        assert record["at"] - before["at"] < timedelta(minutes=30)
        assert before is record or before["event"] != "order_completed"
        last[record["session_id"]] = record
    assert len(last) > 1_000


def test_refunds_are_of_earlier_orders_of_the_same_person(small_shop):
    orders = {record["order_id"]: record for record in small_shop.of_type("order_completed")}
    refunds = small_shop.of_type("order_refunded")
    assert 0.02 < len(refunds) / len(orders) < 0.08
    for refund in refunds:
        order = orders[refund["order_id"]]
        assert refund["at"] > order["at"] and refund["who"] == order["who"]
        assert all(line in order["lines"] for line in refund["lines"])


def test_one_session_in_seven_is_anonymous_and_devices_lead_to_one_user(small_shop):
    is_anonymous = defaultdict(bool)
    owners = defaultdict(set)
    for record in small_shop.clean:
        if "session_id" in record:
            is_anonymous[record["session_id"]] |= "user_id" not in record
        if {"user_id", "anonymous_id"} <= record.keys():
            owners[record["anonymous_id"]].add(record["user_id"])
    assert 0.10 < mean(is_anonymous.values()) < 0.20
    truth = {row["anonymous_id"]: row["user_id"] for row in small_shop.table("truth/devices.csv")}
    assert all(users == {truth[device]} for device, users in owners.items())
    assert 1.1 < len([user for user in truth.values() if user]) / len(set(truth.values()) - {""}) < 2
    assert "" in truth.values()


def test_consent_once_withdrawn_stays_withdrawn(small_shop):
    said, agreed = defaultdict(list), []
    for record in small_shop.clean:
        if "consent" in record:
            said[record["user_id"]].append(record["consent"]["personalization"])
            agreed += [record] * record["consent"]["personalization"]
    assert all(values == sorted(values, reverse=True) for values in said.values())
    refusing = {user for user, values in said.items() if not values[-1]}
    assert 0.01 < len(refusing) / len(said) < 0.06
    for day, rows in small_shop.deliveries("users").items():
        refuses = {row["user_id"] for row in rows if row["consent_personalization"] == "false"}
        agreeing = {record["user_id"] for record in agreed if record["at"].date() >= day}
        assert refuses and not refuses & agreeing


def test_one_bot_floods_views_above_the_limit_of_the_shop_file(small_shop):
    limit = shops.read(PROJECT_ROOT / "shops" / "demo.yml").eligibility.max_events_per_day
    by_day = Counter((record["who"], record["at"].date()) for record in small_shop.clean)
    flooded = {place: count for place, count in by_day.items() if count > limit}
    planted = {(row["anonymous_id"], date.fromisoformat(row["date"])): int(row["events"]) for row in small_shop.table("truth/bots.csv")}
    assert flooded == planted and len(planted) == 2
    assert max(count for (who, _), count in by_day.items() if who != small_shop.bot) < limit / 10


# The planted truth can be found


def test_personas_have_their_tastes(small_shop):
    category = {row["item_id"]: row["category"].split(" > ")[0] for row in list(small_shop.deliveries("catalogue").values())[-1]}
    seen = defaultdict(Counter)
    for view in small_shop.of_type("product_viewed"):
        if view["who"] in small_shop.users:
            seen[small_shop.users[view["who"]]["persona"]][category[view["item_id"]]] += 1
    for persona in PERSONAS:
        loved = [top for top, times in persona.loves.items() if times > 5]
        share = {name: sum(counts[top] for top in loved) / counts.total() for name, counts in seen.items()}
        assert share[persona.name] > 2 * mean(share[name] for name in share if name != persona.name)


def test_personas_have_their_weekdays_and_hours(small_shop):
    at = defaultdict(list)
    for view in small_shop.of_type("product_viewed"):
        at[small_shop.users.get(view["who"], {}).get("persona")].append(view["at"])
    weekend = {persona: mean(moment.weekday() >= 5 for moment in moments) for persona, moments in at.items()}
    early = {persona: mean(5 <= moment.hour < 9 for moment in moments) for persona, moments in at.items()}
    assert weekend["home_cook"] > 0.35 > 0.25 > weekend["tech_fan"]
    assert early["active_athlete"] > 0.3 > 0.1 > early["tech_fan"]


def test_bundles_are_ordered_together_far_more_often_than_other_pairs(small_shop):
    orders = [{line["item_id"] for line in order["lines"]} for order in small_shop.of_type("order_completed")]
    single = Counter(item for order in orders for item in order)
    together = Counter(frozenset(pair) for order in orders for pair in combinations(sorted(order), 2))
    lift = {pair: count * len(orders) / np.prod([float(single[item]) for item in pair]) for pair, count in together.items() if count >= 2}
    bundles = {frozenset(row.values()) for row in small_shop.table("truth/bundles.csv")}
    assert len(bundles) == 90 // 12
    assert len(bundles & {pair for pair, _ in together.most_common(2 * len(bundles))}) >= 0.8 * len(bundles)
    assert mean(lift[pair] for pair in bundles) > 3 * mean(lift[pair] for pair in lift.keys() - bundles)


def test_people_order_in_their_own_rhythm(small_shop):
    """Of users who were there all the time: days per order against the planted gap, for the quick and for the slow."""
    joined = {row["user_id"]: date.fromisoformat(row["signup_date"]) for row in list(small_shop.deliveries("users").values())[-1]}
    orders = Counter(order["who"] for order in small_shop.of_type("order_completed"))
    steady = [user for user, day in joined.items() if day < SMALL.first_day and not small_shop.users[user]["churn_date"]]
    gap = {user: float(small_shop.users[user]["purchase_gap_days"]) for user in steady}
    quick, slow = ([user for user in steady if low <= gap[user] < high] for low, high in ((0, 40), (60, 1_000)))
    for group in (quick, slow):
        assert len(group) > 20
        assert 0.6 < SMALL.days / mean(orders[user] for user in group) / mean(gap[user] for user in group) < 1.3
    assert mean(orders[user] for user in quick) > 1.8 * mean(orders[user] for user in slow)


def test_those_who_leave_are_silent_from_their_day_on_and_the_others_are_not(small_shop):
    last_seen = {record["who"]: record["at"].date() for record in small_shop.clean}
    leaves = {user: date.fromisoformat(row["churn_date"]) for user, row in small_shop.users.items() if row["churn_date"]}
    assert all(last_seen[user] < day for user, day in leaves.items() if user in last_seen)
    assert any(day > SMALL.last_day for day in leaves.values())
    gone = [user for user, day in leaves.items() if day <= SMALL.last_day - timedelta(days=20) and user in last_seen]
    stay = [user for user in small_shop.users if user not in leaves and user in last_seen]
    assert len(gone) > 20
    assert mean((SMALL.last_day - last_seen[user]).days <= 20 for user in stay) > 0.75


def test_a_cart_left_standing_makes_an_order_in_the_next_week_more_likely(small_shop):
    """Over several days: of those who added something in the last week and did not order since, against the other active users."""
    added, ordered, seen = (defaultdict(list) for _ in range(3))
    for record in small_shop.clean:
        seen[record["who"]].append(record["at"].date())
        for kind, dates in (("product_added", added), ("order_completed", ordered)):
            if record["event"] == kind:
                dates[record["who"]].append(record["at"].date())
    outcome = {True: [], False: []}
    for back in range(7, 98, 7):
        today = SMALL.last_day - timedelta(days=back)
        for user in small_shop.users:
            if any(timedelta(0) <= today - day < timedelta(days=60) for day in seen[user]):
                last_order = max((day for day in ordered[user] if day <= today), default=date.min)
                has_cart = any(max(today - timedelta(days=7), last_order) < day <= today for day in added[user])
                outcome[has_cart].append(any(today < day <= today + timedelta(days=7) for day in ordered[user]))
    assert mean(outcome[True]) > 2 * mean(outcome[False])
    assert 0.05 < mean(outcome[True] + outcome[False]) < 0.3


def test_what_a_person_looked_at_foretells_orders_better_than_what_all_buy(small_shop):
    """Recall at ten of the last 28 days: each user's own newest items against the best sellers of the 60 days before."""
    cut = SMALL.last_day - timedelta(days=28)
    own, bought, sold = defaultdict(list), defaultdict(set), Counter()
    for record in small_shop.clean:
        day = record["at"].date()
        if record["event"] == "order_completed":
            items = [line["item_id"] for line in record["lines"]]
            if day > cut:
                bought[record["who"]].update(items)
            elif day > cut - timedelta(days=60):
                sold.update(items)
        elif day <= cut and "item_id" in record:
            own[record["who"]].append(record["item_id"])
    best = {item for item, _ in sold.most_common(10)}
    pairs = [(user, item) for user, items in bought.items() if user in own for item in items]
    newest = {user: set(list(dict.fromkeys(reversed(own[user])))[:10]) for user, _ in pairs}
    assert len(pairs) > 100
    assert mean(item in newest[user] for user, item in pairs) > 1.3 * mean(item in best for _, item in pairs)


# Dirt


def test_each_kind_of_dirt_is_there_and_all_of_it_is_half_a_percent(small_shop):
    count = {kind: len(places) for kind, places in small_shop.dirt.items()}
    clean = len(small_shop.clean)
    assert count == {kind: max(3, round(share * clean)) for kind, share in SHARES.items()}
    assert 0.004 < sum(count.values()) / clean < 0.007


def test_no_file_has_more_faults_than_a_night_of_one_file_bears(small_shop):
    lines = Counter(file for file, _, _ in small_shop.lines)
    refused = Counter(file for kind, places in small_shop.dirt.items() if not kind.startswith(("dup", "late")) for file, _ in places)
    assert all(count <= 0.05 * lines[file] for file, count in refused.items())


def test_lines_are_broken_only_where_the_truth_says_so(small_shop):
    broken = {(file, number) for file, number, text in small_shop.lines if not _is_json(text)}
    assert broken == small_shop.dirt["broken_json"].keys()


def test_the_truth_names_exactly_the_records_with_a_fault(small_shop):
    known = {row["item_id"] for row in list(small_shop.deliveries("catalogue").values())[-1]}
    faults, first = defaultdict(dict), {}
    for place, record in small_shop.records.items():
        prices = [part["price"] for part in [record, *record.get("lines", [])] if "price" in part]
        checks = {
            "impossible_price": not all(isinstance(price, (int, float)) and 0 <= price <= 1_000_000 for price in prices),
            "unknown_item": record.get("item_id", min(known)) not in known,
            "no_visitor": not {"user_id", "anonymous_id"} & record.keys(),
            "unknown_event_type": record["event"] not in RANK,
            "duplicate_same_day": first.get(record["id"]) == place[0],
            "duplicate_resent": first.get(record["id"], place[0]) != place[0],
        }
        for kind in (kind for kind, is_so in checks.items() if is_so):
            faults[kind][place] = record["id"]
        first.setdefault(record["id"], place[0])
    assert faults == {kind: places for kind, places in small_shop.dirt.items() if kind in faults}
    assert faults.keys() == SHARES.keys() - {"broken_json", "late"}


def test_records_that_come_late_come_one_to_five_days_late(small_shop):
    for place, event_id in small_shop.dirt["late"].items():
        record = small_shop.records[place]
        delay = date.fromisoformat(Path(place[0]).stem) - _local(record).date()
        assert record["id"] == event_id and 1 <= delay.days <= 5


# How it is written


def test_a_second_run_does_nothing_and_says_so(small_shop):
    before = {path: path.stat().st_mtime_ns for path in small_shop.landing.parent.rglob("*")}
    summary = make(small_shop.landing, small_shop.truth, SMALL)
    assert not summary.was_made and "nothing to do" in str(summary)
    assert {path: path.stat().st_mtime_ns for path in small_shop.landing.parent.rglob("*")} == before


def test_files_of_another_origin_are_left_alone(tmp_path):
    landing = tmp_path / "landing"
    landing.mkdir()
    (landing / "orders.csv").write_text("mine")
    with pytest.raises(steps.StepError, match="holds other files"):
        make(landing, tmp_path / "truth", SMALL)
    assert [path.name for path in tmp_path.rglob("*")] == ["landing", "orders.csv"]


def test_a_run_killed_half_way_leaves_nothing_in_landing_and_the_next_one_finishes(tmp_path, monkeypatch):
    tiny = DemoShop(users=20, items=24, days=40)
    with monkeypatch.context() as patch:
        patch.setattr("ingestion.demo_shop.tables.write_truth", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "landing", tmp_path / "truth", tiny)
    assert not (tmp_path / "landing").exists()
    assert make(tmp_path / "landing", tmp_path / "truth", tiny).was_made
    assert sorted(path.name for path in tmp_path.iterdir()) == ["landing", "truth"]
    assert (tmp_path / "landing").stat().st_mode & 0o777 == 0o700


def test_the_command_makes_a_shop_of_the_asked_size_and_says_what_is_wrong(tmp_path):
    def run(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "ingestion.demo_shop", "--items", "24", "--days", "40", *arguments]
        environment = {"NIGHTCART_DATA": str(tmp_path), "PATH": ""}
        return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)

    made = run("--users", "25")
    assert made.returncode == 0 and made.stdout.startswith("demo shop made 44 files, 25 users, 24 items,"), made.stderr
    assert len(list(csv.DictReader((tmp_path / "demo" / "truth" / "users.csv").open()))) == 25
    refused = run("--users", "3")
    assert refused.returncode == 1 and "at least 20 users" in refused.stderr and "Traceback" not in refused.stderr


def test_rows_are_drawn_in_proportion_to_their_weights_and_within_their_slice():
    rows = Rows(np.array([[1.0, 0, 3], [0, 2, 2]]))
    uniform = (np.arange(1_000) + 0.5) / 1_000
    assert np.bincount(rows.draw(np.zeros(1_000, int), uniform)).tolist() == [250, 0, 750]
    assert np.bincount(rows.draw(np.ones(1_000, int), uniform)).tolist() == [0, 500, 500]
    assert set(rows.draw(np.ones(1_000, int), uniform, np.full(1_000, 2), np.full(1_000, 3))) == {2}
