"""The three classic steps in pandas, as its users would write them.

python -m benchmarks.baselines.steps_pandas sessions rows.parquet Europe/Berlin
"""

from datetime import date
from pathlib import Path

import pandas as pd

from benchmarks.baselines.steps_command import LEAST_SUPPORT, SILENCE_MINUTES, WINDOWS, main


def sessions(rows: Path, run_date: date, zone: str) -> dict[str, float]:
    events = pd.read_parquet(rows, columns=["visitor", "event_at", "event_type"]).sort_values(["visitor", "event_at"], ignore_index=True)
    gaps = events["event_at"].diff() > pd.Timedelta(minutes=SILENCE_MINUTES)
    number = (gaps | (events["visitor"] != events["visitor"].shift())).cumsum()
    events["is_order"] = events["event_type"] == "order_completed"
    by_session = events.groupby(number)
    times = by_session["event_at"].agg(["count", "min", "max"])
    return {
        "sessions": len(times),
        "squared_events": (times["count"] ** 2).sum(),
        "seconds": ((times["max"] - times["min"]) // pd.Timedelta(seconds=1)).sum(),
        "converted": by_session["is_order"].any().sum(),
    }


def rfm(rows: Path, run_date: date, zone: str) -> dict[str, float]:
    events = pd.read_parquet(rows, columns=["visitor", "event_at", "event_type", "order_id", "amount"])
    day = events["event_at"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    events["days_ago"] = (pd.Timestamp(run_date) - day).dt.days
    events["amount"] = events["amount"].where(events["event_type"] == "order_completed", 0)
    events["views"] = events["event_type"] == "product_viewed"
    by_day = events.groupby(["visitor", "days_ago"], sort=False)
    days = by_day.agg(orders=("order_id", "nunique"), amount=("amount", "sum"), views=("views", "sum")).reset_index()
    recency = days[days["orders"] > 0].groupby("visitor", sort=False)["days_ago"].min()
    figures = {"visitors": days["visitor"].nunique(), "buyers": len(recency), "recency": recency.sum()}
    for window in WINDOWS:
        sums = days[days["days_ago"] < window].groupby("visitor", sort=False)[["orders", "amount", "views"]].sum()
        figures |= {f"{name}_{window}d": sums[name].sum() for name in sums}
        figures |= {f"squared_{name}_{window}d": (sums[name] ** 2).sum() for name in sums}
    return figures


def pairs(rows: Path, run_date: date, zone: str) -> dict[str, float]:
    bought = pd.read_parquet(rows, columns=["order_id", "item_id"], filters=[("event_type", "=", "order_completed")])
    lines = bought.drop_duplicates()
    both = lines.merge(lines, on="order_id", suffixes=("", "_other"))
    both = both[both["item_id"] < both["item_id_other"]]
    support = both.groupby(["item_id", "item_id_other"], sort=False).size()
    support = support[support >= LEAST_SUPPORT]
    return {"pairs": len(support), "support": support.sum(), "squared_support": (support**2).sum()}


if __name__ == "__main__":
    main({"sessions": sessions, "rfm": rfm, "pairs": pairs}, __doc__)
