"""The groups of users that earlier nights published: what tonight's are matched to."""

from datetime import date
from pathlib import Path

import duckdb

from training import prediction_files
from training.clusters import Earlier


def load(predictions: Path, run_date: date) -> Earlier:
    """The groups of the newest night before, and the highest number that any night before gave.

    No later night is looked at, so a past one that is scored again finds what it found then.

    Args:
        predictions: the folder of all nights.
    """
    nights = prediction_files.nights_before(predictions, run_date)
    if not nights:
        return Earlier()
    files = [str(night / "user_clusters.parquet") for night in nights]
    with duckdb.connect() as connection:
        highest = connection.execute("select coalesce(max(cluster_id), 0) from read_parquet(?)", [files]).fetchone()[0]
        rows = connection.execute(
            "select cast(user_key as varchar), cluster_id, cluster_name from read_parquet(?) order by user_key", [files[-1]]
        ).fetchall()
    return Earlier({key: number for key, number, _ in rows}, {number: name for _, number, name in rows}, highest)
