"""A made-up warehouse: the tables that training reads, small, with a structure that models can learn.

People belong to one of four tastes and touch mostly items of that taste's category; within a category each item has a
partner that is bought after it. How often someone views decides how likely an order is within a week.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np

from training.history import EVENT_TYPES

DAY = date(2026, 3, 31)
CATEGORIES = ("Garden > Tools", "Kitchen > Coffee", "Office > Paper", "Sport > Running")
COMMENTS = {
    "days_since_last_event": "days since the last visit",
    "view_count_7d": "product views in 7 days",
    "view_count_90d": "product views in 90 days",
    "order_count_365d": "orders in a year",
    "order_amount_365d": "money spent in a year",
    "days_since_last_order": "days since the last order",
    "favourite_category": "favourite category",
}


@dataclass(frozen=True)
class Size:
    """How much of everything; the days are counted back from `last_day`."""

    users: int = 300
    items: int = 48
    days: int = 150
    snapshots: int = 8
    snapshot_days: int = 7
    holdout_days: int = 14
    last_day: date = DAY
    seed: int = 7


def make(file: Path, size: Size = Size()) -> None:
    """Write the warehouse of one night; an existing file is replaced."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as connection:
        _events(connection, size)
        _recommendation_tables(connection, size)
        _prediction_tables(connection, size)


