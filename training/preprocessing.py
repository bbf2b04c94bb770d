"""From features to what models are fed: fitted on training rows only, kept as plain arrays."""

from dataclasses import dataclass

import numpy as np

from training.features import Features

QUANTILES = 101
RAREST = 20  # training rows that a word needs to be told apart from the other rare ones
MISSING_SHARE = 0.001  # of training rows; a column with more unknowns gets an indicator


@dataclass(frozen=True)
class Encoder:
    """Numbers become their place among the training rows; words become codes.

    Args:
        quantiles: (QUANTILES, numeric columns) of the known training values.
        has_indicator: (numeric columns,) whether "unknown" is a column of its own.
        words: per categorical column the words told apart, ascending; code 0 is any other, n + 1 is words[n].

    Example:
        >>> encoder = Encoder.fitted(training_features)
        >>> encoder.numbers(features), encoder.codes(features)
    """

    quantiles: np.ndarray
    has_indicator: np.ndarray
    words: tuple[np.ndarray, ...]

    @classmethod
    def fitted(cls, features: Features) -> "Encoder":
        levels = np.linspace(0, 1, QUANTILES)
        quantiles = [np.quantile(column, levels) if len(column) else np.zeros(QUANTILES) for column in _known(features.numeric)]
        counted = [np.unique(column, return_counts=True) for column in features.categorical.T]
        return cls(
            quantiles=np.column_stack(quantiles) if quantiles else np.empty((QUANTILES, 0)),
            has_indicator=np.isnan(features.numeric).mean(axis=0) > MISSING_SHARE,
            words=tuple(words[counts >= RAREST] for words, counts in counted),
        )

    @property
    def width(self) -> int:
        """How many columns `numbers` gives."""
        return self.quantiles.shape[1] + int(self.has_indicator.sum())

    @property
    def feature_of_numbers(self) -> np.ndarray:
        """(width,) the feature, counted over numeric and then categorical columns, that each column of `numbers` is made of."""
        return np.concatenate([np.arange(self.quantiles.shape[1]), np.flatnonzero(self.has_indicator)])

    @property
    def feature_of_indicators(self) -> np.ndarray:
        """The same of `indicators`."""
        return self.quantiles.shape[1] + np.repeat(np.arange(len(self.words)), [len(words) for words in self.words]).astype(int)

    def numbers(self, features: Features) -> np.ndarray:
        """(rows, numeric columns + indicators) float32: places from -1 to 1, 0 where unknown, and 1 where that is so.

        Equal values share the middle of their places, so that the many zeros of counts do not all land at one end.
        """
        places = np.zeros(features.numeric.shape, np.float32)
        for column in range(features.numeric.shape[1]):
            values, marks = features.numeric[:, column], self.quantiles[:, column]
            # interpolating from both sides and taking the middle is what treats ties evenly
            upward = np.interp(values, marks, np.linspace(-1, 1, QUANTILES))
            downward = -np.interp(-values, -marks[::-1], np.linspace(-1, 1, QUANTILES))
            places[:, column] = np.nan_to_num((upward + downward) / 2)
        unknown = np.isnan(features.numeric[:, self.has_indicator]).astype(np.float32)
        return np.concatenate([places, unknown], axis=1)

    def codes(self, features: Features) -> np.ndarray:
        """(rows, categorical columns) int32."""
        codes = np.zeros(features.categorical.shape, np.int32)
        for column, words in enumerate(self.words):
            values = features.categorical[:, column]
            place = np.searchsorted(words, values)
            found = place < len(words)
            found[found] = words[place[found]] == values[found]
            codes[found, column] = place[found] + 1
        return codes

    def indicators(self, features: Features) -> np.ndarray:
        """(rows, all words of all columns) float32: 1 where a row has the word."""
        codes = self.codes(features)
        columns = [codes[:, column, None] == np.arange(1, len(words) + 1) for column, words in enumerate(self.words)]
        return np.concatenate(columns, axis=1).astype(np.float32) if columns else np.empty((len(features), 0), np.float32)

    def to_arrays(self) -> dict[str, np.ndarray]:
        words = {f"words_{column}": words for column, words in enumerate(self.words)}
        return {"quantiles": self.quantiles, "has_indicator": self.has_indicator, **words}

    @classmethod
    def from_arrays(cls, stored: dict[str, np.ndarray]) -> "Encoder":
        count = sum(name.startswith("words_") for name in stored)
        return cls(stored["quantiles"], stored["has_indicator"], tuple(stored[f"words_{column}"] for column in range(count)))


def _known(numeric: np.ndarray) -> list[np.ndarray]:
    return [column[np.isfinite(column)] for column in numeric.T]
