"""Every built-in importer lands its sample, which we made after the public specification, as the rows of one little story."""

import gzip
import json
import re
from decimal import Decimal
from typing import NamedTuple

import duckdb
import pyarrow
import pytest

import shop as shops
from ingestion.pseudonyms import visitor_key
from settings import PROJECT_ROOT
from shop import Privacy
from sources import Column, Condition, EventTypeMapping, SkipRule, Source
from tests.ingestion.door import KEY, Door, new_door

SAMPLES = PROJECT_ROOT / "tests" / "ingestion" / "samples"
PEOPLE = {
    visitor_key([KEY], kind, "tiny", raw_id): name
    for kind, raw_id, name in (
        ("user", "17850", "anna"),
        ("user", "13047", "ben"),
        ("user", "anna-2019", "anna's old account"),
        ("anon", "184170001", "phone"),
        ("anon", "184170002", "laptop"),
    )
}


class Row(NamedTuple):
    """An event line; `visitor` and `device` are names from PEOPLE, sessions are numbered as they begin."""

    event_type: str
    at: str  # UTC, of 2026-01-05
    visitor: str
    device: str | None
    session: str | None
    item_id: str | None = None
    order_id: str | None = None
    quantity: int | None = None
    price: Decimal | None = None
    currency: str | None = None
    position: int | None = None
    query: str | None = None
    rating: float | None = None


MUG, POT, TEA = Decimal("12.5"), Decimal(30), Decimal(4)
STORY = (
    Row("product_searched", "09:00:00", "phone", None, "s1", query="red mug"),
    Row("product_list_viewed", "09:00:20", "phone", None, "s1", "10001", price=MUG, currency="EUR", position=1),
    Row("product_list_viewed", "09:00:20", "phone", None, "s1", "10002", price=POT, currency="EUR", position=2),
    Row("product_clicked", "09:00:40", "phone", None, "s1", "10001", price=MUG, currency="EUR", position=1),
    Row("product_viewed", "09:01:00", "anna", "phone", "s1", "10001", price=MUG, currency="EUR"),
    Row("product_added", "09:02:00", "anna", "phone", "s1", "10001", quantity=2, price=MUG, currency="EUR"),
    Row("wishlist_added", "09:02:30", "anna", "phone", "s1", "10003", price=TEA, currency="EUR"),
    Row("checkout_started", "09:03:00", "anna", "phone", "s1", "10001", quantity=2, price=MUG, currency="EUR"),
    Row("checkout_started", "09:03:00", "anna", "phone", "s1", "10002", quantity=1, price=POT, currency="EUR"),
    Row("order_completed", "09:05:00", "anna", "phone", "s1", "10001", "536365", 2, MUG, "EUR"),
    Row("order_completed", "09:05:00", "anna", "phone", "s1", "10002", "536365", 1, POT, "EUR"),
    Row("product_viewed", "10:00:00", "ben", "laptop", "s2", "10003", price=TEA, currency="EUR"),
    Row("product_added", "10:01:00", "ben", "laptop", "s2", "10003", quantity=1, price=TEA, currency="EUR"),
    Row("product_removed", "10:02:00", "ben", "laptop", "s2", "10003", quantity=1, price=TEA, currency="EUR"),
    Row("order_completed", "10:05:00", "ben", "laptop", "s2", "10001", "536366", 1, MUG, "EUR"),
    Row("order_refunded", "15:00:00", "anna", "phone", "s3", "10002", "536365", 1, POT, "EUR"),
    Row("product_reviewed", "15:10:00", "anna", "phone", "s3", "10001", rating=4.0),
)


def story(*left_out: str, unknown: tuple[str, ...] = (), only: tuple[str, ...] = ()) -> list[Row]:
    """The story for a format that has no events of some types, or of all but `only`, and in which some fields are unknown."""
    rows = [row for row in STORY if row.event_type not in left_out and (not only or row.event_type in only)]
    return [row._replace(**dict.fromkeys(unknown)) for row in rows]


def on_devices(rows: list[Row]) -> list[Row]:
    """The rows of a format that knows devices, and not whose they are."""
    return [row._replace(visitor={"anna": "phone", "ben": "laptop"}[row.visitor]) for row in rows]


def in_snowplow(rows: list[Row]) -> list[Row]:
    """A checkout step there names no goods."""
    checkout = Row("checkout_started", "09:03:00", "anna", "phone", "s1")
    return sorted([*rows, checkout], key=lambda row: row.at)


