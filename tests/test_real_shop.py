"""On Online Retail, the warehouse says what pandas and NumPy find in the raw files, to the last row."""

import hashlib
import hmac
import os
import subprocess
import sys
from datetime import date
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
import yaml

import shop as shops
import warehouse
from settings import PROJECT_ROOT, Settings
from tests.conftest import HMAC_KEY

SHOP_FILE = PROJECT_ROOT / "shops" / "online_retail.yml"
LANDING = shops.read(SHOP_FILE).landing_folder(Settings.from_environment())
NIGHT = date(2011, 12, 9)
NO_ITEM = "^(?:[A-Za-z]|C2|DOT|POST|AMAZONFEE|CRUK|BANK CHARGES|gift_.*)$"
pytestmark = pytest.mark.skipif(not LANDING.is_dir(), reason=f"needs the daily files of Online Retail in {LANDING}")


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    """The sold and the refunded lines of the raw files; amounts in pence."""
    raw = pd.concat([pd.read_csv(file, dtype=str, keep_default_na=False) for file in sorted(LANDING.glob("*.csv"))])
    price = (raw.UnitPrice.astype(float) * 10_000).round().astype("int64")
    raw = raw.assign(price=price)[(price > 10) & ~raw.StockCode.str.match(NO_ITEM)]
    local = pd.to_datetime(raw.InvoiceDate)
    return pd.DataFrame(
        {
            "customer": raw.CustomerID.str.removesuffix(".0"),
            "invoice": raw.InvoiceNo,
            "item": raw.StockCode.str.upper(),
            "at": local.dt.tz_localize("Europe/London").dt.tz_convert("UTC"),
            "day": local.dt.normalize(),
            "is_refund": raw.InvoiceNo.str.startswith("C"),
            # half a penny goes up
            "pence": (raw.Quantity.astype("int64").abs() * raw.price + 50) // 100,
        }
    ).reset_index(drop=True)


@pytest.fixture(scope="module")
def orders(lines: pd.DataFrame) -> pd.DataFrame:
    """What each customer ordered: one row per invoice."""
    sold = lines[~lines.is_refund & (lines.customer != "")]
    return sold.groupby(["customer", "invoice"], as_index=False).agg(day=("day", "min"), pence=("pence", "sum"))


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory):
    """Answers a query on the warehouse of the last night, with all files landed."""
    folder = tmp_path_factory.mktemp("retail")
    content = yaml.safe_load(SHOP_FILE.read_text())
    # the catalogue reads the same files: it would double the time
    content |= {"sources": content["sources"][:1], "landing": str(LANDING)}
    file = folder / "online_retail.yml"
    file.write_text(yaml.safe_dump(content))
    environment = {"PATH": os.environ["PATH"], "NIGHTCART_DATA": str(folder / "data"), "NIGHTCART_HMAC_KEY": HMAC_KEY}
    for step in (["ingestion.land"], ["warehouse", "build", "features"]):
        command = [sys.executable, "-m", *step, "--shop", str(file), "--run-date", str(NIGHT)]
        done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    with warehouse.reader(Settings.from_environment(environment), shops.read(file), NIGHT) as connection:
        yield lambda query: connection.sql(query).fetchall()


def key_of(customer: str) -> UUID:
    """The pseudonym as the design defines it, by Python's own hmac."""
    digest = hmac.new(bytes.fromhex(HMAC_KEY), f"user:online_retail:{customer}".encode(), hashlib.sha256).digest()
    return UUID(bytes=digest[:16])


def by_key(frame: pd.DataFrame) -> pd.DataFrame:
    keys = {customer: key_of(customer) for customer in frame.customer.unique()}
    return frame.assign(customer=frame.customer.map(keys))


def rows(frame: pd.DataFrame) -> list[tuple]:
    """The frame's rows as the database would give them, sorted."""
    frame = frame.astype(object).where(frame.notna(), None)
    return sorted(frame.itertuples(index=False, name=None), key=str)


def test_nobody_is_a_bot_by_the_rule_of_the_shop_file(lines, retail):
    known = lines[lines.customer != ""]
    assert known.groupby(["customer", "day"]).size().max() <= 2_000
    assert retail("select count(*) from int_bots") == [(0,)]


def test_recency_frequency_and_money_agree(lines, orders, retail):
    night = pd.Timestamp(NIGHT)
    within = orders[(night - orders.day).dt.days < 365]
    seen = lines[(lines.customer != "") & ((night - lines.day).dt.days < 365)].customer.unique()
    expected = pd.DataFrame({"customer": np.sort(seen)}).set_index("customer")
    expected["recency"] = (night - orders.groupby("customer").day.max()).dt.days
    expected["frequency"] = within.groupby("customer").size()
    expected["pence"] = within.groupby("customer").pence.sum()
    expected = by_key(expected.fillna({"frequency": 0, "pence": 0}).reset_index())
    expected["recency"] = [None if np.isnan(days) else int(days) for days in expected.recency]
    found = retail(f"""
        select user_key, days_since_last_order, order_count_365d, cast(order_amount_365d * 100 as bigint)
        from feat_user_snapshots where as_of_date = date '{NIGHT}'""")
    assert len(found) > 4_000
    assert sorted(found, key=str) == rows(expected.astype({"frequency": int, "pence": int, "recency": object}))


