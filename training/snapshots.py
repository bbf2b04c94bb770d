"""Users as they stood on several past days, with the answers where they are known by now."""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np

import steps
from training.features import Features
from training.targets import Target

TABLE = "feat_user_snapshots"
KEYS = ("user_key", "as_of_date")
WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
NUMBERS = (*WHOLE_NUMBERS, "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")


@dataclass(frozen=True)
class Snapshots:
    """All snapshots of a night, in order of as-of day and user.

    Args:
        user_keys: (rows,) text.
        as_of: (rows,) datetime64[D].
        features: as known on that day.
        outcome: (rows,) 1 or 0; NaN where the window is not over.
        words: column name to what it is in words, from the column's comment.
    """

    user_keys: np.ndarray
    as_of: np.ndarray
    features: Features
    outcome: np.ndarray
    words: dict[str, str]

    @property
    def labelled_dates(self) -> list[date]:
        """The as-of days whose answers are known, ascending."""
        return [day.item() for day in np.unique(self.as_of[np.isfinite(self.outcome)])]

    def on(self, days: list[date]) -> "Snapshots":
        """The rows of these as-of days."""
        rows = np.isin(self.as_of, np.array(days, dtype="datetime64[D]"))
        return Snapshots(self.user_keys[rows], self.as_of[rows], self.features.take(rows), self.outcome[rows], self.words)


def load(connection: duckdb.DuckDBPyConnection, target: Target) -> Snapshots:
    """Read every snapshot row, and the target's answer where there is one.

    Raises:
        StepError: a feature is neither a number nor text.
    """
    numeric, categorical, words = _columns(connection)
    selected = [f'cast(snapshots."{name}" as double) as "{name}"' for name in numeric]
    selected += [f"""coalesce(snapshots."{name}", '') as "{name}\"""" for name in categorical]
    rows = connection.execute(
        f"""
        select
            snapshots.user_key::varchar as user_key,
            snapshots.as_of_date,
            cast(labels.{target.label_column} as double) as outcome,
            {", ".join(selected)}
        from {TABLE} as snapshots
        left join {target.label_table} as labels
            on snapshots.user_key = labels.user_key and snapshots.as_of_date = labels.as_of_date
            and labels.horizon_days = {target.horizon_days}
        order by snapshots.as_of_date, snapshots.user_key::varchar
        """
    ).fetchnumpy()
    count = len(rows["user_key"])
    numbers = {name: _floats(rows[name]) for name in numeric}
    # what this shop never fills (a price level without prices) has nothing to learn from, and scikit-learn cannot bin it
    numeric = [name for name in numeric if np.isfinite(numbers[name]).any()]
    features = Features(
        numeric_names=tuple(numeric),
        numeric=np.column_stack([numbers[name] for name in numeric]) if numeric else np.empty((count, 0)),
        categorical_names=tuple(categorical),
        categorical=np.column_stack([_texts(rows[name]) for name in categorical]) if categorical else np.empty((count, 0), "U1"),
    )
    return Snapshots(_texts(rows["user_key"]), rows["as_of_date"].astype("datetime64[D]"), features, _floats(rows["outcome"]), words)


def _columns(connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str], dict[str, str]]:
    """Names of the numeric and of the categorical columns, and what each column is in words."""
    columns = connection.execute(
        """
        select column_name, data_type, coalesce(nullif(trim(comment), ''), replace(column_name, '_', ' '))
        from duckdb_columns()
        where table_name = ? and database_name = current_database()
        order by column_index
        """,
        [TABLE],
    ).fetchall()
    features = [(name, kind.split("(")[0], words) for name, kind, words in columns if name not in KEYS]
    for name, kind, _ in features:
        if kind not in NUMBERS and kind != "VARCHAR":
            raise steps.StepError(f"{TABLE}.{name} is {kind}: a feature is a number or text")
    numeric = [name for name, kind, _ in features if kind in NUMBERS]
    categorical = [name for name, kind, _ in features if kind == "VARCHAR"]
    return numeric, categorical, {name: words for name, _, words in features}


def _floats(values: np.ndarray) -> np.ndarray:
    return np.ma.filled(values.astype(np.float64), np.nan)


def _texts(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=str) if len(values) else np.empty(0, "U1")
