"""Columns of numbers and of words about users, row by row: what predictors are given."""

from dataclasses import dataclass

import numpy as np

from training.sequences import Steps


@dataclass(frozen=True)
class Features:
    """A table of features.

    Args:
        numeric_names: names of the numeric columns.
        numeric: (rows, numeric columns) NaN where unknown.
        categorical_names: names of the columns of words.
        categorical: (rows, categorical columns) text, '' where unknown.
        steps: what the person of each row did last; None where it was not read.
    """

    numeric_names: tuple[str, ...]
    numeric: np.ndarray
    categorical_names: tuple[str, ...]
    categorical: np.ndarray
    steps: Steps | None = None

    def __len__(self) -> int:
        return len(self.numeric)

    @property
    def names(self) -> tuple[str, ...]:
        return self.numeric_names + self.categorical_names

    def take(self, rows: np.ndarray) -> "Features":
        steps = None if self.steps is None else self.steps.take(rows)
        return Features(self.numeric_names, self.numeric[rows], self.categorical_names, self.categorical[rows], steps)

    def with_value(self, name: str, value: float | str) -> "Features":
        """The same rows with one column set to one value."""
        numeric, categorical = self.numeric, self.categorical
        if name in self.numeric_names:
            numeric = numeric.copy()
            numeric[:, self.numeric_names.index(name)] = value
        else:
            categorical = categorical.copy()
            categorical[:, self.categorical_names.index(name)] = value
        return Features(self.numeric_names, numeric, self.categorical_names, categorical, self.steps)

    def column(self, name: str) -> np.ndarray:
        """(rows,) one column."""
        if name in self.numeric_names:
            return self.numeric[:, self.numeric_names.index(name)]
        return self.categorical[:, self.categorical_names.index(name)]
