"""The three classic steps in polars, lazily, as its users would write them.

python -m benchmarks.baselines.steps_polars sessions rows.parquet Europe/Berlin

polars comes with requirements-benchmarks.txt.
"""

from datetime import date
from pathlib import Path

import polars as pl

from benchmarks.baselines.steps_command import LEAST_SUPPORT, SILENCE_MINUTES, WINDOWS, main


def sessions(rows: Path, run_date: date, zone: str) -> dict[str, float]:
    silence = pl.duration(minutes=SILENCE_MINUTES)
    is_start = (pl.col("event_at").diff() > silence).fill_null(True) | (pl.col("visitor") != pl.col("visitor").shift())
    cut = (
        pl.scan_parquet(rows)
        .select("visitor", "event_at", "event_type")
        .sort("visitor", "event_at")
        .select("event_at", "event_type", number=is_start.cum_sum())
    )
    found = cut.group_by("number").agg(
        event_count=pl.len(),
        seconds=(pl.col("event_at").max() - pl.col("event_at").min()).dt.total_seconds(),
        is_converted=(pl.col("event_type") == "order_completed").any(),
    )
    count = pl.col("event_count").cast(pl.Int64)
    return _answer(
        found.select(
            sessions=pl.len(), squared_events=(count * count).sum(), seconds=pl.col("seconds").sum(), converted=pl.col("is_converted").sum()
        )
    )


def rfm(rows: Path, run_date: date, zone: str) -> dict[str, float]:
    is_order = pl.col("event_type") == "order_completed"
    day = pl.col("event_at").dt.convert_time_zone(zone).dt.date()
    days = (
        pl.scan_parquet(rows)
        .with_columns(days_ago=(pl.lit(run_date) - day).dt.total_days())
        .group_by("visitor", "days_ago")
        .agg(
            orders=pl.col("order_id").drop_nulls().n_unique().cast(pl.Int64),
            amount=pl.col("amount").filter(is_order).sum(),
            views=(pl.col("event_type") == "product_viewed").sum().cast(pl.Int64),
        )
    )
    windows = {
        f"{value}_{window}d": pl.col(value).filter(pl.col("days_ago") < window).sum()
        for window in WINDOWS
        for value in ("orders", "amount", "views")
    }
    visitors = days.group_by("visitor").agg(recency=pl.col("days_ago").filter(pl.col("orders") > 0).min(), **windows)
    sums = {name: pl.col(name).sum() for name in windows} | {f"squared_{name}": (pl.col(name) * pl.col(name)).sum() for name in windows}
    return _answer(visitors.select(visitors=pl.len(), buyers=pl.col("recency").count(), recency=pl.col("recency").sum(), **sums))


def pairs(rows: Path, run_date: date, zone: str) -> dict[str, float]:
    lines = pl.scan_parquet(rows).filter(pl.col("event_type") == "order_completed").select("order_id", "item_id").unique()
    counted = (
        lines.join(lines, on="order_id", suffix="_other")
        .filter(pl.col("item_id") < pl.col("item_id_other"))
        .group_by("item_id", "item_id_other")
        .agg(support=pl.len().cast(pl.Int64))
        .filter(pl.col("support") >= LEAST_SUPPORT)
    )
    support = pl.col("support")
    return _answer(counted.select(pairs=pl.len(), support=support.sum(), squared_support=(support * support).sum()))


def _answer(figures: pl.LazyFrame) -> dict[str, float]:
    return figures.collect(engine="streaming").row(0, named=True)


if __name__ == "__main__":
    main({"sessions": sessions, "rfm": rfm, "pairs": pairs}, __doc__)
