"""Nights added one to another give the tables of one full build, whatever came late, twice, or from a clock ahead of ours."""

import random
import re
import shutil
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
import yaml

from settings import PROJECT_ROOT
from tests.lake_by_hand import LakeByHand, event, key
from tests.test_warehouse import SHOP

FIRST_DAY = date(2026, 3, 1)
NIGHTS = [date(2026, 3, day) for day in (5, 7, 10)]
USERS, DEVICES, ITEMS, BOT, CRAWLER = range(1, 9), range(11, 16), "abcde", 21, 22
UNDECIDED = (7, 8)
TYPES = ["product_viewed", "product_added", "order_completed", "order_refunded", "product_searched", "campaign_sent"]
# what a night did, and not what it made
OF_THE_NIGHT = {
    "int_parts", "int_changed_days", "int_last_persons", "int_snapshot_people", "int_item_categories",
    "int_replaced_user_item_days", "int_amended_user_item_days",
}  # fmt: skip
OF_THE_RUN = ("build_number", "is_new", "is_changed", "is_redescribed", "is_repriced")
# of past days they hold only what tonight wrote into feat_user_snapshots
PARTS_OF_SNAPSHOTS = {f"feat_user_{part}" for part in ("windows", "activity", "carts", "orders", "prices", "tastes", "times")}
WHAT_A_NIGHT_MADE = dict.fromkeys(PARTS_OF_SNAPSHOTS, f"as_of_date = date '{NIGHTS[-1]}'") | {
    "int_item_category_periods": "category is not null",  # the others say that the last night knew one
}


def random_event(chance: random.Random, number: int, day: date) -> dict:
    """An event between the day's morning and the next night; few machines, so that sessions meet, and cross midnight."""
    at = datetime.combine(day, datetime.min.time()) + timedelta(minutes=chance.choice([0, 20, 40, 600, 625, 1290, 1420, 1439]))
    at += timedelta(minutes=chance.randrange(30), seconds=number % 60)
    user = chance.choice([None, *USERS])
    columns = {
        "event_id": f"web:{number}#1",
        "source": chance.choice(["web", "web", "app"]),
        "item_id": chance.choice([None, *ITEMS]),
        "session_id": chance.choice([None, None, None, f"s{chance.randrange(12)}"]),
        # refusers are few: of whom nothing may be known, nothing is compared
        "consent_personalization": chance.choice([None] * 20 + [True, False]) if user in UNDECIDED else None,
    }
    kind = chance.choice(TYPES)
    if kind.startswith("order"):
        # a refund without item and price is one of the whole order
        columns |= {"order_id": chance.choice([None, f"o{chance.randrange(20)}"]), "quantity": chance.randrange(1, 4)}
        columns |= {"price": number % 7} if kind == "order_completed" or columns["item_id"] else {}
    device = chance.choice([None, *DEVICES]) if user else chance.choice(DEVICES)
    row = event(user, f"{at}", kind, device=device, **columns)
    return row | ({"visitor_key": None, "device_key": None} if kind == "order_completed" and chance.random() < 0.1 else {})


def flood(visitor: int, day: str, name: str) -> list[dict]:
    return [event(visitor, f"{day} 08:{number // 60:02}:{number % 60:02}", event_id=f"{name}:{number}") for number in range(45)]


