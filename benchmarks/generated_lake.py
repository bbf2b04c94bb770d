"""A generated lake for the benchmarks: so many days of the same volume, written as Parquet by DuckDB, one file a day.

A visit is five events within five minutes by one of a tenth as many visitors as a day has events; every fourth visit ends in
an order of three lines. One visit in a hundred comes up to three days late. The catalogue, items of 12 categories and 60 below
them and of 100 brands, comes on the first day and every 30 days after it, each time with other prices of a tenth of the items;
one line in ten is sold for four fifths of the first price.
"""

from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path

import duckdb

from ingestion.lake import TABLES
from ingestion.standing import COLUMNS

RUN_DATE = date(2026, 6, 30)
ITEMS = 5_000
CATALOGUE_DAYS = 30


def write_lake(lake: Path, days: int, daily: int) -> None:
    """Write the days up to RUN_DATE, in a process of its own: its memory would be counted as that of what is measured next."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(_write, lake, days, daily).result()


def _write(lake: Path, days: int, daily: int) -> None:
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        for table, columns in TABLES.items():
            folder = lake / table / "landed_date=1970-01-01"
            folder.mkdir(parents=True)
            connection.execute(f"create or replace table {table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
            connection.execute(f"copy {table} to '{folder / 'schema.parquet'}' (format parquet)")
        connection.execute(f"create table deliveries ({', '.join(f'{name} {kind}' for name, kind in COLUMNS.items())})")
        for number in range(days):
            day = RUN_DATE - timedelta(days=number)
            part = f"lake/events/landed_date={day}/web-{day}.parquet"
            (lake.parent / part).parent.mkdir()
            connection.execute(f"copy ({day_of_events(day, daily)}) to '{lake.parent / part}' (format parquet, compression zstd)")
            counts = (daily, daily, 0, 0, 0, daily)
            values = ["events", "web", f"{day}.jsonl", [part], day, None, *counts, [], []]
            connection.execute(f"insert into deliveries values ({', '.join('?' * len(values))})", values)
        for number in range(0, days, CATALOGUE_DAYS):
            day = RUN_DATE - timedelta(days=days - 1 - number)
            part = f"lake/items/landed_date={day}/catalogue-{day}.parquet"
            (lake.parent / part).parent.mkdir()
            connection.execute(f"copy ({catalogue_of_day(day)}) to '{lake.parent / part}' (format parquet, compression zstd)")
            values = ["items", "catalogue", f"{day}.csv", [part], day, None, ITEMS, ITEMS, 0, 0, 0, 0, [], []]
            connection.execute(f"insert into deliveries values ({', '.join('?' * len(values))})", values)
        connection.execute(f"copy deliveries to '{lake / 'deliveries.parquet'}' (format parquet)")


def day_of_events(day: date, daily: int) -> str:
    """The query that makes a day's events; hashes stand for chance, so that each run makes the same."""
    return f"""
        select * from events
        union all by name
        select
            'web:{day}-' || number || '#1' as event_id,
            'web' as source,
            case
                when number // 5 % 4 = 0 and number % 5 >= 2 then 'order_completed'
                when number % 5 = if(number // 5 % 4 = 0, 1, 3) then 'product_added'
                else 'product_viewed'
            end as event_type,
            timestamptz '{day} 00:00:00+00' - to_days(cast(if(number % 500 < 5, number // 500 % 4, 0) as integer))
                + to_seconds(cast(hash(number // 5, '{day}') % 75_000 + number % 5 * 60 as bigint)) as event_at,
            date '{day}' as landed_date,
            cast(md5('visitor' || hash(number // 5, '{day}', 'visitor') % {daily // 10}) as uuid) as visitor_key,
            'item-' || cast(floor({ITEMS} * power(hash(number, '{day}', 'item') % 1_000_000 / 1e6, 2)) as integer) as item_id,
            if(number // 5 % 4 = 0 and number % 5 >= 2, 'order-{day}-' || number // 5, null) as order_id,
            1 as quantity,
            cast({price_of("item_id")} * if(hash(number, 'discount') % 10 = 0, 0.8, 1) as decimal(18, 4)) as price,
            'EUR' as currency,
        from range({daily}) as numbers (number)"""


def catalogue_of_day(day: date) -> str:
    """The query that makes all items as a day's catalogue has them."""
    return f"""
        select * from items
        union all by name
        select
            item_id,
            'catalogue' as source,
            item_id as title,
            'category ' || hash(item_id, 'category') % 60 // 5 || ' > shelf ' || hash(item_id, 'category') % 60 as category,
            'brand ' || hash(item_id, 'brand') % 100 as brand,
            cast({price_of("item_id")} * if(hash(item_id, '{day}') % 10 = 0, 0.9, 1) as decimal(18, 4)) as price,
            'EUR' as currency,
            true as is_active,
            date '{day}' as landed_date,
        from (select 'item-' || number as item_id from range({ITEMS}) as numbers (number))"""


def price_of(item_id: str) -> str:
    """The expression of an item's first price."""
    return f"(1 + hash({item_id}, 'price') % 90)"
