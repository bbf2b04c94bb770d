"""The three classic steps in SQL, in the form that the project's models give them.

python -m benchmarks.baselines.steps_duckdb sessions rows.parquet Europe/Berlin
"""

from datetime import date
from pathlib import Path

import duckdb

from benchmarks.baselines.steps_command import LEAST_SUPPORT, SILENCE_MINUTES, WINDOWS, main
from settings import Settings


def sessions(rows: Path, run_date: date, zone: str) -> dict[str, float]:
    """The sessions of int_events_sessionize and fct_sessions: a window for the gaps, one for the numbers, then groups."""
    return answer_of(f"""
        with gaps as (
            select
                visitor,
                event_at,
                event_type,
                coalesce(event_at - lag(event_at) over by_time > interval {SILENCE_MINUTES} minutes, true) as is_start,
            from '{rows}'
            window by_time as (partition by visitor order by event_at)
        ),
        numbered as (
            select
                *,
                sum(is_start::int) over (partition by visitor order by event_at rows unbounded preceding) as number,
            from gaps
        ),
        sessions as (
            select
                count(*) as event_count,
                date_diff('second', min(event_at), max(event_at)) as seconds,
                bool_or(event_type = 'order_completed') as is_converted,
            from numbered
            group by visitor, number
        )
        select
            count(*) as sessions,
            sum(event_count * event_count) as squared_events,
            sum(seconds) as seconds,
            count(*) filter (where is_converted) as converted,
        from sessions""")


def rfm(rows: Path, run_date: date, zone: str) -> dict[str, float]:
    """As fct_user_days and feat_user_windows: days first, windows over the days."""
    return answer_of(
        windows_over(f"""
            select
                visitor,
                date '{run_date}' - cast(event_at at time zone '{zone}' as date) as days_ago,
                count(distinct order_id) as orders,
                coalesce(sum(amount) filter (where event_type = 'order_completed'), 0) as amount,
                count(*) filter (where event_type = 'product_viewed') as views,
            from '{rows}'
            group by visitor, days_ago""")
    )


def windows_over(days: str) -> str:
    """The query of recency and windows over a query of visitors' days: visitor, days_ago, orders, amount, views."""
    sums = {f"{value}_{window}d": (value, window) for window in WINDOWS for value in ("orders", "amount", "views")}
    windows = [f"coalesce(sum({value}) filter (where days_ago < {window}), 0) as {name}" for name, (value, window) in sums.items()]
    return f"""
        with days as ({days}),
        visitors as (
            select
                visitor,
                min(days_ago) filter (where orders > 0) as recency,
                {", ".join(windows)},
            from days
            group by visitor
        )
        select
            count(*) as visitors,
            count(recency) as buyers,
            sum(recency) as recency,
            {", ".join(f"sum({name}) as {name}, sum({name} * {name}) as squared_{name}" for name in sums)}
        from visitors"""


def support(rows: Path) -> str:
    """The query of the items bought together, as in feat_item_pairs: numbers instead of texts, in one direction."""
    return f"""
        with lines as (
            select distinct order_id, item_id from '{rows}'
            where event_type = 'order_completed'
        ),
        items as (
            select item_id, row_number() over (order by item_id) as item_number from lines
            group by item_id
        ),
        orders as (
            select order_id, row_number() over () as order_number from lines
            group by order_id
        ),
        numbered as (
            select orders.order_number, items.item_number from lines
            inner join items on lines.item_id = items.item_id
            inner join orders on lines.order_id = orders.order_id
        ),
        counted as (
            select one.item_number, other.item_number as other_number, count(*) as support
            from numbered as one
            inner join numbered as other on one.order_number = other.order_number and one.item_number < other.item_number
            group by one.item_number, other.item_number
            having count(*) >= {LEAST_SUPPORT}
        )
        select one.item_id, other.item_id as other_item_id, counted.support from counted
        inner join items as one on counted.item_number = one.item_number
        inner join items as other on counted.other_number = other.item_number"""


def pairs(rows: Path, run_date: date, zone: str) -> dict[str, float]:
    """How many pairs have support, and how much."""
    return answer_of(f"""
        select
            count(*) as pairs,
            coalesce(sum(support), 0) as support,
            coalesce(sum(support * support), 0) as squared_support,
        from ({support(rows)})""")


def answer_of(query: str) -> dict[str, float]:
    """The one row of a query, by column, under the threads and the memory limit of the settings."""
    settings = Settings.from_environment()
    with duckdb.connect(config={"memory_limit": settings.duckdb_memory, "threads": settings.threads}) as connection:
        connection.execute("set timezone = 'UTC'")
        return named_row(connection, query)


def named_row(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, float]:
    """The one row of a query, by column."""
    found = connection.execute(query)
    return dict(zip([column[0] for column in found.description], found.fetchone(), strict=True))


if __name__ == "__main__":
    main({"sessions": sessions, "rfm": rfm, "pairs": pairs}, __doc__)
