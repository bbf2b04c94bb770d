"""The best items of many users by dot product, where the catalogue is too large for every item to be scored.

An inverted file: items lie in lists of near vectors (k-means in two levels), and a user is scored against all items of the lists that
promise most: the score of the list's mean plus SPREADS standard deviations of the scores in it, without which the few strong items of a
mixed list are missed (Gowalla's 128 vectors: 1.5 % of the items are scored for a recall of 0.99, by the means alone 4 %). Users are
grouped by list, so that the work is products of matrices. How many lists are looked into is found on some users against exact
answers, and what share of the exact answers that finds is measured on others.

Jégou, Douze, Schmid, Product quantization for nearest neighbor search, 2011 (the inverted file, here without quantization).
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from training import k_means, ranking
from training.top_candidates import Banned, Candidates

EXACT_ITEMS = 200_000  # a smaller catalogue is scored whole
FEWEST_USERS = 5_000  # for fewer, making the index takes longer than scoring them whole
LEAST_RECALL = 0.99  # against exact lists, on the users by whom the number of lists is chosen
SAMPLED_USERS = 1_000  # half to choose by, half to measure on
USERS_AT_A_TIME, FEWEST_PIECES = 12_500, 4  # of users: so many on each core, and work for some cores where they are few
TURNS = (4, 12, 48)  # after so many lists of a user, the k-th best so far is the bound below which further items are passed over
LISTS = 2.0  # times the square root of the number of items
SPREADS = 4.0  # beyond the mean


def pays(users: int, items: int) -> bool:
    """Whether lists for so many users of so many items come from an index."""
    return items > EXACT_ITEMS and users >= FEWEST_USERS


@dataclass(frozen=True)
class ItemIndex:
    """Lists of items that point the same way.

    Args:
        vectors: (items, dimensions) float32 in order of list.
        item: (items,) which item lies at each place of that order.
        offsets: (lists + 1,) where each list begins.
        means, spreads: (lists, dimensions) mean and variance of the vectors of each list.

    Example:
        >>> index = ItemIndex.of(vectors)
        >>> probes, recall = index.probes(queries, k=100)
        >>> items, scores = index.search(queries, 100, probes, excluded)
    """

    vectors: np.ndarray
    item: np.ndarray
    offsets: np.ndarray
    means: np.ndarray
    spreads: np.ndarray

    @classmethod
    def of(cls, vectors: np.ndarray) -> "ItemIndex":
        """The index of (items, dimensions) float32 vectors."""
        count = max(1, round(LISTS * len(vectors) ** 0.5))
        longest = max(1, 4 * len(vectors) // count)
        member = k_means.two_levels(vectors, count)
        order = np.argsort(member, kind="stable")
        starts = np.flatnonzero(np.diff(member[order], prepend=-1))
        bounds = [np.arange(start, end, longest) for start, end in zip(starts, [*starts[1:], len(order)], strict=True)]
        offsets = np.concatenate([*bounds, [len(order)]]).astype(np.int64)
        ordered, lengths = vectors[order], np.diff(offsets)[:, None]
        means = np.add.reduceat(ordered, offsets[:-1], axis=0) / lengths
        spreads = np.maximum(np.add.reduceat(ordered**2, offsets[:-1], axis=0) / lengths - means**2, 0)
        return cls(ordered, order.astype(np.int32), offsets, means.astype(np.float32), spreads.astype(np.float32))

    def promises(self, queries: np.ndarray) -> np.ndarray:
        """(users, lists) what the best items of each list may score."""
        return queries @ self.means.T + np.float32(SPREADS) * np.sqrt(queries**2 @ self.spreads.T)

    def probes(self, queries: np.ndarray, k: int) -> tuple[int, float]:
        """How many lists a user needs for LEAST_RECALL, and the recall at k that these give other users."""
        rows = np.unique(np.linspace(0, len(queries) - 1, min(SAMPLED_USERS, len(queries))).astype(int))
        nothing = sparse.csr_array((len(rows), len(self.item)), dtype=bool)
        items = self.search(queries[rows], k, len(self.means), nothing)[0]
        places = np.where(items >= 0, self._place_of()[items], -1)
        of_best = np.searchsorted(self.offsets, places, side="right") - 1
        likely = np.argsort(-self.promises(queries[rows]), axis=1, kind="stable")
        turn = np.empty_like(likely)
        np.put_along_axis(turn, likely, np.arange(likely.shape[1])[None, :], axis=1)
        needed = np.take_along_axis(turn, of_best, axis=1)
        needed = np.where(places >= 0, needed, 0)
        probes = int(np.quantile(needed[::2], LEAST_RECALL, method="higher")) + 1
        other = needed[1::2] if len(needed) > 1 else needed
        return probes, float((other < probes).mean())

    def search(self, queries: np.ndarray, k: int, probes: int, excluded: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
        """The k best items of the likeliest lists of each user, as `ranking.best` orders them.

        Args:
            queries: (users, dimensions) float32.
            excluded: (users, items) what is not listed. A user with fewer than k items left in the lists looked into is scored whole.

        Returns:
            (users, k) items, -1 where there are fewer, and (users, k) scores, NaN there.
        """
        from threadpoolctl import threadpool_limits

        place_of, cores = self._place_of(), len(os.sched_getaffinity(0))
        pieces = min(max(1, len(queries)), max(FEWEST_PIECES, -(-len(queries) // USERS_AT_A_TIME)))
        blocks = np.array_split(np.arange(len(queries)), pieces)
        # a core to each block: many small products on one core each take a third less than one after the other on all
        with threadpool_limits(1, "blas"), ThreadPoolExecutor(cores) as pool:
            found = list(pool.map(lambda block: self._searched(queries[block], k, probes, excluded[block], place_of), blocks))
        return np.concatenate([items for items, _ in found]), np.concatenate([scores for _, scores in found])

    def _place_of(self) -> np.ndarray:
        """(items,) where each lies."""
        place_of = np.empty(len(self.item), np.int64)
        place_of[self.item] = np.arange(len(self.item))
        return place_of

    def _searched(
        self, queries: np.ndarray, k: int, probes: int, excluded: sparse.csr_array, place_of: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        likely = self.promises(queries)
        probes = min(probes, len(self.means))
        best = np.argpartition(-likely, probes - 1, axis=1)[:, :probes]
        turn = np.argsort(-np.take_along_axis(likely, best, axis=1), axis=1, kind="stable")
        best = np.take_along_axis(best, turn, axis=1)
        banned = Banned.of(excluded, place_of)
        kept = Candidates.none()
        bound = np.full(len(queries), -np.inf, np.float32)
        for part in np.split(best, [turn for turn in TURNS if turn < probes], axis=1):
            kept = kept.and_those(self._above(queries, part, bound, banned)).best(len(queries), k)
            bound = kept.bounds(len(queries), k)
        few = np.flatnonzero(bound == -np.inf)
        if len(few):
            kept = kept.with_only(np.isin(kept.row, few, invert=True)).and_those(self._whole(queries, few, k, banned))
        return ranking.ordered(kept.row, self.item[kept.place], kept.score, (len(queries), k))

    def _above(self, queries: np.ndarray, lists: np.ndarray, bound: np.ndarray, banned: Banned) -> Candidates:
        """All items of each user's lists (users, n) whose score reaches the user's bound."""
        found = []
        cells = len(queries) * int(np.diff(self.offsets).max())
        # written over for each list: fresh memory for each took a third of the time
        room, is_high, vectors = np.empty(cells, np.float32), np.empty(cells, bool), np.empty_like(queries)
        for number, rows in _users_by_list(lists, len(self.means)):
            start, end = self.offsets[number], self.offsets[number + 1]
            shape, size = (len(rows), end - start), len(rows) * (end - start)
            asked = np.take(queries, rows, axis=0, out=vectors[: len(rows)], mode="clip")
            scores = np.matmul(asked, self.vectors[start:end].T, out=room[:size].reshape(shape))
            banned.strike(scores, rows, start, end)
            np.greater(scores, (bound[rows] - ranking.TOLERANCE)[:, None], out=is_high[:size].reshape(shape))
            cell = np.flatnonzero(is_high[:size])
            found.append(Candidates(rows[cell // shape[1]].astype(np.int32), (start + cell % shape[1]).astype(np.int32), room[cell]))
        return Candidates.all(found)

    def _whole(self, queries: np.ndarray, users: np.ndarray, k: int, banned: Banned) -> Candidates:
        """The best k items of all, for a few users."""
        found = []
        for rows in ranking.blocks(users, len(self.item)):
            scores = queries[rows] @ self.vectors.T
            banned.strike(scores, rows, 0, len(self.item))
            places, _ = ranking.best(scores, k)
            row, column = np.nonzero(places >= 0)
            found.append(Candidates(rows[row].astype(np.int32), places[row, column], scores[row, places[row, column]]))
        return Candidates.all(found)


def _users_by_list(lists: np.ndarray, count: int) -> Iterator[tuple[int, np.ndarray]]:
    """Each of `count` lists that a user looks into, and those users, ascending."""
    order = np.argsort(lists, axis=None, kind="stable")
    bounds = np.searchsorted(lists.ravel()[order], np.arange(count + 1))
    for number in np.flatnonzero(np.diff(bounds)):
        yield number, order[bounds[number] : bounds[number + 1]] // lists.shape[1]
