"""Shops whose events have times, as the task `recommendations` sees them: cut at two days, judged on what was bought after each."""

from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
from scipy import sparse

from settings import PROJECT_ROOT
from training.history import EVENT_TYPES, Catalogue, History
from training.recommendations import RecommendationTask

DATA = PROJECT_ROOT.parent / "shared" / "data"
STRENGTHS = {"product_viewed": 1.0, "product_added": 3.0, "order_completed": 5.0}
HALF_LIFE_DAYS = 60.0  # of an event's strength


@dataclass(frozen=True)
class Shop:
    """A file of events and how it is cut.

    Args:
        events: SQL that gives person, item, event_type and day.
        last_day: the window of the test ends there.
        holdout_days: length of each window.
        buys_once: whether what a person has bought cannot be bought again, so that it is not shown.
    """

    name: str
    events: str
    last_day: date
    holdout_days: int
    buys_once: bool
    k: int = 10


SHOPS = (
    Shop(
        "online_retail",
        f"""
        select "CustomerID" as person, "StockCode" as item, 'order_completed' as event_type, cast("InvoiceDate" as date) as day
        from read_csv('{DATA / "online_retail" / "*.csv"}', types = {{'InvoiceNo': 'varchar', 'StockCode': 'varchar'}})
        where "CustomerID" is not null and "InvoiceNo" not like 'C%' and "Quantity" > 0 and "UnitPrice" > 0
        """,
        date(2011, 12, 9),
        28,
        buys_once=False,
    ),
    Shop(
        "retailrocket",
        f"""
        select
            "user" as person, item, cast(to_timestamp(ts) at time zone 'UTC' as date) as day,
            case event when 'view' then 'product_viewed' when 'addtocart' then 'product_added' else 'order_completed' end as event_type
        from read_parquet('{DATA / "retailrocket_multibehaviour.parquet"}')
        where split = 'train'
        """,
        date(2015, 9, 17),
        28,
        buys_once=True,
    ),
)


def task(shop: Shop) -> RecommendationTask:
    window = timedelta(days=shop.holdout_days)
    with duckdb.connect() as connection:
        connection.execute(f"create temp table events as {shop.events}")
        catalogue = _catalogue(connection)
        days = {"validation": shop.last_day - 2 * window, "test": shop.last_day - window}
        return RecommendationTask({name: _history(connection, catalogue, day, shop) for name, day in days.items()}, shop.k)


def _catalogue(connection: duckdb.DuckDBPyConnection) -> Catalogue:
    connection.execute("""
        create temp table items as
        select item, row_number() over (order by item::varchar) - 1 as place from (select distinct item from events)
    """)
    names = connection.execute("select item::varchar as name from items order by place").fetchnumpy()["name"].astype(str)
    nothing = np.full(len(names), "")
    return Catalogue(names, nothing, nothing, np.full(len(names), np.nan))


def _history(connection: duckdb.DuckDBPyConnection, catalogue: Catalogue, day: date, shop: Shop) -> History:
    connection.execute(
        """
        create or replace temp table people as
        select person, row_number() over (order by person) - 1 as place from (select distinct person from events where day <= ?)
        """,
        [day],
    )
    rows = connection.execute(
        f"""
        select
            people.place as person_place, items.place as item_place,
            sum(map {STRENGTHS}[event_type] * power(0.5, ($day - day) / {HALF_LIFE_DAYS})) as weight,
            count(*) filter (event_type = 'product_viewed') as views,
            count(*) filter (event_type = 'product_added') as carts,
            count(*) filter (event_type = 'order_completed') as purchases,
            $day - max(day) as age
        from events inner join people using (person) inner join items using (item)
        where day <= $day
        group by all order by person_place, item_place
        """,
        {"day": day},
    ).fetchnumpy()
    users, shape = rows["person_place"], (int(rows["person_place"].max()) + 1, len(catalogue))
    numbers = {name: np.asarray(rows[name], np.float32) for name in ("weight", "views", "carts", "purchases", "age")}
    kind = np.where(numbers["purchases"] > 0, 0, np.where(numbers["carts"] > 0, 1, len(EVENT_TYPES) - 1))
    known = numbers["purchases"] > 0
    is_sold = np.zeros(len(catalogue), bool)
    is_sold[rows["item_place"]] = True
    excluded = _pairs(users[known], rows["item_place"][known], shape) if shop.buys_once else sparse.csr_array(shape, dtype=bool)
    return History(
        as_of=day,
        catalogue=catalogue,
        user_keys=np.array([f"{place:06}" for place in range(shape[0])]),
        offsets=np.searchsorted(users, np.arange(shape[0] + 1)),
        item=rows["item_place"].astype(np.int32),
        weight=numbers["weight"],
        view_count=numbers["views"],
        cart_count=numbers["carts"],
        purchase_count=numbers["purchases"],
        age_days=numbers["age"],
        last_event_type=kind.astype(np.int8),
        is_recommendable=is_sold,
        excluded=excluded,
        bought=_bought(connection, day, shop, shape, is_sold, excluded),
        bought_by_newcomers=sparse.csr_array((0, len(catalogue)), dtype=bool),  # people with a history are compared
        popular=np.empty(0, np.int32),
    )


def _bought(
    connection: duckdb.DuckDBPyConnection, day: date, shop: Shop, shape: tuple[int, int], is_sold: np.ndarray, excluded: sparse.csr_array
) -> sparse.csr_array:
    """What was bought in the window after `day` and could have been shown."""
    pairs = connection.execute(
        """
        select distinct people.place as person_place, items.place as item_place
        from events inner join people using (person) inner join items using (item)
        where event_type = 'order_completed' and day > ? and day <= ?
        """,
        [day, day + timedelta(days=shop.holdout_days)],
    ).fetchnumpy()
    could_be_shown = is_sold[pairs["item_place"]]
    found = _pairs(pairs["person_place"][could_be_shown], pairs["item_place"][could_be_shown], shape)
    return sparse.csr_array(found > found.multiply(excluded)) if excluded.nnz else found


def _pairs(users: np.ndarray, items: np.ndarray, shape: tuple[int, int]) -> sparse.csr_array:
    return sparse.csr_array((np.ones(len(users), bool), (users, items)), shape=shape)