def in_rees46(rows: list[Row]) -> list[Row]:
    """What is bought in one session is an order there, by the session's id."""
    orders = {"536365": "6d1c1f4e-0000-4000-8000-000000000001", "536366": "6d1c1f4e-0000-4000-8000-000000000002"}
    return [row._replace(order_id=orders.get(row.order_id)) for row in rows]


def in_online_retail(rows: list[Row]) -> list[Row]:
    """A refund there is an invoice of its own, and all is in pounds."""
    return [row._replace(currency="GBP", order_id="C536379" if row.event_type == "order_refunded" else row.order_id) for row in rows]


BOUGHT = ("product_viewed", "product_added", "product_removed", "order_completed")
# importer → (sample, how its files are called, what lands, skipped, refused, duplicates)
IMPORTERS = {
    "segment": ("segment.jsonl", "{date}/events.json.gz", story(), 8, {"names no item": 1, "not valid JSON": 1}, 1),
    "ga4": ("ga4.jsonl", "{date}/events_{day}.json.gz", story("product_reviewed"), 6, {"names no item": 1}, 0),
    "snowplow": (
        "snowplow.jsonl",
        "{date}.jsonl.zst",
        in_snowplow(story("product_searched", "wishlist_added", "product_reviewed", "checkout_started")),
        4,
        {"price is negative": 1},
        1,
    ),
    "rees46": (
        "rees46.csv", "{date}.csv.gz", in_rees46(story(only=BOUGHT, unknown=("device", "quantity", "currency"))),
        0, {"price is negative": 1}, 0,
    ),
    "retailrocket": (
        "retailrocket.csv",
        "{date}.csv",
        on_devices(story("product_removed", only=BOUGHT, unknown=("device", "session", "quantity", "price", "currency"))),
        0,
        {"names no item": 1},
        0,
    ),
    "taobao": (
        "taobao.csv",
        "{date}.csv",
        story(
            "product_removed", only=(*BOUGHT, "wishlist_added"), unknown=("device", "session", "order_id", "quantity", "price", "currency")
        ),
        0,
        {"event_at is before 2000-01-01": 1},
        0,
    ),
    "online_retail": (
        "online_retail.csv",
        "{date}.csv",
        in_online_retail(story(only=("order_completed", "order_refunded"), unknown=("device", "session"))),
        2,
        {"quantity is not a positive whole number": 1},
        0,
    ),
}  # fmt: skip
ZONES = {"online_retail": "Europe/London"}  # its times are those of the shop; all others know theirs


def importer_door(tmp_path, *sources: dict, zone: str = "America/New_York") -> Door:
    """A door for sources of a shop file, each with an importer."""
    with_keys = [shops._with_importer(source) for source in sources]
    return new_door(tmp_path, *with_keys, timezone=zone, max_refused_share=1)


def named(pattern: str, delivered: str = "2026-01-06", day: str = "2026-01-05") -> str:
    """A file's name by its pattern; GA4's dates are without dashes."""
    name = pattern.replace("{date}", delivered).replace("{day}", day)
    return name.replace("-", "") if "{day}" in pattern else name


def packed(name: str, content: bytes) -> bytes:
    """Content, compressed as the file's name says."""
    if name.endswith(".zst"):
        return pyarrow.compress(content, codec="zstd", asbytes=True)
    return gzip.compress(content) if name.endswith(".gz") else content


def deliver(door: Door, name: str, sample: str, more: bytes = b"") -> None:
    door.deliver(name, packed(name, (SAMPLES / sample).read_bytes() + more))


def landed_story(door: Door) -> list[Row]:
    """The lake's events as rows of the story; lines of one record are in their order."""
    fields = ", ".join(name for name in Row._fields if name not in ("at", "visitor", "device", "session"))
    rows = door.query(
        f"select event_type, strftime(event_at, '%H:%M:%S'), visitor_key, device_key, session_id, {fields.removeprefix('event_type, ')} "
        "from events order by event_at, event_id"
    )
    numbers: dict[str, str] = {}
    for row in rows:
        if row[4] is not None:
            numbers.setdefault(row[4], f"s{len(numbers) + 1}")
    return [
        Row(type_, at, PEOPLE.get(who), PEOPLE.get(device), numbers.get(session), *rest) for type_, at, who, device, session, *rest in rows
    ]


def in_order(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: (row.at, row.item_id or ""))


