"""Drafted shop files: small samples as shops export them; the draft is read and landed as it is, and gives the rows expected by hand."""

import gzip
import json
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

import shop as shops
from ingestion.draft_shop.drafts import draft
from ingestion.draft_shop.shop_text import shop_text
from ingestion.draft_shop.sources_of_one_shop import one_shop
from ingestion.land import land
from ingestion.pseudonyms import visitor_key
from settings import PROJECT_ROOT, Settings
from tests.ingestion.door import KEY, Door

GERMAN = """Bestellnummer;Kundennummer;E-Mail;Bestelldatum;Artikelnummer;Bezeichnung;Menge;Einzelpreis;Währung
B1;K100;anna@example.org;05.01.2026 09:10;00123;Tasse;2;12,50;EUR
B1;K100;anna@example.org;05.01.2026 09:10;00124;"Teller; weiß";1;1.012,50;EUR
B2;K101;ben@example.org;17.01.2026 10:10;00123;Tasse;-2;12,50;EUR
"""
ANNA = visitor_key([KEY], "user", "mine", "K100")
COLUMNS = "event_type, strftime(event_at, '%Y-%m-%d %H:%M'), item_id, order_id, quantity, price, currency"


@pytest.fixture
def drafted(tmp_path):
    """Deliver samples to a landing folder and draft their shop: (text of the shop file, its door)."""

    def make(*files: tuple[str, str | bytes]) -> tuple[str, Door]:
        settings = replace(Settings.from_environment({"NIGHTCART_DATA": str(tmp_path)}), hmac_keys=(KEY,))
        landing = settings.paths("mine").landing
        for name, content in files:
            path = landing / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        drafts, folder = one_shop([draft(landing / name, records=1000) for name, _ in files])
        text = shop_text("mine", drafts, folder)
        file = tmp_path / "mine.yml"
        file.write_text(text)
        return text, file, settings

    return make


def landed(made: tuple, run_date: str = "2026-02-01") -> Door:
    """The door of a drafted shop, after a night; the draft is not touched."""
    _, file, settings = made
    door = Door(settings, shops.read(file))
    land(settings, door.shop, date.fromisoformat(run_date))
    return door


def events(made: tuple, columns: str = COLUMNS) -> list[tuple]:
    return landed(made).query(f"select {columns} from events order by event_at, item_id, event_id")


def test_a_german_order_export_lands_as_drafted(drafted):
    made = drafted(("bestellungen_2026-01-20.csv", GERMAN))
    assert events(made) == [  # 09:10 in Berlin is 08:10 in UTC
        ("order_completed", "2026-01-05 08:10", "00123", "B1", 2, Decimal("12.5"), "EUR"),
        ("order_completed", "2026-01-05 08:10", "00124", "B1", 1, Decimal("1012.5"), "EUR"),
        ("order_refunded", "2026-01-17 09:10", "00123", "B2", 2, Decimal("12.5"), "EUR"),
    ]


def test_a_date_in_the_name_becomes_the_pattern_and_the_delivery_date(drafted):
    made = drafted(("export/bestellungen_2026-01-20.csv", GERMAN))
    assert 'files: "bestellungen_{date}.csv"' in made[0]
    assert landed(made).query("select distinct landed_date, visitor_key from events where order_id = 'B1'") == [(date(2026, 1, 20), ANNA)]


@pytest.mark.parametrize(
    ("name", "files", "date_format"),
    [
        ("orders-20260105.csv", "orders-{date}.csv", "%Y%m%d"),
        ("orders_05.01.2026.csv", "orders_{date}.csv", "%d.%m.%Y"),
        ("2026-01-05/orders.csv", "{date}/orders.csv", None),
        ("orders_12345678.csv", "orders_12345678.csv", None),
        ("orders_2026-13-45.csv", "orders_2026-13-45.csv", None),
    ],
)
def test_dates_are_found_in_names_and_folders(drafted, name, files, date_format):
    _, file, _ = drafted((name, GERMAN))
    source = shops.read(file).sources[0]
    assert (source.files, source.date_format) == (files, date_format or "%Y-%m-%d")


