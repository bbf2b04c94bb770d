"""What a recommender's lists are worth on the window after a cut-off: as a whole, and by kinds of users and of items.

The whole catalogue competes, less what the shop's rules exclude for a user; caps per category or brand, which the published
table applies, are not looked at.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from training import bootstrap, ranking_metrics
from training.history import History
from training.judgement import Judgement
from training.models.recommender import Recommender

DEPTHS = (10, 20, 50)
NEW_USER_ITEMS = 2  # who has touched no more items than that is new; the others are halved into light and heavy
HEAD_SHARE = 0.5  # the most popular items that together hold this share of all user-item rows are the head
TOP_CATEGORIES = 5
SAMPLED_LISTS = 500  # evenly chosen, for what looks at all pairs of a list, or at lists made once more
RESAMPLES = 500  # of a slice, whose interval is shown and decides nothing
ALL, NEWCOMERS = "all", "without history"


@dataclass(frozen=True)
class Slice:
    """Some of the users, judged by some of the items.

    Args:
        name: as it is shown.
        is_in: (users,) whose lists count, those that bought none of `items` aside.
        items: (items,) which hits and purchases count.
    """

    name: str
    is_in: np.ndarray
    items: np.ndarray


def ndcg(model: Recommender, window: History, k: int) -> np.ndarray:
    """(buyers,) the deciding metric alone, for the many fits of a search."""
    users = window.buyers
    is_hit = hits(model.recommend(window, users, k, with_reasons=False).item, window.bought[users])
    return ranking_metrics.ndcg_at_k(is_hit, _count(window.bought[users]), k)


def judge(model: Recommender, window: History, k: int) -> Judgement:
    """Every metric over all users with a history that bought in the window, and by slices.

    Newcomers, whom every model leaves to the same list of popular items, are a slice of their own and no part of the rest.

    Args:
        k: length of the published list; NDCG at k decides, and what lists are like beside their hits is measured at k.
    """
    users, depths = window.buyers, sorted({*DEPTHS, k})
    lists = model.recommend(window, users, depths[-1], with_reasons=False)
    listed = lists.item
    accuracy = _accuracy(listed, window.bought[users], depths)
    decides = f"ndcg_at_{k}"
    low, high = bootstrap.intervals_of_means(np.stack(list(accuracy.values()), axis=1))
    metrics = {name: values.mean() for name, values in accuracy.items()} | _beyond_accuracy(listed, window, users, depths, k)
    metrics["same_list_share"] = _same_list_share(model, window, users[_sampled(users)], k)
    metrics |= {f"{name}_low": value for name, value in zip(accuracy, low, strict=True)}
    metrics |= {f"{name}_high": value for name, value in zip(accuracy, high, strict=True)}
    if lists.index_recall is not None:
        metrics["index_recall"] = lists.index_recall
    newcomers = np.tile(window.popular, (window.bought_by_newcomers.shape[0], 1))
    rows = [_row(each.name, listed, window.bought[users], each, depths, decides) for each in _slices(window, users)]
    everybody = Slice(NEWCOMERS, np.ones(len(newcomers), bool), np.ones(len(window.catalogue), bool))
    rows.insert(1, _row(NEWCOMERS, newcomers, window.bought_by_newcomers, everybody, depths, decides))
    return Judgement(
        metrics={name: round(float(value), 6) for name, value in metrics.items()},
        units=window.user_keys[users],
        gains=accuracy[decides],
        slices=rows,
    )


def hits(listed: np.ndarray, bought: sparse.csr_array) -> np.ndarray:
    """(users, n) whether each listed item is one of `bought` (users, items)."""
    width = bought.shape[1]
    buyers = np.repeat(np.arange(bought.shape[0]), np.diff(bought.indptr))
    listed_pairs = np.arange(len(listed))[:, None] * width + listed
    return (listed >= 0) & np.isin(listed_pairs, buyers * width + bought.indices)


def _accuracy(listed: np.ndarray, bought: sparse.csr_array, depths: list[int]) -> dict[str, np.ndarray]:
    """(users,) values by the name of each metric; every user has bought at least one item."""
    is_hit, count = hits(listed, bought), _count(bought)
    found = {}
    for depth in depths:
        found[f"recall_at_{depth}"] = ranking_metrics.recall_at_k(is_hit, count, depth)
        found[f"ndcg_at_{depth}"] = ranking_metrics.ndcg_at_k(is_hit, count, depth)
        found[f"mrr_at_{depth}"] = ranking_metrics.reciprocal_rank_at_k(is_hit, depth)
        found[f"hit_rate_at_{depth}"] = ranking_metrics.hit_rate_at_k(is_hit, depth)
    return found


def _beyond_accuracy(listed: np.ndarray, window: History, users: np.ndarray, depths: list[int], k: int) -> dict[str, float]:
    user_count = np.bincount(window.item, minlength=len(window.catalogue))
    own = window.matrix(np.ones(len(window.item)))[users] @ user_count / np.diff(window.offsets)[users]
    some = _sampled(users)
    touched = window.matrix(np.ones(len(window.item))).T.tocsr()
    vectors = sparse.csr_array(touched.multiply(1 / np.sqrt(np.maximum(user_count, 1))[:, None]))
    coverage = {f"coverage_at_{n}": ranking_metrics.coverage_at_k(listed, n, int(window.is_recommendable.sum())) for n in depths}
    return coverage | {
        f"novelty_at_{k}": ranking_metrics.novelty_at_k(listed, user_count, len(window.user_keys), k).mean(),
        f"diversity_at_{k}": ranking_metrics.diversity_at_k(listed[some], vectors, k).mean(),
        f"gini_at_{k}": ranking_metrics.gini_at_k(listed, k, window.is_recommendable),
        f"popularity_lift_at_{k}": ranking_metrics.popularity_lift_at_k(listed, user_count, own, k),
    }


def _same_list_share(model: Recommender, window: History, users: np.ndarray, k: int) -> float:
    """How many users' lists are the commonest one, before the shop's rules take anything out: 1 where the model knows nobody."""
    without_rules = replace(window, excluded=sparse.csr_array(window.excluded.shape, dtype=bool))
    listed = model.recommend(without_rules, users, k, with_reasons=False).item
    return np.unique(listed, axis=0, return_counts=True)[1].max() / len(users)


def _sampled(users: np.ndarray) -> np.ndarray:
    """Places of at most SAMPLED_LISTS users."""
    return np.unique(np.linspace(0, len(users) - 1, min(SAMPLED_LISTS, len(users))).astype(int))


def _slices(window: History, users: np.ndarray) -> Iterator[Slice]:
    everybody, everything = np.ones(len(users), bool), np.ones(len(window.catalogue), bool)
    yield Slice(ALL, everybody, everything)
    touched = np.diff(window.offsets)[users]
    is_new = touched <= NEW_USER_ITEMS
    middle = np.median(touched[~is_new]) if (~is_new).any() else 0
    yield Slice(f"users: new, up to {NEW_USER_ITEMS} items", is_new, everything)
    yield Slice(f"users: light, up to {middle:.0f} items", ~is_new & (touched <= middle), everything)
    yield Slice("users: heavy, the rest", ~is_new & (touched > middle), everything)
    is_head = _head(np.bincount(window.item, minlength=len(window.catalogue)))
    yield Slice(f"items: head, {is_head.sum()} items", everybody, is_head)
    yield Slice("items: tail, the rest", everybody, ~is_head)
    category = np.array([path.split(" > ")[0] for path in window.catalogue.category.tolist()], dtype=str)
    bought = window.bought.sum(axis=0)
    names, member = np.unique(category, return_inverse=True)
    for place in np.argsort(-np.bincount(member, bought, len(names)), kind="stable")[:TOP_CATEGORIES]:
        if names[place]:
            yield Slice(f"category: {names[place]}", everybody, member == place)


def _head(user_count: np.ndarray) -> np.ndarray:
    """(items,) the fewest most popular items that hold HEAD_SHARE of all user-item rows; ties break by item."""
    order = np.argsort(-user_count, kind="stable")
    before = np.cumsum(user_count[order]) - user_count[order]
    is_head = np.zeros(len(user_count), bool)
    is_head[order[before < HEAD_SHARE * user_count.sum()]] = True
    return is_head


def _row(name: str, listed: np.ndarray, bought: sparse.csr_array, part: Slice, depths: list[int], decides: str) -> dict[str, Any]:
    """The slice's metrics, with the interval of the deciding one; None where nobody is in it."""
    counted = sparse.csr_array(bought.multiply(part.items[None, :]))
    counted.eliminate_zeros()
    users = np.flatnonzero(part.is_in & (_count(counted) > 0))
    accuracy = _accuracy(listed[users], counted[users], depths)
    low, high = bootstrap.interval_of_mean(accuracy[decides], resamples=RESAMPLES)
    means = {name: round(float(values.mean()), 6) if len(users) else None for name, values in accuracy.items()}
    interval = {f"{decides}_low": round(low, 6) if len(users) else None, f"{decides}_high": round(high, 6) if len(users) else None}
    return {"slice": name, "users": len(users), **means, **interval}


def _count(bought: sparse.csr_array) -> np.ndarray:
    return np.diff(bought.indptr)
