"""Users, or users and categories, as they stood on several past days, with the answers where they are known by now."""

from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np

import steps
from targets import Target
from training.features import Features

# by what a row is of: the features, the answers, and which columns beside the day tell rows apart
TABLES = {
    "user": ("feat_user_snapshots", "feat_user_labels", ("user_key",)),
    "category": ("feat_category_snapshots", "feat_category_labels", ("user_key", "category")),
}
NO_FEATURES = ("user_key", "as_of_date")
WHOLE_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
NUMBERS = (*WHOLE_NUMBERS, "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN")


@dataclass(frozen=True)
class Snapshots:
    """All snapshots of a night, in order of as-of day, user and category.

    Args:
        user_keys: (rows,) text.
        as_of: (rows,) datetime64[D].
        features: as known on that day.
        outcome: (rows,) 1 or 0, or an amount; NaN where the window is not over.
        words: column name to what it is in words, from the column's comment.
        categories: (rows,) text, where a row is of a person and a category; else None.
    """

    user_keys: np.ndarray
    as_of: np.ndarray
    features: Features
    outcome: np.ndarray
    words: dict[str, str]
    categories: np.ndarray | None = None

    @property
    def labelled_dates(self) -> list[date]:
        """The as-of days whose answers are known, ascending."""
        return [day.item() for day in np.unique(self.as_of[np.isfinite(self.outcome)])]

    def on(self, days: list[date]) -> "Snapshots":
        """The rows of these as-of days."""
        return self.where(np.isin(self.as_of, np.array(days, dtype="datetime64[D]")))

    def where(self, rows: np.ndarray) -> "Snapshots":
        """The rows of a mask."""
        categories = None if self.categories is None else self.categories[rows]
        return Snapshots(self.user_keys[rows], self.as_of[rows], self.features.take(rows), self.outcome[rows], self.words, categories)


def load(connection: duckdb.DuckDBPyConnection, target: Target) -> Snapshots:
    """Read every snapshot row that a target asks about, and the answer where there is one.

    Raises:
        StepError: a feature is neither a number nor text, or the target's SQL cannot be run.
    """
    table, labels, keys = TABLES[target.per]
    named = ", ".join(keys)
    answers = f"""
        select {named}, as_of_date, cast(({target.label}) as double) as outcome from {labels}
        where horizon_days = {target.horizon_days}
    """
    try:
        return _read(connection, table, f"(select * from {table} where {target.population})", keys, answers)
    except (duckdb.BinderException, duckdb.ParserException, duckdb.ConversionException) as error:
        raise steps.StepError(f"target {target.name}: its label or population cannot be asked of {table}: {error}") from error


def of_day(connection: duckdb.DuckDBPyConnection, day: date) -> Snapshots:
    """Everybody's snapshot of one day, without answers."""
    table, _, keys = TABLES["user"]
    nothing = "select null::uuid as user_key, null::date as as_of_date, null::double as outcome where false"
    return _read(connection, table, f"(select * from {table} where as_of_date = date '{day.isoformat()}')", keys, nothing)


def _read(connection: duckdb.DuckDBPyConnection, table: str, asked: str, keys: tuple[str, ...], answers: str) -> Snapshots:
    numeric, categorical, words = _columns(connection, table)
    selected = [f'cast(snapshots."{name}" as double) as "{name}"' for name in numeric]
    selected += [f"""coalesce(snapshots."{name}", '') as "{name}\"""" for name in categorical]
    rows = connection.execute(
        f"""
        select {", ".join(["snapshots.user_key::varchar as user_key", "snapshots.as_of_date", "answers.outcome", *selected])}
        from {asked} as snapshots
        left join ({answers}) as answers
            on snapshots.as_of_date = answers.as_of_date and {" and ".join(f"snapshots.{key} = answers.{key}" for key in keys)}
        order by snapshots.as_of_date, {", ".join(f"snapshots.{key}::varchar" for key in keys)}
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
    days = rows["as_of_date"].astype("datetime64[D]")
    categories = features.column("category") if "category" in keys else None
    return Snapshots(_texts(rows["user_key"]), days, features, _floats(rows["outcome"]), words, categories)


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> tuple[list[str], list[str], dict[str, str]]:
    """Names of the numeric and of the categorical columns, and what each column is in words."""
    columns = connection.execute(
        """
        select column_name, data_type, coalesce(nullif(trim(comment), ''), replace(column_name, '_', ' '))
        from duckdb_columns()
        where table_name = ? and database_name = current_database()
        order by column_index
        """,
        [table],
    ).fetchall()
    features = [(name, kind.split("(")[0], words) for name, kind, words in columns if name not in NO_FEATURES]
    for name, kind, _ in features:
        if kind not in NUMBERS and kind != "VARCHAR":
            raise steps.StepError(f"{table}.{name} is {kind}: a feature is a number or text")
    numeric = [name for name, kind, _ in features if kind in NUMBERS]
    categorical = [name for name, kind, _ in features if kind == "VARCHAR"]
    return numeric, categorical, {name: words for name, _, words in features}


def _floats(values: np.ndarray) -> np.ndarray:
    return np.ma.filled(values.astype(np.float64), np.nan)


def _texts(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, dtype=str) if len(values) else np.empty(0, "U1")