def test_a_shopify_export_takes_its_e_mail_as_the_user_and_drops_what_is_private(drafted):
    header = "Name,Email,Financial Status,Paid at,Currency,Subtotal,Total,Created at,Lineitem quantity,Lineitem name,Lineitem price,"
    header += "Lineitem sku,Billing Name,Billing Street,Billing Zip,Phone"
    rows = [
        "#1001,anna@example.org,paid,2026-01-05 10:00:05 +0100,EUR,30.00,35.00,2026-01-05 10:00:00 +0100,2,Mug,10.00,MUG-1,"
        "Anna Smith,1 High St,12345,030 1234567",
        "#1001,anna@example.org,,,,,,2026-01-05 10:00:00 +0100,1,Plate,10.00,PLATE-1,,,,",
        "#1002,ben@example.org,refunded,2026-01-06 10:00:05 +0100,EUR,10.00,15.00,2026-01-06 10:00:00 +0100,1,Mug,10.00,MUG-1,"
        "Ben Smith,2 High St,12345,030 7654321",
    ]
    made = drafted(("orders_export.csv", "\n".join([header, *rows]) + "\n"))
    rows = events(made, "event_type, strftime(event_at, '%Y-%m-%d %H:%M'), item_id, order_id, quantity, price")
    assert rows == [
        ("order_completed", "2026-01-05 09:00", "MUG-1", "#1001", 2, Decimal(10)),
        ("order_completed", "2026-01-05 09:00", "PLATE-1", "#1001", 1, Decimal(10)),
        ("order_completed", "2026-01-06 09:00", "MUG-1", "#1002", 1, Decimal(10)),
    ]
    text = made[0]
    dropped = next(line for line in text.splitlines() if "look private" in line)
    assert all(name in dropped for name in ("Billing Name", "Billing Street", "Billing Zip", "Phone"))
    assert "Financial Status says that some orders were undone" in text
    assert "refunded" in text and "Anna Smith" not in text and "example.org" not in text


def test_a_woocommerce_export_lands_as_drafted(drafted):
    sample = "Order Number,Order Status,Order Date,Customer User,Email (Billing),SKU,Item Name,Quantity,Item Cost,Order Currency\n"
    sample += "77,wc-completed,2026-01-05 10:00,12,anna@example.org,A-1,Mug,2,9.90,EUR\n"
    sample += "78,wc-completed,2026-01-06 10:00,13,ben@example.org,A-2,Plate,1,5,EUR\n"
    assert events(drafted(("orders.csv", sample))) == [
        ("order_completed", "2026-01-05 09:00", "A-1", "77", 2, Decimal("9.9"), "EUR"),
        ("order_completed", "2026-01-06 09:00", "A-2", "78", 1, Decimal(5), "EUR"),
    ]


def test_a_magento_export_lands_as_drafted(drafted):
    sample = "increment_id|created_at|customer_id|customer_email|sku|qty_ordered|price|order_currency_code\n"
    sample += "000000012|2026-01-05 10:00:00|9|anna@example.org|24-MB01|1.0000|34.0000|USD\n"
    sample += "000000013|2026-01-05 11:00:00|8|ben@example.org|24-MB02|3.0000|59.0000|USD\n"
    rows = events(drafted(("sales.csv", sample)))  # 10:00 in New York
    assert rows == [
        ("order_completed", "2026-01-05 15:00", "24-MB01", "000000012", 1, Decimal(34), "USD"),
        ("order_completed", "2026-01-05 16:00", "24-MB02", "000000013", 3, Decimal(59), "USD"),
    ]


@pytest.mark.parametrize(
    ("words", "types"),
    [
        (("view", "add_to_cart", "purchase", "refund"), ("product_viewed", "product_added", "order_completed", "order_refunded")),
        (("Ansicht", "Warenkorb", "Kauf", "Merkzettel"), ("product_viewed", "product_added", "order_completed", "wishlist_added")),
        (("Product Viewed", "Product Added", "Order Completed", "Checkout Started"),
         ("product_viewed", "product_added", "order_completed", "checkout_started")),
        (("vue", "panier", "achat", "favoris"), ("product_viewed", "product_added", "order_completed", "wishlist_added")),
    ],
)  # fmt: skip
def test_event_words_are_understood_in_several_languages(drafted, words, types):
    rows = "".join(f"{word}\tu{number}\ti{number}\t2026-01-05T10:00:0{number}Z\n" for number, word in enumerate(words))
    made = drafted(("clicks.tsv", "action\tuser_id\tproduct_id\ttime\n" + rows))
    assert [row[0] for row in events(made, "event_type")] == list(types)


def test_unknown_event_words_are_named_and_refused_until_somebody_decides(drafted):
    rows = [f"{word},u1,i1,2026-01-05T10:00:0{second}Z" for second, word in enumerate(["view", "view", "view", "purchase", "scrolled"])]
    text, file, settings = drafted(("clicks.csv", "\n".join(["action,user_id,product_id,time", *rows]) + "\n"))
    assert "# please check: scrolled (1 records) is refused unless mapped" in text
    mended = text.replace("# skip_others: true", "skip_others: true")
    file.write_text(mended)
    door = landed((mended, file, settings))
    assert [entry.skipped for entry in door.entries] == [{"event type is declared to be none of ours": 1}]


