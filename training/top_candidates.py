"""What may be among the best of many users, kept as cells of a matrix that is never made whole."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from training import ranking


@dataclass(frozen=True)
class Banned:
    """Cells (row, place) that are not listed, in order of place."""

    row: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, excluded: sparse.csr_array, place_of: np.ndarray) -> "Banned":
        row = np.repeat(np.arange(excluded.shape[0]), np.diff(excluded.indptr))
        place = place_of[excluded.indices]
        order = np.argsort(place, kind="stable")
        return cls(row[order], place[order])

    def strike(self, scores: np.ndarray, rows: np.ndarray, start: int, end: int) -> None:
        """Write -inf into `scores` (rows, end - start); `rows` ascend."""
        cells = slice(*np.searchsorted(self.place, [start, end]))
        at = np.minimum(np.searchsorted(rows, self.row[cells]), len(rows) - 1)
        is_here = rows[at] == self.row[cells]
        scores[at[is_here], self.place[cells][is_here] - start] = -np.inf


@dataclass(frozen=True)
class Candidates:
    """Items that may be among the best of a user: (n,) each of row, place and score."""

    row: np.ndarray
    place: np.ndarray
    score: np.ndarray

    @classmethod
    def none(cls) -> "Candidates":
        return cls(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))

    @classmethod
    def all(cls, parts: list["Candidates"]) -> "Candidates":
        parts = [cls.none(), *parts]
        return cls(*(np.concatenate([getattr(each, name) for each in parts]) for name in ("row", "place", "score")))

    def and_those(self, others: "Candidates") -> "Candidates":
        return self.all([self, others])

    def with_only(self, is_kept: np.ndarray) -> "Candidates":
        return Candidates(self.row[is_kept], self.place[is_kept], self.score[is_kept])

    def best(self, rows: int, k: int) -> "Candidates":
        """The k best of each row, and what rounding makes equal to the last; in order of row and falling score."""
        # one whole number per candidate sorts faster than three keys: the bits of a float, turned, are in the order of its value
        bits = self.score.view(np.int32).astype(np.int64)
        rising = np.where(bits >= 0, bits, -(bits & 0x7FFFFFFF))
        order = np.argsort((self.row.astype(np.int64) << 32) - rising)
        row, place, score = self.row[order], self.place[order], self.score[order]
        starts = np.searchsorted(row, np.arange(rows + 1))
        last = np.minimum(starts[:-1] + k, starts[1:]) - 1
        lowest = np.full(rows, np.inf, np.float32)
        lowest[last >= starts[:-1]] = score[last[last >= starts[:-1]]]
        is_best = score >= lowest[row] - ranking.TOLERANCE
        return Candidates(row, place, score).with_only(is_best)

    def bounds(self, rows: int, k: int) -> np.ndarray:
        """(rows,) the score of the k-th best of each row, -inf where there are fewer; the candidates are in order."""
        starts = np.searchsorted(self.row, np.arange(rows + 1))
        is_full = np.diff(starts) >= k
        bound = np.full(rows, -np.inf, np.float32)
        bound[is_full] = self.score[starts[:-1][is_full] + k - 1]
        return bound
