"""The real shop: every row of UCI Online Retail is accounted for, no goods are lost and no fees kept."""

import re
from dataclasses import replace
from datetime import date

import duckdb
import pytest

import shop as shops
from ingestion.land import land
from settings import PROJECT_ROOT, Settings
from tests.ingestion.door import KEY, Door

SHOP = shops.read(PROJECT_ROOT / "shops" / "online_retail.yml")
LANDING = SHOP.landing_folder(Settings.from_environment())
pytestmark = pytest.mark.skipif(not LANDING.is_dir(), reason=f"needs the daily files of Online Retail in {LANDING}")

FEES = (
    "AMAZONFEE", "B", "BANK CHARGES", "C2", "CRUK", "D", "DOT", "M", "POST", "S",
    "gift_0001_10", "gift_0001_20", "gift_0001_30", "gift_0001_40", "gift_0001_50", "m",
)  # fmt: skip


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    """(door, summary line) of all 305 files in one go."""
    settings = replace(Settings.from_environment({"NIGHTCART_DATA": str(tmp_path_factory.mktemp("retail"))}), hmac_keys=(KEY,))
    shop = SHOP.model_copy(update={"sources": SHOP.sources[:1]})  # the catalogue reads the same files: it would double the time
    return Door(settings, shop), land(settings, shop, date(2011, 12, 9))


@pytest.fixture(scope="module")
def rows():
    """The rows as pandas or a spreadsheet would read them."""
    with duckdb.connect() as connection:
        connection.execute(f"create table rows as from read_csv('{LANDING}/*.csv', all_varchar = true)")
        yield connection


def test_every_row_is_accounted_for(landed):
    door, summary = landed
    account = "read 541909 = landed 536462 + quarantined 0 + duplicate 0 + skipped 5447, 305 files, 536462 event lines, "
    assert re.search(re.escape(account) + r"\d+\.\d s \(invoices 541909\)$", summary)
    assert len(door.entries) == 305


def test_exactly_the_priced_goods_land_with_their_amounts(landed, rows):
    door, _ = landed
    codes = ", ".join(f"'{code}'" for code in FEES)
    expected = rows.execute(f"""
        select
            InvoiceNo like 'C%', count(*), sum(abs(Quantity::integer) * UnitPrice::decimal(18, 4)),
            count(CustomerID), count(distinct CustomerID), count(distinct upper(StockCode))
        from rows where UnitPrice::double > 0.001 and StockCode not in ({codes}) group by 1 order by 1""").fetchall()
    assert expected == door.query("""
        select
            event_type = 'order_refunded', count(*), sum(quantity * price), count(visitor_key), count(distinct visitor_key),
            count(distinct item_id)
        from events group by 1 order by 1""")


def test_identical_lines_of_one_order_are_all_there(landed, rows):
    door, _ = landed
    codes = ", ".join(f"'{code}'" for code in FEES)
    repeated = rows.execute(f"""
        select count(*) - count(distinct (InvoiceNo, upper(StockCode), Quantity, InvoiceDate, UnitPrice))
        from rows where UnitPrice::double > 0.001 and StockCode not in ({codes})""").fetchall()
    assert door.query("select count(*) from events where event_id like '%-%'") == repeated
    assert door.query("select count(*) = count(distinct event_id) from events") == [(True,)]