def test_json_lines_with_nested_order_lines_land_as_drafted(drafted):
    record = {
        "id": "m1", "type": "order_completed", "created_at": "2026-01-05T10:00:00Z", "customer": {"id": 7, "email": "anna@example.org"},
        "order": {"id": "o1", "currency": "EUR", "total": 25},
        "line_items": [{"sku": "a", "quantity": 2, "price": 10}, {"sku": "b", "quantity": 1, "price": 5}],
    }  # fmt: skip
    view = {"id": "m2", "type": "product_viewed", "created_at": "2026-01-05T11:00:00Z", "customer": {"id": 8, "email": "ben@example.org"}}
    view |= {"sku": "a"}
    made = drafted(("events.jsonl", "".join(json.dumps(one) + "\n" for one in (record, view))))
    assert events(made, "event_type, event_id, item_id, order_id, quantity, price") == [
        ("order_completed", "events:m1#1", "a", "o1", 2, Decimal(10)),
        ("order_completed", "events:m1#2", "b", "o1", 1, Decimal(5)),
        ("product_viewed", "events:m2#1", "a", None, None, None),
    ]
    assert "lines: line_items" in made[0]
    assert "look private: customer.email" in made[0]


@pytest.mark.parametrize("form", ["csv.gz", "jsonl.gz", "json", "parquet", "csv.zst", "utf-16", "cp1252"])
def test_formats_compressions_and_encodings_are_found_out(drafted, form):
    row = {"event": "view", "user_id": "ü1", "item_id": "007", "timestamp": "2026-01-05T10:00:00Z"}
    csv = f"{','.join(row)}\n{','.join(row.values())}\n"
    lines = json.dumps(row) + "\n"
    if form == "parquet":
        sink = pyarrow.BufferOutputStream()
        parquet.write_table(pyarrow.table({key: [value] for key, value in row.items()}), sink)
        content = sink.getvalue().to_pybytes()
    elif form == "csv.zst":
        content = pyarrow.compress(csv.encode(), codec="zstd", asbytes=True)
    else:
        content = {
            "csv.gz": gzip.compress(csv.encode()),
            "jsonl.gz": gzip.compress(lines.encode()),
            "json": json.dumps([row], indent=1).encode(),
            "utf-16": csv.encode("utf-16"),
            "cp1252": csv.encode("cp1252"),
        }[form]
    made = drafted((f"clicks.{form if '-' not in form and form != 'cp1252' else 'csv'}", content))
    assert events(made, "event_type, visitor_key, item_id") == [("product_viewed", visitor_key([KEY], "user", "mine", "ü1"), "007")]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (("1767607200", "1767607201"), "2026-01-05 10:00"),
        (("1767607200000", "1767607200001"), "2026-01-05 10:00"),
        (("1767607200000000", "1767607200000001"), "2026-01-05 10:00"),
        (("2026-01-05 10:00:00 UTC", "2026-01-05 10:00:01 UTC"), "2026-01-05 10:00"),
        (("2026-01-05 11:00:00", "2026-01-05 11:00:01"), "2026-01-05 10:00"),
        (("01/05/2026 11:00", "01/13/2026 11:00"), "2026-01-05 10:00"),
        (("05/01/2026 11:00", "13/01/2026 11:00"), "2026-01-05 10:00"),
        (("1/5/2026 11:00 AM", "1/13/2026 11:00 AM"), "2026-01-05 10:00"),
        (("20260105110000", "20260105110001"), "2026-01-05 10:00"),
    ],
)
def test_times_are_read_in_many_forms(drafted, times, expected):
    rows = "".join(f"view,u1,i1,{time}\n" for time in times)
    made = drafted(("clicks.csv", "event,user_id,item_id,time\n" + rows))
    assert events(made, "strftime(event_at, '%Y-%m-%d %H:%M')")[0] == (expected,)


def test_a_time_that_no_name_gives_away_is_told_by_its_values(drafted):
    made = drafted(("clicks.csv", "event,user_id,item_id,when\nview,u1,i1,05.01.2026 10:00\nview,u1,i1,13.01.2026 10:00\n"))
    assert events(made, "strftime(event_at, '%Y-%m-%d %H:%M')") == [("2026-01-05 09:00",), ("2026-01-13 09:00",)]
    assert "please check" in next(line for line in made[0].splitlines() if "event_at" in line)