@pytest.mark.parametrize("importer", IMPORTERS)
def test_a_sample_lands_as_the_story(tmp_path, importer):
    sample, pattern, expected, skipped, refused, duplicates = IMPORTERS[importer]
    door = importer_door(tmp_path, {"name": "shop", "importer": importer, "files": pattern}, zone=ZONES.get(importer, "America/New_York"))
    deliver(door, named(pattern), sample)
    door.land()
    assert in_order(landed_story(door)) == in_order(expected)
    (entry,) = door.entries
    assert (sum(entry.skipped.values()), entry.quarantined, entry.duplicate) == (skipped, refused, duplicates)
    assert entry.event_lines == len(expected)
    records = len((SAMPLES / sample).read_bytes().splitlines()) - (sample.endswith(".csv") and importer != "taobao")
    assert entry.read == records


@pytest.mark.parametrize("importer", sorted(IMPORTERS.keys() - {"ga4"}))
def test_the_same_events_in_another_file_are_duplicates(tmp_path, importer):
    sample, pattern, expected, *_ = IMPORTERS[importer]
    door = importer_door(tmp_path, {"name": "shop", "importer": importer, "files": pattern}, zone=ZONES.get(importer, "America/New_York"))
    deliver(door, named(pattern), sample)
    deliver(door, named(pattern, delivered="2026-01-07"), sample, more=b"\n")
    door.land()
    assert in_order(landed_story(door)) == in_order(expected)
    first, second = door.entries
    assert (second.landed, second.duplicate) == (0, first.landed + first.duplicate)


def ga4_door(tmp_path, *sources: dict, **keys) -> Door:
    return importer_door(tmp_path, {"name": "web", "importer": "ga4", "files": "{date}/events_{day}.json.gz"} | keys, *sources)


def ga4_event(name: str, second: int, item: str = "10001", **more) -> dict:
    return {
        "event_timestamp": str(1767603600_000000 + second * 1_000_000),
        "event_name": name,
        "user_pseudo_id": "184170001",
        "event_params": [{"key": "ga_session_id", "value": {"int_value": "1767603600"}}],
        "items": [{"item_id": item, "price": 12.5}],
    } | more


def json_lines(*records: dict) -> bytes:
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def test_a_daily_table_of_ga4_is_replaced_when_it_is_rewritten(tmp_path):
    door = ga4_door(tmp_path)
    monday = [ga4_event("view_item", 1), ga4_event("view_item", 2, "10002")]
    deliveries = {
        "20260106": {"20260105": monday},
        "20260107": {"20260105": [*monday, ga4_event("view_item", 3, "10003")], "20260106": [ga4_event("view_item", 86400)]},
        "20260108": {"20260105": [*monday[:1], ga4_event("view_item", 3, "10003")], "20260106": [ga4_event("view_item", 86400)]},
    }
    for night, tables in deliveries.items():
        for day, records in tables.items():
            door.deliver(f"{night}/events_{day}.json.gz", gzip.compress(json_lines(*records)))
    door.land()
    seen = {"2026-01-06": ["10001", "10002"], "2026-01-07": ["10001", "10002", "10003"], "2026-01-08": ["10001", "10003"]}
    for night, items in seen.items():
        monday = door.query("select item_id from events where event_at < '2026-01-06' order by 1", as_of=night)
        assert [item for (item,) in monday] == items
    assert door.query("select count(*) from events where event_at >= '2026-01-06'") == [(1,)]


def test_sessions_of_ga4_that_start_in_one_second_are_two(tmp_path):
    door = ga4_door(tmp_path)
    records = [ga4_event("view_item", 1), ga4_event("view_item", 1, user_pseudo_id="184170002"), ga4_event("view_item", 2)]
    door.deliver("20260106/events_20260105.json.gz", gzip.compress(json_lines(*records)))
    door.land()
    sessions = {"phone": set(), "laptop": set()}
    for row in landed_story(door):
        sessions[row.visitor].add(row.session)
    assert sorted(sessions.values(), key=min) == [{"s1"}, {"s2"}]


def test_what_is_bought_without_consent_to_analytics_counts_for_nobody(tmp_path):
    door = ga4_door(tmp_path)
    nobody = {"user_pseudo_id": None, "ecommerce": {"transaction_id": "536399"}}
    records = [ga4_event("view_item", 1, **nobody), ga4_event("purchase", 2, **nobody)]
    door.deliver("20260106/events_20260105.json.gz", gzip.compress(json_lines(*records)))
    door.land()
    assert door.query("select event_type, order_id, visitor_key from events") == [("order_completed", "536399", None)]
    assert [entry.skipped for entry in door.entries] == [{"names nobody, without consent to analytics": 1}]


