"""What people did with items up to a day: the data that recommenders learn from, answer for and are judged on."""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np
from scipy import sparse

EVENT_TYPES = ("order_completed", "product_added", "product_viewed")  # strongest first
POPULAR_ITEMS = 100  # enough for the longest list that is judged


@dataclass(frozen=True)
class Catalogue:
    """All items that any of the tables names, whether recommendable or not, as the shop described them on one day.

    Args:
        item_ids: (items,) ascending, the same on every day; an item's place here is its index everywhere else.
        category: (items,) path 'a > b > c', '' where unknown.
        brand: (items,) '' where unknown.
        price: (items,) of one unit, NaN where unknown.
    """

    item_ids: np.ndarray
    category: np.ndarray
    brand: np.ndarray
    price: np.ndarray

    def __len__(self) -> int:
        return len(self.item_ids)


@dataclass(frozen=True)
class History:
    """Everything known by the end of `as_of` about who did what with which item, and what could be shown.

    The user-item rows (`item`, `weight`, …) are in order of user, then item: row n belongs to the user whose slice of
    `offsets` holds n.

    Args:
        user_keys: (users,) ascending, those with at least one row.
        offsets: (users + 1,) where each user's rows begin.
        item: (rows,) index into the catalogue.
        weight: (rows,) decayed strength of all events, above 0.
        view_count, cart_count, purchase_count: (rows,)
        age_days: (rows,) from the last event to `as_of`.
        last_event_type: (rows,) index into EVENT_TYPES.
        is_recommendable: (items,)
        excluded: (users, items) True where a rule of the shop forbids it.
        bought: (users, items) True for what was bought in the window after `as_of` and could have been shown; all
            False where that window is not over.
        bought_by_newcomers: (newcomers, items) the same of people without any user-item row by `as_of`.
        popular: (at most POPULAR_ITEMS,) recommendable items in the order in which they fill the lists of newcomers.
    """

    as_of: date
    catalogue: Catalogue
    user_keys: np.ndarray
    offsets: np.ndarray
    item: np.ndarray
    weight: np.ndarray
    view_count: np.ndarray
    cart_count: np.ndarray
    purchase_count: np.ndarray
    age_days: np.ndarray
    last_event_type: np.ndarray
    is_recommendable: np.ndarray
    excluded: sparse.csr_array
    bought: sparse.csr_array
    bought_by_newcomers: sparse.csr_array
    popular: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.user_keys), len(self.catalogue)

    @property
    def buyers(self) -> np.ndarray:
        """Indices of the users that bought something in the window: those that lists are judged on."""
        return np.flatnonzero(np.diff(self.bought.indptr))

    def matrix(self, values: np.ndarray) -> sparse.csr_array:
        """(users, items) with `values` (rows,) at the user-item rows."""
        return sparse.csr_array((values.astype(np.float32), self.item, self.offsets), shape=self.shape)

    def decay(self, half_life_days: float) -> np.ndarray:
        """(rows,) 1 for today's rows, halved every `half_life_days`."""
        return np.exp2(-self.age_days / half_life_days).astype(np.float32)

    def rows_of(self, user: int) -> slice:
        return slice(self.offsets[user], self.offsets[user + 1])


def item_ids(connection: duckdb.DuckDBPyConnection) -> np.ndarray:
    """(items,) every item that the features name on any of their days, ascending."""
    return _texts(
        connection.execute(
            """
            select item_id from feat_items where item_id is not null
            union select item_id from feat_interactions where item_id is not null
            union select item_id from recommendable_items where item_id is not null
            order by item_id
            """
        ).fetchnumpy()["item_id"]
    )