def test_a_day_that_could_be_a_month_is_to_be_checked(drafted):
    text, _, _ = drafted(("clicks.csv", "event,user_id,item_id,time\nview,u1,i1,03/04/2026 10:00\nview,u1,i1,03/04/2026 11:00\n"))
    assert "please check: day or month first?" in next(line for line in text.splitlines() if "event_at" in line)


def test_prices_with_a_currency_sign_behind_them(drafted):
    sample = "order_id;customer_id;date;sku;qty;price\n1;c1;2026-01-05;a;1;12,50 €\n2;c2;2026-01-05;b;1;7,00 €\n"
    made = drafted(("orders.csv", sample))
    assert [row[0] for row in events(made, "price")] == [Decimal("12.5"), Decimal(7)]
    assert "currency: EUR # likely: by the sign at the prices" in made[0]


def test_a_total_is_no_price_without_a_warning(drafted):
    text, _, _ = drafted(("orders.csv", "order_id,customer_id,date,sku,total\n1,c1,2026-01-05,a,12.50\n"))
    assert "this looks like a total" in next(line for line in text.splitlines() if line.strip().startswith("price:"))


def test_a_catalogue_and_people_become_sources_of_their_kinds(drafted):
    orders = "order_id,customer_id,date,sku,qty,price\n1,c1,2026-01-05,a,1,9\n2,c2,2026-01-05,b,1,9\n"
    products = "sku,product name,category,brand,price,stock\na,Mug,Kitchen > Cups,Ton,9,3\nb,Plate,Kitchen > Plates,Ton,9,0\n"
    people = "customer_id,email,first name,country,consent\nc1,anna@example.org,Anna,DE,true\nc2,ben@example.org,Ben,DE,false\n"
    made = drafted(("orders.csv", orders), ("products.csv", products), ("people.csv", people))
    door = landed(made)
    assert [source.kind for source in door.shop.sources] == ["events", "items", "users"]
    assert door.query("select item_id, title, category, brand, stock_quantity from items order by item_id") == [
        ("a", "Mug", "Kitchen > Cups", "Ton", 3),
        ("b", "Plate", "Kitchen > Plates", "Ton", 0),
    ]
    assert door.query("select traits, consent_personalization from users order by 2") == [
        ('{"country":"DE"}', False),
        ('{"country":"DE"}', True),
    ]


def test_what_must_be_there_and_is_not_is_a_gap_to_fill(drafted):
    text, file, _ = drafted(("things.csv", "colour,weight\nred,1\nblue,2\n"))
    assert "# TODO event_at" in text and "# TODO user_id or anonymous_id" in text and "# TODO event_type" in text
    with pytest.raises(shops.ShopFileError, match="columns"):
        shops.read(file)


def test_a_file_without_a_header_names_its_columns_by_number(drafted):
    text, _, _ = drafted(("rows.csv", "17,view,2026-01-05 10:00:00,a\n18,view,2026-01-05 10:00:00,b\n"))
    assert "column_names: [column1, column2, column3, column4]" in text


@pytest.mark.parametrize(
    ("name", "content", "importer"),
    [
        ("2019-Oct.csv", "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session\n"
         "2019-10-01 00:00:00 UTC,view,44600062,2103807459595387724,,shiseido,35.79,541312140,72d76fde\n", "rees46"),
        ("events.csv", "timestamp,visitorid,event,itemid,transactionid\n1433221332117,257597,view,355908,\n", "retailrocket"),
        ("UserBehavior.csv", "1,2268318,2520377,pv,1511544070\n1,2333346,2520771,buy,1511561733\n", "taobao"),
        ("2010-12-01.csv", "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
         "536365,85123A,T-LIGHT HOLDER,6,2010-12-01 08:26:00,2.55,17850,United Kingdom\n", "online_retail"),
        ("events.jsonl", '{"event_date":"20210131","event_timestamp":"1612069510766593","event_name":"page_view","event_params":[],'
         '"user_pseudo_id":"1026454.4271112504","items":[]}\n', "ga4"),
        ("track.jsonl", '{"type":"track","event":"Product Viewed","messageId":"m","anonymousId":"a","timestamp":"2026-01-05T10:00:00Z",'
         '"properties":{"product_id":"1"}}\n', "segment"),
        ("atomic.jsonl", '{"collector_tstamp":"2026-01-05T10:00:00Z","event_id":"c6ef3124","event_name":"snowplow_ecommerce_action",'
         '"domain_userid":"bc2e92ec"}\n', "snowplow"),
    ],
)  # fmt: skip
def test_public_shapes_are_known_exactly(drafted, name, content, importer):
    text, _, _ = drafted((name, content))
    assert f"importer: {importer} " in text


