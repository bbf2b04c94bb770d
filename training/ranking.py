"""The best k of many scores, in an order that does not depend on the machine's mood."""

from collections.abc import Iterator

import numpy as np

CELLS = 16_000_000  # of a matrix of users or items by items that is in memory at a time
DIGITS = 6  # scores that agree to here are ties, and ties break by item
GROUPS_A_PLACE = 8  # groups of columns per place of the list, of which only those with a high score are looked into
TOLERANCE = 10.0**-DIGITS


def blocks(rows: np.ndarray, columns: int) -> Iterator[np.ndarray]:
    """`rows` in pieces, so that a matrix of a piece by `columns` stays within CELLS."""
    size = max(1, CELLS // max(1, columns))
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def best(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k highest scores of each row, rounded, descending; ties by column.

    Args:
        scores: (rows, items); -inf is never chosen.

    Returns:
        (rows, k) columns, -1 where a row has fewer, and (rows, k) their scores, NaN there.
    """
    rows, items = scores.shape
    wanted = min(k, items)
    if not rows or not wanted:
        return ordered(np.empty(0, int), np.empty(0, int), np.empty(0), (rows, k))
    row, column = _candidates(scores, wanted)
    return ordered(row, column, scores[row, column], (rows, k))


def _candidates(scores: np.ndarray, wanted: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of all cells that may be among the `wanted` best of their row, and of few others.

    The columns are dealt out to groups. The `wanted` highest of the groups' maxima are as many scores, so the lowest of
    them is a bound that no score of the list lies below; only groups that reach it are looked into.
    """
    items = scores.shape[1]
    groups = min(items, wanted * GROUPS_A_PLACE)
    maxima = scores[:, :groups].copy()
    for start in range(groups, items, groups):
        dealt = scores[:, start : start + groups]
        np.maximum(maxima[:, : dealt.shape[1]], dealt, out=maxima[:, : dealt.shape[1]])
    # a little below the bound, since what rounds to the same score may win by its column
    bound = np.partition(maxima, groups - wanted, axis=1)[:, groups - wanted] - TOLERANCE
    row, group = np.nonzero((maxima >= bound[:, None]) & (maxima > -np.inf))
    column = group[:, None] + np.arange(0, items, groups)
    found = scores[row[:, None], np.minimum(column, items - 1)]
    is_high = (column < items) & (found >= bound[row, None]) & (found > -np.inf)
    return np.repeat(row, is_high.sum(axis=1)), column[is_high]


def ordered(row: np.ndarray, column: np.ndarray, score: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cells as lists of `shape` (rows, k), one row of the scores each."""
    columns, values = np.full(shape, -1, np.int32), np.full(shape, np.nan)
    rounded = np.round(score.astype(np.float64), DIGITS)
    order = np.lexsort((column, -rounded, row))
    row, column, rounded = row[order], column[order], rounded[order]
    place = np.arange(len(row)) - np.searchsorted(row, row)
    is_listed = place < shape[1]
    columns[row[is_listed], place[is_listed]] = column[is_listed]
    values[row[is_listed], place[is_listed]] = rounded[is_listed]
    return columns, values
