"""Exact Shapley values of a sum of trees, against one reference row.

A coalition of features has the row's own values, the others the reference's. A leaf is then reached when the features that
only the row satisfies on its path are in the coalition and those that only the reference satisfies are not, which has a closed
form. Lundberg et al., From local explanations to global understanding with explainable AI for trees, 2020 (interventional).
"""

from math import factorial

import numpy as np

ROWS_AT_A_TIME = 20_000  # bounds the memory: a flag per row and node
DEEPEST = 32


def contributions(
    nodes: dict[str, np.ndarray], roots: np.ndarray, columns: np.ndarray, reference: np.ndarray, feature: np.ndarray
) -> np.ndarray:
    """(rows, features) what each feature adds to the sum of the trees, which is `sum(row) - sum(reference)` in all.

    Args:
        nodes: of all trees, as training/models/gradient_boosting.py keeps them.
        roots: (trees,)
        columns: (rows, columns) that the trees ask about.
        reference: (columns,)
        feature: (columns,) the feature that each column is made of.
    """
    paths = [path for root in roots for path in _paths(nodes, int(root))]
    reference_left = _left(nodes, reference[None])[:, 0]
    result = np.zeros((len(columns), int(feature.max(initial=-1)) + 1))
    for first in range(0, len(columns), ROWS_AT_A_TIME):
        rows = slice(first, first + ROWS_AT_A_TIME)
        own_left = _left(nodes, columns[rows])
        for leaf, steps in paths:
            _add_leaf(result[rows], nodes["value"][leaf], steps, own_left, reference_left, feature[nodes["feature_idx"]])
    return result


def _paths(nodes: dict[str, np.ndarray], root: int) -> list[tuple[int, list[tuple[int, bool]]]]:
    """Each leaf below `root` with the nodes on the way and whether the way goes left there."""
    found, waiting = [], [(root, [])]
    while waiting:
        node, steps = waiting.pop()
        if nodes["is_leaf"][node]:
            found.append((node, steps))
        else:
            waiting += [(int(nodes["left"][node]), [*steps, (node, True)]), (int(nodes["right"][node]), [*steps, (node, False)])]
    return found


def goes_left(nodes: dict[str, np.ndarray], node: int, value: np.ndarray) -> np.ndarray:
    """(rows,) which rows go left at a node, from their values of its column."""
    below = value <= nodes["num_threshold"][node]  # never true of an unknown value
    return below | np.isnan(value) if nodes["missing_go_to_left"][node] else below


def _left(nodes: dict[str, np.ndarray], columns: np.ndarray) -> np.ndarray:
    """(nodes, rows)"""
    by_column, result = np.ascontiguousarray(columns.T), np.zeros((len(nodes["is_leaf"]), len(columns)), bool)
    for node in np.flatnonzero(nodes["is_leaf"] == 0):
        result[node] = goes_left(nodes, node, by_column[nodes["feature_idx"][node]])
    return result


def _add_leaf(
    result: np.ndarray, value: float, steps: list[tuple[int, bool]], own_left: np.ndarray, reference_left: np.ndarray, feature: np.ndarray
) -> None:
    own: dict[int, np.ndarray] = {}
    reference: dict[int, bool] = {}
    for node, is_left in steps:
        name = int(feature[node])
        agrees = own_left[node] if is_left else ~own_left[node]
        own[name] = own[name] & agrees if name in own else agrees
        reference[name] = reference.get(name, True) and bool(reference_left[node]) == is_left
    needed = [name for name in own if not reference[name]]
    others = [name for name in own if reference[name]]
    reached = np.logical_and.reduce([own[name] for name in needed]) if needed else np.ones(len(result), bool)
    if not reached.any():
        return
    forbidden = np.sum([~own[name] for name in others], axis=0) if others else np.zeros(len(result), int)
    gain, loss = (np.where(reached, table[len(needed)][forbidden], 0) * value for table in (GAINS, LOSSES))
    for name in needed:
        result[:, name] += gain
    for name in others:
        result[:, name] -= np.where(own[name], 0, loss)


def _weights(is_gain: bool) -> np.ndarray:
    """(needed, forbidden) share of all orders in which a needed (forbidden) feature is the one that decides about the leaf."""
    table = np.zeros((DEEPEST, DEEPEST))
    for needed in range(DEEPEST):
        for forbidden in range(DEEPEST):
            if is_gain and needed:
                table[needed, forbidden] = factorial(needed - 1) * factorial(forbidden) / factorial(needed + forbidden)
            if not is_gain and forbidden:
                table[needed, forbidden] = factorial(needed) * factorial(forbidden - 1) / factorial(needed + forbidden)
    return table


GAINS, LOSSES = _weights(True), _weights(False)
