"""The whole night over the tiny shop: what it publishes, where each row comes from, and the truth that was planted."""

import csv
import hashlib
import hmac
import json
import re
import sqlite3
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest

import warehouse
from settings import PROJECT_ROOT
from tests.conftest import HMAC_KEY

PUBLISHED_TABLES = {
    "user_recommendations",
    "newcomer_recommendations",
    "item_recommendations",
    "item_profiles",
    "user_segments",
    "user_segment_history",
    "segment_migrations",
    "audiences",
    "audience_members",
    "user_predictions",
    "user_category_predictions",
    "prediction_outcomes",
    "user_profiles",
    "daily_kpis",
    "run_manifest",
}


def rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple]:
    return connection.sql(query).fetchall()


def key_of(tiny_shop, kind: str, raw_id: str) -> uuid.UUID:
    """The pseudonym as the design defines it, computed here by Python's own hmac."""
    message = f"{kind}:demo:{raw_id}".encode()
    return uuid.UUID(bytes=hmac.digest(tiny_shop.settings.hmac_keys[0], message, hashlib.sha256)[:16])


def truth(tiny_shop, name: str) -> list[dict[str, str]]:
    with (tiny_shop.truth / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def test_the_tables_are_published_and_filled(published_shop):
    with published_shop.published() as connection:
        counts = {
            name: rows(connection, f"select count(*) from {name}")[0][0]
            for (name,) in rows(connection, "select table_name from duckdb_tables()")
        }
        counted = {table["name"]: table["rows"] for table in json.loads(rows(connection, "select tables from run_manifest")[0][0])}
    assert set(counts) == PUBLISHED_TABLES
    assert counted == {name: count for name, count in counts.items() if name != "run_manifest"}, "the manifest counts all others"
    assert counts.pop("prediction_outcomes") == 0, "no night before this one has predicted anything"
    assert all(count > 0 for count in counts.values()), counts


def test_every_eligible_user_has_exactly_k_recommendations_and_says_where_from(published_shop):
    k = published_shop.shop.recommendations.k
    with published_shop.published() as connection:
        lists = rows(
            connection, "select user_key, count(*), max(rank), count(distinct item_id) from user_recommendations group by user_key"
        )
        eligible = rows(connection, "select count(*) from user_profiles")[0][0]
        levels = dict(rows(connection, "select fallback_level, count(*) from user_recommendations group by 1"))
        unexplained = rows(connection, "select count(*) from user_recommendations where reason is null or fallback_level is null")
        unnamed = rows(connection, "select count(*) from user_recommendations where fallback_level = 0 and model_version is null")
    assert len(lists) == eligible
    assert {(count, top, items) for _, count, top, items in lists} == {(k, k, k)}
    assert levels[0] > sum(count for level, count in levels.items() if level > 0), "the model, not the fall-backs, makes the lists"
    assert unexplained == [(0,)]
    assert unnamed == [(0,)]


def test_everybody_has_a_list_who_left_one_event_or_none_and_no_name(published_shop):
    k = published_shop.shop.recommendations.k
    with published_shop.published() as connection:
        lists = dict(rows(connection, "select user_key, count(*) from user_recommendations group by 1"))
        newcomers = dict(rows(connection, "select country, count(*) from newcomer_recommendations group by 1"))
        levels = {level for (level,) in rows(connection, "select distinct fallback_level from newcomer_recommendations")}
    with warehouse.reader(published_shop.settings, published_shop.shop, published_shop.run_date) as connection:
        once = rows(connection, "select user_key from dim_users where event_count = 1")
    nameless = {
        key_of(published_shop, "anon", device["anonymous_id"]) for device in truth(published_shop, "devices") if not device["user_id"]
    }
    assert once and {lists[key] for (key,) in once} == {k}
    assert len(nameless & lists.keys()) > 5
    countries = {user["country"] for user in _last_users_file(published_shop)}
    assert newcomers["all"] == k and set(newcomers.values()) == {k}
    assert 2 <= len(newcomers) <= 1 + len(countries) and newcomers.keys() <= {"all"} | countries
    assert levels == {2, 3}


def test_a_recommendation_is_named_by_person_item_and_night_and_a_person_is_held_out_by_a_hash(published_shop):
    with published_shop.published() as connection:
        named = rows(connection, "select user_key, item_id, run_date, recommendation_id, treatment from user_recommendations")
    share = published_shop.shop.recommendations.holdout_share
    treatments = {}
    for key, item, day, recommendation, treatment in named:
        assert recommendation == hashlib.md5(f"{key}|{item}|{day}".encode()).hexdigest()
        is_held_out = int(hashlib.md5(f"demo|{key}".encode()).hexdigest()[:8], 16) < share * 2**32
        assert treatment == ("holdout" if is_held_out else "treated")
        treatments[key] = treatment
    held_out = sum(treatment == "holdout" for treatment in treatments.values())
    assert abs(held_out - share * len(treatments)) < 4 * (share * (1 - share) * len(treatments)) ** 0.5


def test_nothing_is_recommended_that_is_inactive_sold_out_or_just_bought(published_shop):
    catalogue = sorted((published_shop.folder / "landing" / "catalogue").glob("*.csv"))[-1]
    with catalogue.open() as file:
        offered = {row["item_id"] for row in csv.DictReader(file) if row["is_active"] == "true" and int(row["stock_quantity"]) > 0}
    with published_shop.published() as connection:
        shown = {item for (item,) in rows(connection, "select distinct item_id from user_recommendations")}
        lake = published_shop.folder / "lake" / "events" / "*" / "*.parquet"
        days = published_shop.shop.recommendations.exclude_bought_within_days
        rebought = rows(
            connection,
            f"""
            select count(*) from user_recommendations
            inner join read_parquet('{lake}') as events
                on events.visitor_key = user_recommendations.user_key and events.item_id = user_recommendations.item_id
            where events.event_type = 'order_completed'
                and cast(events.event_at at time zone 'Europe/Berlin' as date) > run_date - {days}
                and cast(events.event_at at time zone 'Europe/Berlin' as date) <= run_date
            """,
        )
    assert shown <= offered
    assert rebought == [(0,)]


def test_reasons_name_an_item_of_the_persons_own_history(published_shop):
    with published_shop.published() as connection:
        lake = published_shop.folder / "lake" / "events" / "*" / "*.parquet"
        strangers = rows(
            connection,
            f"""
            select count(*) from user_recommendations
            where reason_item_id is not null and not exists (
                select 1 from read_parquet('{lake}') as events
                where events.item_id = user_recommendations.reason_item_id
                    and user_recommendations.user_key in (events.visitor_key, events.device_key)
            )
            and user_key not in (select device_key from read_parquet('{lake}') where device_key is not null)
            and user_key not in (
                -- people whose devices carry part of the history are looked at by their own key only
                select visitor_key from read_parquet('{lake}') where device_key is not null
            )
            """,
        )
        explained = rows(connection, "select count(*) from user_recommendations where reason_item_id is not null")[0][0]
    assert explained > 0
    assert strangers == [(0,)]


def test_probabilities_are_published_for_the_eligible_and_reasons_for_the_rest(published_shop):
    with published_shop.published() as connection:
        eligible = rows(
            connection,
            "select count(*), min(probability), max(probability), count(distinct probability), max(percentile), min(len(top_reasons)) "
            "from user_predictions where is_eligible and target = 'purchase_7d'",
        )[0]
        broken = rows(connection, "select count(*) from user_predictions where is_eligible != (ineligible_reason is null)")
    count, least, most, distinct, percentile, reasons = eligible
    assert count > 50
    assert 0 <= least < most <= 1
    assert distinct > 5
    assert percentile == 100
    assert reasons >= 1
    assert broken == [(0,)]


def test_the_bot_and_people_without_consent_get_no_personal_rows(published_shop):
    refusers = {
        key_of(published_shop, "user", user["user_id"])
        for user in _last_users_file(published_shop)
        if user["consent_personalization"] == "false"
    }
    bots = {key_of(published_shop, "anon", bot["anonymous_id"]) for bot in truth(published_shop, "bots")}
    assert refusers
    assert bots
    with published_shop.published() as connection:
        personal = ("user_recommendations", "user_segments", "user_profiles")
        keys = {table: {key for (key,) in rows(connection, f"select distinct user_key from {table}")} for table in personal}
        predicted = {key for (key,) in rows(connection, "select user_key from user_predictions")}
        bot_reasons = {
            reason for key, reason in rows(connection, "select user_key, ineligible_reason from user_predictions") if key in bots
        }
    for table in personal:
        assert not keys[table] & (refusers | bots), table
    assert not predicted & refusers
    assert bot_reasons == {"bot"}


def _last_users_file(tiny_shop) -> list[dict[str, str]]:
    with sorted((tiny_shop.folder / "landing" / "users").glob("*.csv"))[-1].open() as file:
        return list(csv.DictReader(file))


def test_planted_bundles_are_each_others_first_bought_together(published_shop):
    with published_shop.published() as connection:
        found = set(
            rows(connection, "select item_id, similar_item_id from item_recommendations where relation = 'bought_together' and rank <= 5")
        )
    planted = [(pair["item_id"], pair["other_item_id"]) for pair in truth(published_shop, "bundles")]
    hits = sum(pair in found and pair[::-1] in found for pair in planted)
    assert len(planted) >= 5
    assert hits >= 0.9 * len(planted), f"{hits} of {len(planted)}"


def test_two_items_recommended_beside_each_other_say_the_same_of_it(published_shop):
    with published_shop.published() as connection:
        differing = rows(
            connection,
            """
            select count(*), count(*) filter (where one.score <> other.score or one.support <> other.support)
            from item_recommendations as one
            inner join item_recommendations as other
                on one.item_id = other.similar_item_id and one.similar_item_id = other.item_id and one.relation = other.relation
            where one.support > 0 and other.support > 0
            """,
        )
        lacking = rows(
            connection,
            "select count(*) from user_recommendations anti join (from item_recommendations where relation = 'similar') using (item_id)",
        )
    assert differing[0][0] > 50 and differing[0][1] == 0
    assert lacking == [(0,)], "every recommended item has a list of similar ones, a new one too"


def test_people_who_have_left_rank_above_those_who_stay(published_shop):
    left, staying = set(), set()
    for user in truth(published_shop, "users"):
        key = key_of(published_shop, "user", user["user_id"])
        if not user["churn_date"] or user["churn_date"] > "2026-07-14":
            staying.add(key)
        elif user["churn_date"] <= "2026-06-30":
            left.add(key)
    with published_shop.published() as connection:
        chances = dict(rows(connection, "select user_key, probability from user_predictions where target = 'churn_14d' and is_eligible"))
    churners, stayers = ([chances[key] for key in sorted(keys & set(chances))] for keys in (left, staying))
    assert len(churners) >= 5
    wins = sum((a > b) + 0.5 * (a == b) for a in churners for b in stayers) / (len(churners) * len(stayers))
    assert wins >= 0.85, f"a churner outranks a stayer with probability {wins:.2f}"


def test_everyone_has_a_row_for_every_target_or_the_reason_why_not(published_shop):
    with published_shop.published() as connection:
        people = rows(connection, "select count(distinct user_key) from user_predictions")[0][0]
        counts = rows(
            connection,
            "select target, count(*), count(probability), count(expected_value), count(*) filter (is_eligible)"
            " from user_predictions group by 1",
        )
        reasons = set(rows(connection, "select distinct target, ineligible_reason from user_predictions where not is_eligible"))
        categories = rows(connection, "select count(distinct category), count(*), count(probability) from user_category_predictions")[0]
        degraded = json.loads(rows(connection, "select degraded from run_manifest")[0][0])
    found = {target: (count, chances > 0, amounts > 0, eligible > 0) for target, count, chances, amounts, eligible in counts}
    assert found == {
        "purchase_7d": (people, True, False, True),
        "churn_14d": (people, True, False, True),
        "value_28d": (people, False, True, True),
        "value_90d": (people, False, False, False),
    }
    assert {("churn_14d", "no_purchase_due"), ("value_90d", "too_short_history")} <= reasons
    assert any(sentence.startswith("value_90d is switched off: ") for sentence in degraded)
    assert categories[0] > 2 and categories[1] == categories[0] * people and categories[2] > 0


def test_daily_kpis_agree_with_the_landing_files(published_shop):
    orders, revenue = {}, {}
    seen = set()
    for file in sorted((published_shop.folder / "landing" / "events").glob("*.jsonl")):
        for line in file.read_text(errors="replace").splitlines():
            event = _event(line)
            if event and event.get("event") == "order_completed" and event["id"] not in seen and _is_clean(event):
                seen.add(event["id"])
                day = _berlin_day(event["timestamp"])
                orders.setdefault(day, set()).add(event["order_id"])
                revenue[day] = revenue.get(day, 0) + sum(round(each["price"] * each["quantity"] * 100) for each in event["lines"])
    with published_shop.published() as connection:
        published = rows(connection, "select date, orders, cast(revenue * 100 as bigint) from daily_kpis where orders > 0")
    assert {day.isoformat(): (count, cents) for day, count, cents in published} == {day: (len(orders[day]), revenue[day]) for day in orders}


def _event(line: str) -> dict | None:
    try:
        return json.loads(line)
    except json.JSONDecodeError:
        return None


def _is_clean(event: dict) -> bool:
    prices = [each["price"] for each in event["lines"]]
    has_user = bool(event.get("user_id") or event.get("anonymous_id"))
    return has_user and all(isinstance(price, int | float) and 0 <= price <= 1_000_000 for price in prices)


def _berlin_day(timestamp: str) -> str:
    return datetime.fromisoformat(timestamp).astimezone(ZoneInfo("Europe/Berlin")).date().isoformat()


# compact bases are made of facts, and what a night reads of the lake is what it does not hold yet (DECISIONS.md); no others may
READ_WHAT_COMES_LATER = {
    ("base_events", "int_parts"),
    ("int_amended_user_item_days", "fct_user_item_days"),
    ("int_basket_starts", "fct_user_days"),
    ("int_daily_activity", "fct_events"),
    ("int_daily_activity", "fct_sessions"),
    ("int_daily_orders", "fct_order_items"),
    ("int_item_sale_days", "fct_order_items"),
    ("int_order_lines", "fct_events"),
    ("int_touched_orders", "fct_events"),
    ("int_usual_prices", "fct_item_days"),
    ("int_visitors", "fct_user_days"),
}


def test_every_published_table_descends_from_the_lake_and_no_table_reads_what_comes_later(published_shop):
    manifest = json.loads((published_shop.folder / "dbt_target" / "serving" / "manifest.json").read_text())
    parents = manifest["parent_map"]

    def ancestors(node: str) -> set[str]:
        return {node}.union(*(ancestors(parent) for parent in parents.get(node, [])))

    layers = ["staging", "intermediate", "marts", "features", "candidates", "serving"]
    models = {found["name"]: found for found in manifest["nodes"].values() if found["resource_type"] == "model"}
    layer = {name: layers.index(model["path"].split("/")[0]) for name, model in models.items()}
    for table in warehouse.serving_tables(published_shop.settings, published_shop.shop, published_shop.run_date):
        assert "source.nightcart.lake.events" in ancestors(f"model.nightcart.{table.name}"), table.name
    for table in ("user_recommendations", "user_predictions", "run_manifest"):
        assert any(node.startswith("source.nightcart.predictions.") for node in ancestors(f"model.nightcart.{table}")), table
    names = {model["unique_id"]: name for name, model in models.items()}
    edges = {(name, names[parent]) for name, model in models.items() for parent in parents[model["unique_id"]] if parent in names}
    assert {(name, parent) for name, parent in edges if layer[parent] > layer[name]} == READ_WHAT_COMES_LATER


PREDICTED = {
    "purchase_7d": "user_predictions",
    "churn_14d": "user_predictions",
    "value_28d": "user_predictions",
    "category_purchase_7d": "user_category_predictions",
}


def test_what_scored_is_the_champion_that_mlflow_names(published_shop):
    with published_shop.published() as connection:
        published = {
            "demo.recommendations": rows(connection, "select distinct model_version from user_recommendations where fallback_level = 0"),
            **{
                f"demo.{name}": rows(connection, f"select distinct model_version from {table} where is_eligible and target = '{name}'")
                for name, table in PREDICTED.items()
            },
        }
        models = json.loads(rows(connection, "select models from run_manifest")[0][0])
    with sqlite3.connect(published_shop.data / "mlflow.db") as store:
        aliases = dict(
            store.execute("select name, cast(version as text) from registered_model_aliases where alias = 'champion'").fetchall()
        )
        runs = {run for (run,) in store.execute("select run_uuid from runs where status = 'FINISHED'").fetchall()}
    assert published == {name: [(version,)] for name, version in aliases.items()}
    assert {model["run_id"] for model in models if model["task"] != "value_90d"} <= runs
    assert all(model["decision"] for model in models)


@pytest.mark.parametrize("stage", ["features", "serving"])
def test_the_unit_tests_of_the_models_pass(published_shop, stage):
    tested = published_shop.step("warehouse", "test", stage)
    assert tested.returncode == 0, tested.stderr
    assert int(re.search(r"(\d+) unit tests passed", tested.stdout)[1]) >= 5


def test_every_record_is_accounted_for(first_night):
    summary = first_night[("ingestion.land",)].summary
    figures = {word: int(number) for number, word in zip(*_numbers_and_words(summary), strict=True)}
    assert figures["read"] == figures["landed"] + figures["quarantined"] + figures["duplicate"] + figures["skipped"]
    assert figures["quarantined"] > 0
    assert figures["duplicate"] > 0


def _numbers_and_words(summary: str) -> tuple[list[str], list[str]]:
    found = re.findall(r"\b(read|landed|quarantined|duplicate|skipped) (\d+)", summary) or [
        (word, number) for number, word in re.findall(r"(\d+) (read|landed|quarantined|duplicate|skipped)\b", summary)
    ]
    return [number for _, number in found], [word for word, _ in found]


PRIVATE = re.compile(rb"m\.[0-9a-f]{8}@example\.com|\+49 30 55\d{5}|\b198\.18\.\d+\.\d+\b")  # the demo shop's contacts
RAW_ID = re.compile(rb"\b(?:u-[0-9a-f]{8}|d-[0-9a-f]{10})\b")  # how the demo shop numbers users and devices


def test_no_raw_id_and_no_contact_is_in_anything_the_night_wrote(published_shop):
    raw = {user["user_id"] for user in truth(published_shop, "users")} | {d["anonymous_id"] for d in truth(published_shop, "devices")}
    kept = {published_shop.folder / "landing", published_shop.truth}
    looked_at = 0
    for file in published_shop.data.rglob("*"):
        if file.is_file() and not kept & set(file.parents):
            content = _readable(file)
            found = {match.decode() for match in RAW_ID.findall(content)} & raw
            assert not found, f"{len(found)} raw ids in {file}"
            assert not PRIVATE.search(content), f"a contact in {file}"
            assert HMAC_KEY.encode() not in content and bytes.fromhex(HMAC_KEY) not in content, f"the key of the pseudonyms in {file}"
            looked_at += 1
    assert looked_at > 150


def _readable(file: Path) -> bytes:
    """A file's bytes; of Parquet and DuckDB files, whose bytes are compressed, the values too."""
    with duckdb.connect() as connection:
        if file.suffix == ".parquet":
            return repr(connection.sql(f"from read_parquet('{file}', hive_partitioning = false)").fetchall()).encode()
        if file.suffix == ".duckdb":
            connection.execute(f"attach '{file}' as opened (read_only)")
            tables = connection.sql("select table_name from duckdb_tables() where database_name = 'opened'").fetchall()
            values = (repr(connection.sql(f"from opened.{table}").fetchall()).encode() for (table,) in tables)
            return file.read_bytes() + b"".join(values)
    return file.read_bytes()


def test_a_raw_id_would_be_found_where_there_is_one(published_shop):
    raw = {user["user_id"] for user in truth(published_shop, "users")} | {d["anonymous_id"] for d in truth(published_shop, "devices")}
    landed = b"".join(file.read_bytes() for file in (published_shop.folder / "landing" / "events").iterdir())
    contacts = {contact for person in truth(published_shop, "contacts") for contact in person.values()}
    assert len({match.decode() for match in PRIVATE.findall(landed)} & contacts) > 0.5 * len(contacts)
    assert re.search(rb'"query": ?"m\.[0-9a-f]{8}@example', landed)
    assert len({match.decode() for match in RAW_ID.findall(landed)} & raw) > 0.9 * len(raw)


def test_the_same_night_again_lands_nothing(published_shop):
    landed = published_shop.step("ingestion.land")
    assert " read 0 = landed 0 " in landed.stdout


@pytest.mark.long  # six calls of dbt
def test_the_same_night_again_grows_no_warehouse(published_shop):
    sizes = []
    for _ in range(3):
        for stage in ("features", "serving"):
            built = published_shop.step("warehouse", "build", stage)
            assert built.returncode == 0, built.stderr
        sizes.append((published_shop.folder / "warehouse.duckdb").stat().st_size)
    # a table is written beside its last version; from the second time on the room of the one before last is there for it,
    # and how much of it is cut off at the end of the file differs from run to run
    block = 262_144  # DuckDB's unit of space
    assert max(sizes[1:]) <= sizes[0] + 4 * block, sizes


def test_an_older_night_does_not_become_current(published_shop):
    before = (published_shop.folder / "serving" / "current").resolve()
    warehouse = (published_shop.folder / "warehouse.duckdb").read_bytes()
    older = published_shop.run_date.replace(day=16)
    for step in (("ingestion.land",), ("warehouse", "build", "features")):
        done = published_shop.step(*step, run_date=older)
        assert done.returncode == 0, done.stderr
    assert (published_shop.folder / "nights" / older.isoformat() / "warehouse.duckdb").exists()
    assert (published_shop.folder / "warehouse.duckdb").read_bytes() == warehouse
    assert (published_shop.folder / "serving" / "current").resolve() == before


@pytest.mark.parametrize("step", [("warehouse", "build", "features"), ("serving_exports.publish",)])
def test_a_held_lock_ends_a_step_at_once_and_says_who_holds_it(published_shop, step):
    with warehouse.lock(published_shop.settings, published_shop.shop, "test"):
        done = published_shop.step(*step)
    assert done.returncode == 1
    assert "held by test (process" in done.stderr
    assert "nothing was written" in done.stderr


def test_the_sql_in_the_pages_runs_and_answers(published_shop):
    pages = [PROJECT_ROOT / "README.md", PROJECT_ROOT / "docs" / "query.md", PROJECT_ROOT / "docs" / "segments.md"]
    texts = [page.read_text() for page in pages]
    queries = [query for text in texts for query in re.findall(r"```sql\n(.*?)```", text, re.DOTALL)]
    queries += [query for text in texts for query in re.findall(r"`(select [^`]+)`", text)]
    queries += [query for text in texts for query in re.findall(r'make sql Q="(select [^"]+)"', text)]
    assert len(queries) >= 15
    with published_shop.published() as connection:
        for query in queries:
            # what became of earlier predictions is not known on the first night
            assert rows(connection, query) or "from prediction_outcomes" in query, f"no row: {query}"


def test_a_warehouse_is_not_used_for_a_night_it_does_not_hold(published_shop):
    done = published_shop.step("training.score", run_date=published_shop.run_date + timedelta(days=1))
    assert done.returncode == 1
    assert f"holds the night of {published_shop.run_date}" in done.stderr
    assert not (published_shop.folder / "predictions" / "run_date=2026-07-01").exists()


def test_quarantine_keeps_only_the_shape_of_records_that_name_nobody(published_shop):
    quarantine = published_shop.folder / "quarantine" / "*" / "*.parquet"
    with duckdb.connect() as connection:
        raws = rows(connection, f"select raw from read_parquet('{quarantine}') where reason = 'names no user'")
    assert raws
    assert all(re.fullmatch(r"[x\s{}\[\]\",:;]+", raw) for (raw,) in raws)