def fill(lake: LakeByHand, chance: random.Random) -> None:
    """Ten days of deliveries, of which each night knows some; a few events come up to six days late, or before their day."""
    deliveries: dict[date, list[dict]] = {FIRST_DAY + timedelta(days=number): [] for number in range(10)}
    for number in range(900):
        day = FIRST_DAY + timedelta(days=chance.randrange(10))
        landed = day + timedelta(days=chance.choice([0] * 12 + [1, 1, 2, 6, -1, -2]))
        deliveries[min(max(landed, FIRST_DAY), NIGHTS[-1])].append(random_event(chance, number, day))
    for day, rows in deliveries.items():
        chance.shuffle(rows)
        half = len(rows) // 2
        lake.deliver("events", f"web-{day}", str(day), rows[:half])
        # half of each day is delivered again, one line the less and one of an unknown visitor's the more
        again = day + timedelta(days=chance.choice([1, 3]))
        lake.deliver("events", f"more-{day}", str(day), rows[half:], replaced_date=str(again))
        stranger = event(None, f"{day} 21:00:00", device=40 + day.day, event_id=f"again:{day}")
        lake.deliver("events", f"again-{day}", str(again), [*rows[half + 1 :], stranger])
        deliver_repeats(lake, day, rows[:half], rows[half:])
    # one is found to be a bot on the second night; another was one until its busiest day was delivered again
    quiet = [event(visitor, f"2026-03-0{day} 12:00:00", device=11) for visitor in (BOT, CRAWLER) for day in (2, 3, 4)]
    sent = [event(BOT, "2026-03-03 13:00:00", "campaign_sent")]
    lake.deliver("events", "bots-quiet", "2026-03-04", [*quiet, *sent])
    lake.deliver("events", "bot-flood", "2026-03-06", flood(BOT, "2026-03-06", "bot"))
    lake.deliver("events", "crawler-flood", "2026-03-04", flood(CRAWLER, "2026-03-04", "crawler"), replaced_date="2026-03-07")
    # the line of an order comes a night after the refund of the whole of it, by one who did nothing else
    lake.deliver("events", "refund", "2026-03-04", [event(31, "2026-03-03 12:00:00", "order_refunded", order_id="whole", item_id=None)])
    line = event(32, "2026-03-02 12:00:00", "order_completed", order_id="whole", quantity=1, price=5)
    lake.deliver("events", "late-line", "2026-03-06", [line])
    lake.deliver("links", "crm", "2026-03-06", [{"visitor_key": key(1), "linked_key": key(2), "is_device": False}])
    # with other prices each time, and from the 6th on in other categories and of another brand
    for day in (2, 6, 9):
        about = {"price": day, "is_active": True, "brand": "old" if day < 6 else "new"}
        items = [{"item_id": item, "category": f"Category {number % 2 + day // 6} > {item}"} | about for number, item in enumerate("abc")]
        lake.deliver("items", f"items-{day}", f"2026-03-0{day}", items)
    # two items are in catalogues that other ones take the place of, before the second night and before the third
    for item, replaced_date in (("d", "2026-03-07"), ("e", "2026-03-08")):
        gone = [{"item_id": item, "category": f"Category 0 > {item}", "brand": "Gone"}]
        lake.deliver("items", f"items-{item}", "2026-03-04", gone, replaced_date=replaced_date)


def deliver_repeats(lake: LakeByHand, day: date, standing: list[dict], replaced: list[dict]) -> None:
    """What other deliveries bring of a day's halves, of which the first line of the second is in no newer delivery of it.

    That line counts by the first of them, until that one is replaced; then by the second; on even days a third has it as an
    event of its own in the end. A last one came before the day it repeats, and counts until then.
    """
    held_by = {name: f"lake/events/landed_date={day}/{name}-{day}.parquet" for name in ("web", "more")}
    again = [row | {"held_by": held_by["more"]} for row in replaced]
    before = [row | {"held_by": held_by["web"]} for row in standing]
    lake.deliver("events", f"first-{day}", f"{day + timedelta(days=1)}", [], f"{day + timedelta(days=4)}", repeats=again[:3])
    lake.deliver("events", f"second-{day}", f"{day + timedelta(days=2)}", [], repeats=again[:1] + again[2:5])
    if day.day % 2 == 0:
        lake.deliver("events", f"third-{day}", f"{day + timedelta(days=5)}", replaced[:1])
    lake.deliver("events", f"last-{day}", f"{day - timedelta(days=2)}", [], repeats=before[::4])


