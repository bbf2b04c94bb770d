"""Lists of a sum over the history from an index of its items' vectors, where the catalogue is too large to be scored whole."""

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from training import item_index, ranking

if TYPE_CHECKING:
    from training.models.history_sum import SumAnswers


def best(
    answers: "SumAnswers", users: np.ndarray, k: int, of_history: np.ndarray, of_shown: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """As `ranking.best` of all scores, less the index's misses.

    What popularity adds is one more dimension. A user's own items, to whose scores the own traces add, are left out of the index's
    lists, scored each and put in their places.

    Args:
        of_history, of_shown: (items, dimensions) whose dot products are the likeness.

    Returns:
        (users, k) items, -1 where there are fewer, (users, k) scores, NaN there, and the recall of the index.
    """
    history, is_open = answers.history, answers.history.is_recommendable
    open_items = np.flatnonzero(is_open)
    queries = np.hstack([answers.query[users] @ of_history, np.ones((len(users), 1), np.float32)])
    index = item_index.ItemIndex.of(np.hstack([of_shown, answers.shared[:, None]], dtype=np.float32)[open_items])
    probes, recall = index.probes(queries, k)
    touched = history.matrix(np.ones(len(history.item)))[users]
    known = sparse.csr_array(touched.astype(bool) + history.excluded[users])
    items, scores = index.search(queries, k, probes, known if is_open.all() else known[:, open_items])
    row, item = np.repeat(np.arange(len(users)), np.diff(touched.indptr)), touched.indices
    is_shown = is_open[item] & ~np.asarray(history.excluded[users[row], item], bool).ravel()
    row, item = row[is_shown], item[is_shown]
    own = np.asarray(answers.own[users[row], item]).ravel() + answers.shared[item]
    for block in ranking.blocks(np.arange(len(row)), 2 * queries.shape[1]):
        own[block] += np.einsum("nd,nd->n", queries[row[block], :-1], of_shown[item[block]])
    listed, place = np.nonzero(items >= 0)
    rows, columns = np.concatenate([listed, row]), np.concatenate([open_items[items[listed, place]], item])
    return *ranking.ordered(rows, columns, np.concatenate([scores[listed, place], own]), items.shape), recall