TYPES = {
    "event_timestamp": "BIGINT",
    "event_name": "VARCHAR",
    "event_params": "STRUCT(key VARCHAR, value STRUCT(string_value VARCHAR, int_value BIGINT, float_value DOUBLE, double_value DOUBLE))[]",
    "user_id": "VARCHAR",
    "user_pseudo_id": "VARCHAR",
    "ecommerce": "STRUCT(transaction_id VARCHAR, total_item_quantity BIGINT)",
    "items": "STRUCT(item_id VARCHAR, item_name VARCHAR, price DOUBLE, quantity BIGINT, item_list_index VARCHAR)[]",
}


# nested columns as JSON texts, as Redshift and PostgreSQL export them to CSV, and times in UTC without saying so
IN_CSV = """
    select
        columns('(_id|id|_tstamp)$') ->> '$' as '\\0', columns('^(unstruct_event|contexts)_.*')
    from (
        select * replace (to_json(replace(replace(derived_tstamp ->> '$', 'T', ' '), 'Z', '')) as derived_tstamp)
        from read_ndjson('sample', maximum_depth = 1)
    )"""


@pytest.mark.parametrize(
    ("importer", "form", "query", "keys"),
    [
        ("ga4", "parquet", f"from read_json('sample', columns = {TYPES})", {}),
        ("snowplow", "parquet", "select * replace (derived_tstamp::timestamptz as derived_tstamp) from read_json('sample')", {}),
        ("snowplow", "csv", IN_CSV, {}),
    ],
    ids=["ga4_in_parquet", "snowplow_in_parquet", "snowplow_in_csv"],
)
def test_other_forms_of_an_export_land_as_its_json_lines_do(tmp_path, importer, form, query, keys):
    sample, _, expected, *_ = IMPORTERS[importer]
    pattern = "{date}/events_{day}." + form
    keys = keys | {"date_format": "%Y%m%d"}
    door = importer_door(tmp_path, {"name": "shop", "importer": importer, "format": form, "files": pattern} | keys)
    path = door.landing / named(pattern)
    path.parent.mkdir()
    with duckdb.connect() as connection:
        connection.execute(f"copy ({query.replace('sample', str(SAMPLES / sample))}) to '{path}' (format {form})")
    door.land()
    assert in_order(landed_story(door)) == in_order(expected)


SEGMENT = [
    {"name": name, "importer": importer, "files": "{date}/events.json.gz"}
    for name, importer in (
        ("web", "segment"), ("people", "segment_identify"), ("logins", "segment_links"), ("aliases", "segment_aliases"),
        ("goods", "segment_items"),
    )
]  # fmt: skip


@pytest.fixture(scope="module")
def segment_shop(tmp_path_factory):
    """A shop whose five sources have read Segment's sample."""
    door = importer_door(tmp_path_factory.mktemp("segment"), *SEGMENT)
    deliver(door, "2026-01-06/events.json.gz", "segment.jsonl")
    door.land()
    return door


def test_identify_calls_give_people_with_their_consent_and_nothing_private(segment_shop):
    rows = segment_shop.query("select visitor_key, traits, consent_personalization from users")
    people = {PEOPLE[key]: (json.loads(traits), consent) for key, traits, consent in rows}
    known = {"age": "41", "gender": None, "title": None, "plan": "gold", "created_at": "2024-03-01T10:00:00Z"}
    assert people == {"anna": (known, None), "ben": (dict.fromkeys(known) | {"plan": "basic"}, False)}


def test_identify_and_alias_calls_give_links(segment_shop):
    rows = segment_shop.query(
        "select source, visitor_key, linked_key, is_device, strftime(linked_at, '%H:%M:%S') from links order by source, 5"
    )
    assert [(source, PEOPLE[key], PEOPLE[linked], is_device, at) for source, key, linked, is_device, at in rows] == [
        ("aliases", "anna", "anna's old account", False, "09:00:51"),
        ("logins", "anna", "phone", True, "09:00:50"),
        ("logins", "ben", "laptop", True, "09:59:00"),
    ]