def _events(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    random = np.random.default_rng(size.seed)
    per_category = size.items // len(CATEGORIES)
    taste = np.arange(size.users) % len(CATEGORIES)
    rows = []
    for user in range(size.users):
        day = int(random.integers(0, 20))
        eagerness = random.choice([0.05, 0.6])
        while day < size.days:
            eager = random.random() < eagerness
            category = taste[user] if random.random() < 0.85 else random.integers(len(CATEGORIES))
            for item in random.choice(per_category, 4 if eager else 1, replace=False):
                place = int(category) * per_category + int(item)
                rows.append((user, day, place, "product_viewed"))
                if eager and random.random() < 0.35 and day + 2 < size.days:
                    partner = place ^ 1
                    rows += [(user, day, place, "product_added"), (user, day + 1, place, "order_completed")]
                    rows += [(user, day + 2, partner, "order_completed")] if random.random() < 0.7 else []
            day += int(random.integers(1, 4)) if eager else int(random.integers(4, 16))
    users, days, items, kinds = zip(*rows, strict=True)
    columns = {"u": np.array(users), "day": np.array(days), "i": np.array(items), "event_type": np.array(kinds)}
    connection.register("made", columns)
    connection.execute(
        f"""
        create temp table events as
        select md5('user ' || u)::uuid as user_key, date '{size.last_day - timedelta(days=size.days - 1)}' + day::integer as event_date,
            printf('%05d', i) as item_id, event_type
        from made;
        create temp table items as
        select printf('%05d', i) as item_id, 'item ' || i as title, ({list(CATEGORIES)})[1 + i // {per_category}] as category,
            'brand ' || (i % 3) as brand, cast(5 + i % 17 as decimal(18, 4)) as price, i % 12 <> 11 as is_recommendable
        from range({size.items}) as numbers (i)
        """
    )
    connection.unregister("made")


def _recommendation_tables(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    dates = ", ".join(f"(date '{size.last_day - timedelta(days=size.holdout_days * step)}')" for step in range(3))
    connection.execute(
        f"""
        create temp table as_of_dates as select * from (values {dates}) as days (as_of_date);
        create table feat_items as
        select as_of_date, items.*,
            case when is_recommendable then row_number() over (partition by as_of_date, is_recommendable order by item_id) end
                as popularity_rank
        from as_of_dates cross join items order by all;
        create table recommendable_items as
        select as_of_date, item_id from as_of_dates cross join items where is_recommendable order by all;
        create table feat_interactions as
        select as_of_date, user_key, item_id,
            count(*) filter (event_type = 'product_viewed') as view_count,
            count(*) filter (event_type = 'product_added') as cart_count,
            count(*) filter (event_type = 'order_completed') as purchase_count,
            round(sum(case event_type when 'product_viewed' then 1 when 'product_added' then 3 else 5 end
                * power(0.5, (as_of_date - event_date) / 60.0)), 6) as weight,
            case when purchase_count > 0 then 'order_completed' when cart_count > 0 then 'product_added'
                else 'product_viewed' end as last_event_type,
            max(event_date) as last_event_date
        from events inner join as_of_dates on event_date <= as_of_date
        group by as_of_date, user_key, item_id order by all;
        create table feat_exclusions as
        select distinct as_of_date, user_key, item_id, 'bought_recently' as reason
        from events inner join as_of_dates on event_date <= as_of_date and event_date > as_of_date - 7
        where event_type = 'order_completed' order by all;
        create table feat_interaction_labels as
        select distinct as_of_date, user_key, item_id
        from events inner join as_of_dates on event_date > as_of_date and event_date <= as_of_date + {size.holdout_days}
        semi join recommendable_items using (as_of_date, item_id)
        anti join feat_exclusions using (as_of_date, user_key, item_id)
        where event_type = 'order_completed' and as_of_date < date '{size.last_day}' order by all
        """
    )


def _prediction_tables(connection: duckdb.DuckDBPyConnection, size: Size) -> None:
    dates = ", ".join(f"(date '{size.last_day - timedelta(days=size.snapshot_days * step)}')" for step in range(size.snapshots + 1))
    connection.execute(
        f"""
        create temp table snapshot_dates as select * from (values {dates}) as days (as_of_date);
        create table feat_user_snapshots as
        select user_key, as_of_date,
            cast(min(as_of_date - event_date) as integer) as days_since_last_event,
            count(*) filter (event_type = 'product_viewed' and as_of_date - event_date < 7) as view_count_7d,
            count(*) filter (event_type = 'product_viewed' and as_of_date - event_date < 90) as view_count_90d,
            count(*) filter (event_type = 'order_completed') as order_count_365d,
            cast(coalesce(sum(price) filter (event_type = 'order_completed'), 0) as decimal(18, 4)) as order_amount_365d,
            cast(min(as_of_date - event_date) filter (event_type = 'order_completed') as integer) as days_since_last_order,
            mode(category order by category) as favourite_category
        from events inner join items using (item_id) inner join snapshot_dates on event_date <= as_of_date
        group by user_key, as_of_date order by as_of_date, user_key;
        create table feat_user_labels as
        select snapshots.user_key, snapshots.as_of_date, 7 as horizon_days,
            count(price) filter (event_type = 'order_completed') > 0 as is_purchaser, count(price) = 0 as is_silent,
            cast(coalesce(sum(price) filter (event_type = 'order_completed'), 0) as decimal(18, 2)) as order_amount
        from feat_user_snapshots as snapshots
        left join (select * from events inner join items using (item_id)) as done
            on snapshots.user_key = done.user_key
            and done.event_date > snapshots.as_of_date and done.event_date <= snapshots.as_of_date + 7
        where snapshots.as_of_date + 7 <= date '{size.last_day}'
        group by all order by as_of_date, user_key;
        create table feat_category_snapshots as
        select snapshots.user_key, snapshots.as_of_date, categories.category, snapshots.days_since_last_event,
            count(events.item_id) filter (event_type = 'product_viewed') as category_view_count
        from feat_user_snapshots as snapshots cross join (select distinct category from items) as categories
        inner join items using (category)
        left join events on snapshots.user_key = events.user_key and items.item_id = events.item_id and event_date <= snapshots.as_of_date
        group by all order by as_of_date, user_key, category;
        create table feat_category_labels as
        select snapshots.user_key, snapshots.as_of_date, snapshots.category, 7 as horizon_days, count(done.item_id) > 0 as is_purchaser
        from feat_category_snapshots as snapshots
        left join (select * from events inner join items using (item_id)) as done
            on snapshots.user_key = done.user_key and snapshots.category = done.category and event_type = 'order_completed'
            and done.event_date > snapshots.as_of_date and done.event_date <= snapshots.as_of_date + 7
        where snapshots.as_of_date + 7 <= date '{size.last_day}'
        group by all order by as_of_date, user_key, category;
        create table feat_sequences as
        select as_of_date, user_key, item_id,
            row_number() over (partition by as_of_date, user_key order by event_date desc, item_id) as rank,
            ({list(EVENT_TYPES)})[strongest] as event_type, cast(as_of_date - event_date as integer) as age_days,
            86400 * (event_date - lead(event_date) over (partition by as_of_date, user_key order by event_date desc, item_id))
                as gap_seconds
        from (
            select user_key, event_date, item_id, min(list_position({list(EVENT_TYPES)}, event_type)) as strongest
            from events group by all
        ) inner join snapshot_dates on event_date <= as_of_date order by all;
        create table int_items_as_of as
        select as_of_date, items.* from snapshot_dates cross join items order by all;
        create table int_user_eligibility as
        select distinct user_key, true as is_eligible, null::varchar as ineligible_reason from events order by user_key
        """
    )
    for column, comment in COMMENTS.items():
        connection.execute(f"comment on column feat_user_snapshots.{column} is '{comment}'")
