"""Which items are touched by the same people: for each item the strongest others, found without a dense items × items matrix."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse

PRODUCTS = 20_000_000  # of two entries, added up at a time: bounds the memory of a block


def strongest(left: sparse.csr_array, right: sparse.csr_array, count: int) -> sparse.csr_array:
    """The `count` largest entries of each row of `left`ᵀ @ `right`, an item's own left out.

    Args:
        left, right: (users, items) with entries at the same places and none below 0.
        count: kept per item; of equal ones at the border the first by column.

    Returns:
        (items, items) row: an item; entries: its strongest others.
    """
    rows = left.T.tocsr()
    kept = [_kept(rows[start:end] @ right, start, count) for start, end in _blocks(rows, np.diff(right.indptr))]
    return sparse.csr_array(sparse.vstack(kept, format="csr")) if kept else sparse.csr_array((0, 0), dtype=np.float32)


def _blocks(rows: sparse.csr_array, lengths: np.ndarray) -> Iterator[tuple[int, int]]:
    """Bounds of runs of `rows` (items, users) whose product with histories of `lengths` (users,) takes PRODUCTS, or are one row."""
    done = np.concatenate([[0], np.cumsum(lengths[rows.indices])])[rows.indptr]
    start = 0
    while start < rows.shape[0]:
        end = max(start + 1, int(np.searchsorted(done, done[start] + PRODUCTS, side="right")) - 1)
        yield start, end
        start = end


def _kept(product: sparse.csr_array, first_item: int, count: int) -> sparse.csr_array:
    product.sort_indices()
    row = np.repeat(np.arange(product.shape[0]), np.diff(product.indptr))
    is_kept = (product.indices != row + first_item) & (product.data > 0)
    is_kept_before = np.concatenate([[0], np.cumsum(is_kept)])[product.indptr]
    for each in np.flatnonzero(np.diff(is_kept_before) > count):
        entries = slice(product.indptr[each], product.indptr[each + 1])
        values = np.where(is_kept[entries], product.data[entries], 0)
        lowest = np.partition(values, -count)[-count]
        is_tied = values == lowest
        room = count - int((values > lowest).sum())
        is_kept[entries] = (values > lowest) | (is_tied & (np.cumsum(is_tied) <= room))
    offsets = np.concatenate([[0], np.cumsum(is_kept)])[product.indptr]
    return sparse.csr_array((product.data[is_kept], product.indices[is_kept], offsets), shape=product.shape)