def load(connection: duckdb.DuckDBPyConnection, items: np.ndarray, as_of: date) -> History:
    """Read the history of one as-of day; the rows come in order of user and item.

    Args:
        items: `item_ids`, the same for all days that are to be compared.
    """
    _index(connection, items, as_of)
    catalogue = _catalogue(connection, items, as_of)
    user_keys = connection.execute("select user_key from indexed_users order by place").fetchnumpy()["user_key"]
    rows = connection.execute(
        f"""
        select
            users.place as user_place,
            items.place as item_place,
            weight, view_count, cart_count, purchase_count,
            as_of_date - last_event_date as age_days,
            coalesce(list_position({list(EVENT_TYPES)}, last_event_type), {len(EVENT_TYPES)}) - 1 as event_type
        from feat_interactions
        inner join indexed_users as users on feat_interactions.user_key::varchar = users.user_key
        inner join indexed_items as items using (item_id)
        where as_of_date = ?
        order by user_place, item_place
        """,
        [as_of],
    ).fetchnumpy()
    shape = (len(user_keys), len(catalogue))
    recommendable = _places(connection, "recommendable_items", "as_of_date = ?", "place", as_of)
    popular = _places(connection, "feat_items", f"as_of_date = ? and popularity_rank <= {POPULAR_ITEMS}", "popularity_rank", as_of)
    return History(
        as_of=as_of,
        catalogue=catalogue,
        user_keys=_texts(user_keys),
        offsets=np.searchsorted(rows["user_place"], np.arange(shape[0] + 1)),
        item=rows["item_place"].astype(np.int32),
        weight=_numbers(rows["weight"]),
        view_count=_numbers(rows["view_count"]),
        cart_count=_numbers(rows["cart_count"]),
        purchase_count=_numbers(rows["purchase_count"]),
        age_days=_numbers(rows["age_days"]),
        last_event_type=rows["event_type"].astype(np.int8),
        is_recommendable=np.isin(np.arange(shape[1]), recommendable),
        excluded=_pairs(connection, "feat_exclusions", as_of, shape),
        bought=_pairs(connection, "feat_interaction_labels", as_of, shape),
        bought_by_newcomers=_bought_by_newcomers(connection, as_of, len(items)),
        popular=popular.astype(np.int32),
    )


def _catalogue(connection: duckdb.DuckDBPyConnection, items: np.ndarray, as_of: date) -> Catalogue:
    columns = connection.execute(
        """
        select coalesce(category, '') as category, coalesce(brand, '') as brand, cast(price as double) as price
        from indexed_items
        left join (select * from feat_items where as_of_date = ?) as known using (item_id)
        order by place
        """,
        [as_of],
    ).fetchnumpy()
    price = np.ma.filled(columns["price"].astype(np.float64), np.nan)
    return Catalogue(item_ids=items, category=_texts(columns["category"]), brand=_texts(columns["brand"]), price=price)


def _index(connection: duckdb.DuckDBPyConnection, items: np.ndarray, as_of: date) -> None:
    """Places of users and items as temporary tables, so that ids stay in the database and only integers come out."""
    connection.execute(
        """
        create or replace temp table indexed_users as
        select user_key, row_number() over (order by user_key) - 1 as place
        from (select distinct user_key::varchar as user_key from feat_interactions where as_of_date = ?)
        """,
        [as_of],
    )
    connection.execute(
        """
        create or replace temp table indexed_items as
        select unnest(?::varchar[]) as item_id, unnest(range(?)) as place
        """,
        [items.tolist(), len(items)],
    )


def _places(connection: duckdb.DuckDBPyConnection, table: str, condition: str, order: str, as_of: date) -> np.ndarray:
    return connection.execute(
        f"select place from {table} inner join indexed_items using (item_id) where {condition} order by {order}", [as_of]
    ).fetchnumpy()["place"]


def _bought_by_newcomers(connection: duckdb.DuckDBPyConnection, as_of: date, items: int) -> sparse.csr_array:
    pairs = connection.execute(
        """
        select dense_rank() over (order by user_key) - 1 as user_place, place as item_place
        from (select distinct user_key::varchar as user_key, item_id from feat_interaction_labels where as_of_date = ?)
        anti join indexed_users using (user_key)
        inner join indexed_items using (item_id)
        order by user_place, item_place
        """,
        [as_of],
    ).fetchnumpy()
    newcomers = int(pairs["user_place"].max()) + 1 if len(pairs["user_place"]) else 0
    return _matrix(pairs, (newcomers, items))


def _pairs(connection: duckdb.DuckDBPyConnection, table: str, as_of: date, shape: tuple[int, int]) -> sparse.csr_array:
    pairs = connection.execute(
        f"""
        select distinct users.place as user_place, items.place as item_place
        from {table}
        inner join indexed_users as users on {table}.user_key::varchar = users.user_key
        inner join indexed_items as items using (item_id)
        where as_of_date = ?
        order by user_place, item_place
        """,
        [as_of],
    ).fetchnumpy()
    return _matrix(pairs, shape)


def _matrix(pairs: dict[str, np.ndarray], shape: tuple[int, int]) -> sparse.csr_array:
    """True at pairs that come in order of user and item."""
    offsets = np.searchsorted(pairs["user_place"], np.arange(shape[0] + 1))
    return sparse.csr_array((np.ones(len(pairs["item_place"]), bool), pairs["item_place"].astype(np.int32), offsets), shape=shape)


def _texts(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=str) if len(values) else np.empty(0, "U1")


def _numbers(values: np.ndarray) -> np.ndarray:
    return np.ma.filled(np.asanyarray(values), 0).astype(np.float32)
