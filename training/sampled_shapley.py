"""Shapley values by walks from a reference to each row, for models whose score has no closed form.

Castro, Gómez and Tejada, Polynomial calculation of the Shapley value based on sampling, 2009; each order is walked in both
directions, which takes most of the noise out (Mitchell et al., Sampling permutations for Shapley value estimation, 2022).
"""

from collections.abc import Callable

import numpy as np

PLAYERS = 15  # features that are told apart; all others together are one more
PAIRS = 1  # of walks, there and back
SAMPLE = 200  # rows that say which features those are


def contributions(rows: int, features: int, score: Callable[[np.ndarray, np.ndarray], np.ndarray], seed: int) -> np.ndarray:
    """(rows, features) what each feature adds to the score; 0 of those that are not among the players.

    Args:
        score: (n,) places of rows and (n, features) which of their features have their own value to (n,) scores.
    """
    random = np.random.default_rng(seed)
    sample = np.sort(random.permutation(rows)[:SAMPLE])
    players = _strongest(sample, features, score)
    groups = [np.array([player]) for player in players]
    rest = np.setdiff1d(np.arange(features), players)
    groups += [rest] if len(rest) else []
    result = np.zeros((rows, features))
    for _ in range(PAIRS):
        order = random.permutation(len(groups))
        for walk in (order, order[::-1]):
            result += _walked(rows, features, [groups[place] for place in walk], score) / (2 * PAIRS)
    result[:, rest] = 0
    return result


def _strongest(sample: np.ndarray, features: int, score: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    """The features whose own values, put back one by one into the reference, move the scores of the sample most."""
    if features <= PLAYERS:
        return np.arange(features)
    own = np.repeat(np.eye(features, dtype=bool), len(sample), axis=0)
    alone = score(np.tile(sample, features), own).reshape(features, len(sample))
    nothing = score(sample, np.zeros((len(sample), features), bool))
    return np.sort(np.argsort(-np.abs(alone - nothing).mean(axis=1).round(9), kind="stable")[:PLAYERS])


def _walked(rows: int, features: int, groups: list[np.ndarray], score: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    own = np.zeros((rows, features), bool)
    everybody = np.arange(rows)
    before = score(everybody, own)
    result = np.zeros((rows, features))
    for group in groups:
        own[:, group] = True
        after = score(everybody, own)
        result[:, group] = (after - before)[:, None]
        before = after
    return result
