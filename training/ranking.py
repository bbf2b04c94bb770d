"""The best k of many scores, in an order that does not depend on the machine's mood."""

from collections.abc import Iterator

import numpy as np

CELLS = 4_000_000  # of a matrix of users or items by items that is in memory at a time
DIGITS = 6  # scores that agree to here are ties, and ties break by item
_TOLERANCE = 10.0**-DIGITS


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
    columns = np.full((rows, k), -1, np.int32)
    values = np.full((rows, k), np.nan)
    if not rows or not items:
        return columns, values
    wanted = min(k, items)
    lowest = np.partition(scores, items - wanted, axis=1)[:, items - wanted]
    for row in range(rows):
        # a little below the lowest, since what rounds to the same score may win by its column
        chosen = np.flatnonzero((scores[row] >= lowest[row] - _TOLERANCE) & (scores[row] > -np.inf))
        rounded = np.round(scores[row, chosen].astype(np.float64), DIGITS)
        order = np.lexsort((chosen, -rounded))[:wanted]
        columns[row, : len(order)] = chosen[order]
        values[row, : len(order)] = rounded[order]
    return columns, values