@pytest.mark.parametrize("sample", sorted((PROJECT_ROOT / "tests" / "ingestion" / "samples").iterdir()), ids=lambda path: path.name)
def test_the_sample_of_each_importer_is_drafted_with_it_and_its_companions(drafted, sample):
    _, file, settings = drafted((f"20260105/{sample.name}", sample.read_bytes()))
    shop = shops.read(file)
    assert {source.importer for source in shop.sources} == {file.stem for file in shops.IMPORTERS.glob(f"{sample.stem}*.yml")}
    forgiving = shop.model_copy(update={"checks": shop.checks.model_copy(update={"max_refused_share": 1.0})})  # each holds some dirt
    land(settings, forgiving, date(2026, 1, 31))
    types = {row[0] for row in Door(settings, shop).query("select event_type from events")}
    assert "order_completed" in types


@pytest.mark.parametrize(
    ("category", "path"), [("Kitchen/Cups", "Kitchen > Cups"), ("Kitchen > Cups", "Kitchen > Cups"), ("kitchen.cups", "kitchen > cups")]
)
def test_the_steps_of_a_category_are_told_apart(drafted, category, path):
    clicks = "event,user_id,sku,time\nview,u1,a,2026-01-05T10:00:00Z\n"
    made = drafted(("clicks.csv", clicks), ("products.csv", f"sku,title,category\na,Mug,{category}\n"))
    assert landed(made).query("select category from items") == [(path,)]


def test_a_shape_with_another_column_is_not_taken_for_the_public_one(drafted):
    text, _, _ = drafted(("events.csv", "timestamp,visitorid,event,itemid\n1433221332117,257597,view,355908\n"))
    assert "importer" not in text


def run(*arguments: str, folder: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "ingestion.draft_shop", *arguments]
    environment = {"PATH": "", "NIGHTCART_SHOPS": str(folder), "NIGHTCART_DATA": str(folder / "data")}
    return subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)


def test_the_command_prints_or_writes_and_never_overwrites(tmp_path):
    sample = tmp_path / "bestellungen.csv"
    sample.write_text(GERMAN)
    printed = run(str(sample), folder=tmp_path)
    assert printed.returncode == 0 and printed.stdout.startswith("# Drafted by")
    assert "sure          user_id = Kundennummer" in printed.stderr and "dropped       E-Mail" in printed.stderr
    assert "anna@example.org" not in printed.stdout + printed.stderr
    written = run(str(sample), "--name", "mine", "--write", folder=tmp_path)
    assert written.returncode == 0 and shops.read(tmp_path / "mine.yml").landing_folder(Settings.from_environment({})) == tmp_path
    again = run(str(sample), "--name", "mine", "--write", folder=tmp_path)
    assert again.returncode == 1 and "is not overwritten" in again.stderr
    assert not (tmp_path / "data").exists()


def test_of_a_folder_the_newest_file_of_each_kind_is_a_source(tmp_path):
    for name in ("orders/bestellungen_2026-01-04.csv", "orders/bestellungen_2026-01-05.csv", "goods.csv", ".hidden.csv", "notes.md"):
        path = tmp_path / "delivered" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(GERMAN if "bestellungen" in name else "sku,title\na,Mug\n")
    printed = run(str(tmp_path / "delivered"), "--name", "mine", folder=tmp_path)
    (tmp_path / "mine.yml").write_text(printed.stdout)
    sources = shops.read(tmp_path / "mine.yml").sources
    assert {(source.kind, source.files) for source in sources} == {("events", "orders/bestellungen_{date}.csv"), ("items", "goods.csv")}
    assert "bestellungen_2026-01-05.csv: csv" in printed.stderr
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "holds no CSV" in run(str(empty), folder=tmp_path).stderr


@pytest.mark.parametrize(
    ("content", "said"), [(b"", "is empty"), (b'{"a":\n1}', "spans lines"), (b"a,b\n", "no record"), (b"PAR1abc", "parquet")]
)
def test_a_sample_that_cannot_be_read_is_named(tmp_path, content, said):
    sample = tmp_path / "sample.csv"
    sample.write_bytes(content)
    failed = run(str(sample), folder=tmp_path)
    assert failed.returncode == 1 and said in failed.stderr and "Traceback" not in failed.stderr


def test_a_missing_sample_is_named(tmp_path):
    failed = run(str(tmp_path / "no.csv"), folder=tmp_path)
    assert failed.returncode == 1 and "no.csv" in failed.stderr and "Traceback" not in failed.stderr