@pytest.fixture(scope="module", params=[7])
def built_both_ways(request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The warehouse after the last of the nights, and the one that a full build of that night makes."""
    folder = tmp_path_factory.mktemp("nights")
    file = folder / "tiny.yml"
    target = {"name": "category_purchase_2d", "horizon_days": 2, "per": "category", "label": "is_purchaser"}
    predictions = {"snapshot_every_days": 2, "snapshot_count": 5, "targets": ["purchase_7d", target]}
    rules = {"eligibility": {"min_events": 2, "max_events_per_day": 40}, "predictions": predictions}
    file.write_text(yaml.safe_dump(SHOP | rules))
    fill(LakeByHand(folder / "data" / "tiny" / "lake"), random.Random(request.param))
    for number, night in enumerate(NIGHTS):
        summary = build(folder, night)
        assert ("added to" in summary) == (number > 0), summary
    warehouse = folder / "data" / "tiny" / "warehouse.duckdb"
    night_by_night = shutil.copy(warehouse, folder / "night_by_night.duckdb")
    assert "added to" not in build(folder, NIGHTS[-1], "--full")
    return Path(night_by_night), warehouse


def build(folder: Path, night: date, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "warehouse", "build", "features", "--shop", str(folder / "tiny.yml"), "--run-date", str(night), *options],
        cwd=PROJECT_ROOT, env={"NIGHTCART_DATA": str(folder / "data"), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_night_by_night_gives_the_tables_of_one_full_build(built_both_ways):
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for name, file in zip(("nightly", "complete"), built_both_ways, strict=True):
            connection.execute(f"attach '{file}' as {name} (read_only)")
        tables = "select table_name from duckdb_tables() where database_name = 'complete' order by 1"
        empty = set()
        for (table,) in connection.sql(tables).fetchall():
            if table in OF_THE_NIGHT or table.startswith("int_touched_"):
                continue
            query = f"select columns(c -> c not in {OF_THE_RUN}) from {{}}.{table} where {WHAT_A_NIGHT_MADE.get(table, 'true')}"
            rows = {name: query.format(name) for name in ("nightly", "complete")}
            lost = connection.sql(f"{rows['complete']} except all {rows['nightly']}").fetchall()
            added = connection.sql(f"{rows['nightly']} except all {rows['complete']}").fetchall()
            assert (lost[:3], added[:3]) == ([], []), table
            if not connection.sql(f"select count(*) from complete.{table}").fetchone()[0]:
                empty.add(table)
    assert empty == {"feat_interaction_labels"}, "ten days are fewer than the holdout's"


def test_no_later_stage_reads_a_table_that_holds_what_one_run_wrote_alone():
    """A retry of the features, or a second build of the same night, has nothing to write: those tables are empty then."""
    models = [file for stage in ("candidates", "serving") for file in (PROJECT_ROOT / "dbt_project" / "models" / stage).glob("*.sql")]
    read = {file.stem: set(re.findall(r"ref\('(\w+)'\)", file.read_text())) for file in models}
    assert "feat_user_snapshots" in read["user_profiles"]
    fleeting = OF_THE_NIGHT | PARTS_OF_SNAPSHOTS
    assert {name: names & fleeting for name, names in read.items() if names & fleeting} == {}


def test_the_nights_had_to_undo_and_to_join_what_earlier_ones_had_made(built_both_ways):
    with duckdb.connect(str(built_both_ways[0]), read_only=True) as connection:
        writers = dict(connection.sql("select build_number, count(*) from int_events_sessionize group by 1").fetchall())
        assert set(writers) == {0, 1, 2}, "each night leaves alone what it has no news of"
        flagged = connection.sql("select visitor_key from int_bots").fetchall()
        assert [str(visitor)[-2:] for (visitor,) in flagged] == [str(BOT)]
        back = connection.sql(f"select count(*) from int_events_sessionize where visitor_key = '{key(CRAWLER)}'").fetchone()
        assert back == (3,), "a bot that is none any more has its events again"
        mixed = "select count(*) from (select session_key from int_events_sessionize group by 1 having count(distinct event_date) > 1)"
        assert connection.sql(mixed).fetchone()[0] > 5, "sessions over midnight"


def test_an_event_counts_once_if_any_delivery_that_brought_it_stands(built_both_ways):
    data = built_both_ways[1].parent
    night = NIGHTS[-1]
    with duckdb.connect() as connection:
        connection.execute(f"set timezone = 'UTC'; attach '{built_both_ways[0]}' as nightly (read_only)")
        standing = f"""
            from '{data}/lake/deliveries.parquet'
            where kind = 'events' and landed_date <= '{night}' and coalesce(replaced_date > '{night}', true)"""
        paths = f"select '{data}/' || unnest(list_concat(parts, repeats)) {standing}"
        brought = f"""
            select distinct event_id
            from read_parquet(['{data}/lake/events/*/*.parquet', '{data}/lake/repeats/*/*.parquet'], union_by_name = true, filename = true)
            where filename in ({paths}) and visitor_key is distinct from '{key(BOT)}'
                and event_at < timezone('{SHOP["timezone"]}', timestamp '{night + timedelta(days=1)}')"""
        counted = connection.sql("select event_id from nightly.int_events_sessionize").fetchall()
        assert sorted(counted) == sorted(connection.sql(brought).fetchall())
        repeats = (
            "select is_standing, count(*) from nightly.int_parts where counted_hash is not null or part like 'lake/repeats/%' group by 1"
        )
        assert dict(connection.sql(repeats).fetchall()).keys() == {True, False}, "some count, and some do no more"