def test_sessions_of_customers_are_cut_at_half_an_hour_of_silence(lines, retail):
    known = by_key(lines[lines.customer != ""]).sort_values(["customer", "at"], kind="stable")
    gap = known.groupby("customer")["at"].diff()
    known["session"] = (gap.isna() | (gap > pd.Timedelta(minutes=30))).cumsum()
    known["order"] = known.invoice.where(~known.is_refund)
    expected = known.groupby("session").agg(
        customer=("customer", "first"),
        started=("at", "min"),
        ended=("at", "max"),
        day=("day", "min"),
        lines=("at", "size"),
        orders=("order", "nunique"),
    )
    for time in ("started", "ended", "day"):
        expected[time] = expected[time].dt.strftime("%Y-%m-%d %H:%M:%S")
    found = retail("""
        select
            visitor_key, strftime(started_at, '%Y-%m-%d %H:%M:%S'), strftime(ended_at, '%Y-%m-%d %H:%M:%S'),
            strftime(session_date, '%Y-%m-%d %H:%M:%S'), event_count, order_count
        from fct_sessions where visitor_key is not null""")
    assert len(found) > 15_000
    assert sorted(found, key=str) == rows(expected)


def test_an_anonymous_invoice_is_a_session_of_its_own(lines, retail):
    nobody = lines[lines.customer == ""]
    expected = nobody.groupby("invoice", as_index=False).agg(lines=("at", "size"))
    found = retail("""
        select any_value(order_id), count(*) from fct_events where visitor_key is null
        group by session_key having count(distinct order_id) = 1""")
    assert sorted(found, key=str) == rows(expected)


def test_the_days_between_purchases_agree(orders, retail):
    days = by_key(orders)[["customer", "day"]].drop_duplicates().sort_values(["customer", "day"])
    days["gap"] = days.groupby("customer").day.diff().dt.days
    expected = days.dropna().assign(day=days.day.dt.strftime("%Y-%m-%d")).astype({"gap": int})
    found = retail("""
        with days as (select distinct visitor_key, order_date from fct_orders where visitor_key is not null)
        select visitor_key, strftime(order_date, '%Y-%m-%d') as day, order_date - lag(order_date) over by_person as gap
        from days window by_person as (partition by visitor_key order by order_date) qualify gap is not null""")
    assert len(found) > 10_000
    assert sorted(found, key=str) == rows(expected)

    expected_means = expected.groupby("customer").gap.mean().round(6)
    means = dict(retail(f"""
        select user_key, mean_days_between_orders from feat_user_snapshots
        where as_of_date = date '{NIGHT}' and mean_days_between_orders is not null"""))  # fmt: skip
    assert len(means) > 2_000
    assert {key: expected_means[key] for key in means} == pytest.approx(means, abs=1e-6)


def test_the_cohort_table_agrees(orders, retail):
    months = by_key(orders).assign(month=orders.day.dt.to_period("M"))
    months["cohort"] = months.groupby("customer").month.transform("min")
    last = pd.Period(NIGHT, "M")
    expected = []
    for cohort, bought in months.groupby("cohort"):
        size = bought.customer.nunique()
        for month in pd.period_range(cohort, last, freq="M"):
            of_month = bought[bought.month == month]
            active = of_month.customer.nunique()
            expected.append(
                (str(cohort), (month - cohort).n, size, active, len(of_month), of_month.pence.sum(), round(active / size, 6), month < last)
            )
    found = retail("""
        select
            strftime(cohort_month, '%Y-%m'), months_since, person_count, buyer_count, order_count,
            cast(order_amount * 100 as bigint), retention_rate, is_complete
        from fct_cohort_retention order by cohort_month, months_since""")
    assert len(found) == 13 * 14 / 2
    assert found == expected


def test_each_days_orders_revenue_and_refunds_agree(lines, retail):
    expected = pd.DataFrame(
        {
            "orders": lines[~lines.is_refund].groupby("day").invoice.nunique(),
            "revenue": lines[~lines.is_refund].groupby("day").pence.sum(),
            "refunds": lines[lines.is_refund].groupby("day").pence.sum(),
        }
    ).fillna(0)
    expected.insert(0, "day", expected.index.strftime("%Y-%m-%d"))
    found = retail("""
        select strftime(date, '%Y-%m-%d'), orders, cast(revenue * 100 as bigint), cast(refunds * 100 as bigint)
        from fct_daily_kpis where orders > 0 or refunds > 0""")
    assert sorted(found) == rows(expected.astype({"orders": int, "revenue": int, "refunds": int}))