def test_nothing_private_of_segments_calls_is_kept(segment_shop):
    private = re.compile(r"anna\.smith|ben@|7946|203\.0\.113|Smith|6th St|BA1|\b17850\b|\b13047\b|184170001|anna-2019")
    assert private.search((SAMPLES / "segment.jsonl").read_text())
    texts = 0
    for path in segment_shop.paths.root.rglob("*.parquet"):
        with duckdb.connect() as connection:
            for row in connection.execute(f"select columns(*)::varchar from read_parquet('{path}', hive_partitioning = false)").fetchall():
                kept = [text for text in row if text is not None]
                texts += len(kept)
                assert not [text for text in kept if private.search(text)]
    assert texts > 200
    assert segment_shop.query("select count(*) from quarantine where raw like '%[private]%'") != [(0,)]


# importer → (sample, the goods: id, title, category, brand, price)
MUG_AND_TEA = ["10001 | Red mug | Kitchen > Mugs | Hearth | 12.5", "10003 | Green tea | Food > Tea | Leaf & Co | 4.0"]
CATALOGUES = {
    "segment_items": ("segment.jsonl", MUG_AND_TEA),
    "snowplow_items": ("snowplow.jsonl", MUG_AND_TEA),
    "ga4_items": (
        "ga4.jsonl",
        [
            "10001 | Red mug | Kitchen | Hearth | 12.5",
            "10002 | Teapot | Kitchen | Hearth | 30.0",
            "10003 | Green tea | Food | Leaf & Co | 4.0",
        ],
    ),
    "rees46_items": (
        "rees46.csv",
        [
            "10001 | - | kitchen > mugs | hearth | 12.5",
            "10002 | - | kitchen > teapots | hearth | 30.0",
            "10003 | - | 2053013563810775923 | leaf & co | 4.0",
        ],
    ),
    "taobao_items": ("taobao.csv", ["10001 | - | 4602 | - | -", "10002 | - | 4603 | - | -", "10003 | - | 2951 | - | -"]),
    "online_retail_items": (
        "online_retail.csv",
        ["10001 | RED MUG | - | - | -", "10002 | TEAPOT | - | - | -", "10003 | GREEN TEA | - | - | -"],
    ),
}


@pytest.mark.parametrize("importer", CATALOGUES)
def test_goods_are_found_in_the_events(tmp_path, importer):
    sample, expected = CATALOGUES[importer]
    events = {"name": "events", "importer": importer.removesuffix("_items"), "files": "{date}.txt"}
    door = importer_door(tmp_path, events, {"name": "goods", "importer": importer, "files": "{date}.txt"})
    deliver(door, named("{date}.txt").replace("-", "") if "ga4" in importer else named("{date}.txt"), sample)
    door.land()
    fields = ", ".join(f"coalesce({field}::varchar, '-')" for field in ("item_id", "title", "category", "brand", "price::double"))
    assert [row for (row,) in door.query(f"select concat_ws(' | ', {fields}) from items order by 1")] == expected


def test_every_importer_has_a_sample_here():
    tested = {*IMPORTERS, *CATALOGUES, *(source["importer"] for source in SEGMENT)}
    assert tested == {path.stem for path in shops.IMPORTERS.glob("*.yml")}


def test_the_docs_name_every_importer_and_every_key_of_a_source():
    importers, keys = ((PROJECT_ROOT / "docs" / page).read_text() for page in ("importers.md", "shop-file.md"))
    assert not [path.stem for path in shops.IMPORTERS.glob("*.yml") if f"`{path.stem}`" not in importers]
    parts = (Source, Column, Condition, SkipRule, EventTypeMapping, Privacy)
    names = {field.alias or name for part in parts for name, field in part.model_fields.items()}
    assert not [name for name in sorted(names) if not re.search(rf"`(\w+\.)?{name}[`:]", keys)]


def test_a_shop_file_can_change_what_an_importer_says(tmp_path):
    path = tmp_path / "mine.yml"
    path.write_text("""
name: mine
title: Mine
timezone: Europe/Berlin
currency: EUR
sources:
  - name: web
    importer: segment
    files: "{date}/*.json.gz"
    columns: {consent_personalization: context.consent.categoryPreferences.Ads, rating: null}
""")
    (source,) = shops.read(path).sources
    assert source.columns["consent_personalization"].from_ == ("context.consent.categoryPreferences.Ads",)
    assert "rating" not in source.columns
    assert source.columns["user_id"].from_ == ("userId",)
    path.write_text(path.read_text().replace("importer: segment", "importer: sigment"))
    with pytest.raises(shops.ShopFileError, match="source web: no importer sigment; there are ga4, "):
        shops.read(path)
