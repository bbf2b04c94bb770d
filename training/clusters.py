"""Groups of users who behave alike, named by what sets each apart."""

from dataclasses import dataclass

import numpy as np

from training import backend
from training.features import Features
from training.preprocessing import Encoder

MOST, FEWEST = 8, 4  # groups tried
SMALLEST = 20  # users; a smaller group says more about persons than about a kind
SILHOUETTE_USERS = 2_000  # the silhouette compares every pair
CLEAR = 0.3  # standard deviations from the mean of all users that are worth a word

# the sides of a behaviour, by the column that shows it: what a group far above or far below the others is called
SIDES = {
    "order_count_365d": ("frequent buyers", "rare buyers"),
    "order_amount_365d": ("high spend", "low spend"),
    "days_since_last_event": ("long away", "here lately"),
    "view_count_90d": ("much browsing", "little browsing"),
    "mean_order_amount": ("large orders", "small orders"),
    "mean_item_price": ("expensive taste", "low-priced taste"),
    "category_count_90d": ("many categories", "few categories"),
    "tenure_days": ("old acquaintances", "newcomers"),
    "evening_share": ("evenings", "daytime"),
    "weekend_share": ("weekends", "weekdays"),
    "refund_count_90d": ("send back", "keep"),
}


@dataclass(frozen=True)
class Clusters:
    """Who belongs to which group.

    Args:
        member: (users,) number of the group, 1 for the largest.
        names: one per group, all different; names[0] is group 1's.
    """

    member: np.ndarray
    names: list[str]


def find(features: Features, words: dict[str, str]) -> Clusters:
    """k-means on standardised features, with the number of groups that separates them best (Rousseeuw's silhouette, 1987).

    Args:
        features: (users, …) of one day.
        words: column name to what it is in words, for columns that have no name of their own here.
    """
    labels = _labels(features, words)
    if len(features) < 2 * SMALLEST or len(labels) < 2:
        return Clusters(np.ones(len(features), int), ["everyone"])
    columns = _standardised(features, list(labels))
    member = _by_size(_best_partition(columns))
    centres = np.stack([columns[member == group].mean(axis=0) for group in range(1, member.max() + 1)])
    return Clusters(member, _names(centres, list(labels.values())))


def _labels(features: Features, words: dict[str, str]) -> dict[str, tuple[str, str]]:
    known = {name: sides for name, sides in SIDES.items() if name in features.numeric_names}
    if len(known) >= 2:
        return known
    return {name: (f"high {words[name]}", f"low {words[name]}") for name in features.numeric_names}


def _standardised(features: Features, names: list[str]) -> np.ndarray:
    """(users, names) places of the values, so that one very rich user is no group, with mean 0 and deviation 1."""
    places = Encoder.fitted(features).numbers(features)[:, [features.numeric_names.index(name) for name in names]].astype(np.float64)
    deviation = places.std(axis=0)
    return (places - places.mean(axis=0)) / np.where(deviation > 0, deviation, 1)


def _best_partition(columns: np.ndarray) -> np.ndarray:
    """(users,) group from 0: the best count from FEWEST to MOST whose groups are all large enough, else fewer."""
    from sklearn.metrics import silhouette_score

    sample = np.random.default_rng(backend.SEED).permutation(len(columns))[:SILHOUETTE_USERS]
    kinds = len(np.unique(columns, axis=0))  # people who are all alike cannot be told apart
    best, best_score = None, -np.inf
    for count in range(FEWEST, min(MOST, kinds) + 1):
        member = _partition(columns, count)
        if np.bincount(member, minlength=count).min() < SMALLEST or len(np.unique(member[sample])) < 2:
            continue
        score = round(float(silhouette_score(columns[sample], member[sample])), 6)
        if score > best_score:
            best, best_score = member, score
    for count in range(min(FEWEST - 1, kinds), 0, -1) if best is None else ():
        best = _partition(columns, count)
        if np.bincount(best, minlength=count).min() >= SMALLEST:
            break
    return best


def _partition(columns: np.ndarray, count: int) -> np.ndarray:
    from sklearn.cluster import KMeans

    return KMeans(count, n_init=4, random_state=backend.SEED).fit_predict(columns)


def _by_size(member: np.ndarray) -> np.ndarray:
    """Groups numbered from 1 by falling size, the one with the first user first among equals."""
    groups, first, sizes = np.unique(member, return_index=True, return_counts=True)
    order = groups[np.lexsort((first, -sizes))]
    number = np.empty(member.max() + 1, int)
    number[order] = np.arange(1, len(order) + 1)
    return number[member]


def _names(centres: np.ndarray, sides: list[tuple[str, str]]) -> list[str]:
    """Two words for each group from what sets it apart most, more where two groups would be called the same."""
    names: list[str] = []
    for centre in centres:
        order = np.argsort(-np.abs(centre.round(6)), kind="stable")
        telling = [sides[place][0 if centre[place] > 0 else 1] for place in order if abs(centre[place]) >= CLEAR]
        choices = [", ".join(telling[:count]) for count in range(2, len(telling) + 1)] or telling or ["average"]
        fresh = [choice for choice in choices if choice not in names]
        names.append(fresh[0] if fresh else f"{choices[0]} ({len(names) + 1})")
    return names
