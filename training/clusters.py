"""Groups of users who are alike in taste and behaviour, and stay the same groups from night to night."""

from dataclasses import dataclass, field

import numpy as np

from training import cluster_choice, cluster_names
from training.features import Features
from training.preprocessing import Encoder
from training.tastes import Tastes

BEHAVIOUR = 0.5  # length of the behaviours' columns beside the vectors of taste, which have length 1


@dataclass(frozen=True)
class Earlier:
    """The groups of an earlier night.

    Args:
        group: user key to number.
        names: number to name.
        highest: number that any night before gave; a new group gets one that no other ever had.
    """

    group: dict[str, int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    highest: int = 0


@dataclass(frozen=True)
class Clusters:
    """Who belongs to which group.

    Args:
        member: (users,) number of the group.
        names: number to name, all different.
    """

    member: np.ndarray
    names: dict[int, str]


def find(
    user_keys: np.ndarray, features: Features, words: dict[str, str], tastes: Tastes, smallest: int, earlier: Earlier | None = None
) -> Clusters:
    """k-means on vectors of taste and standardised behaviours, begun where the groups of the night before stood.

    Args:
        user_keys: (users,)
        features: (users, …) of one day.
        words: column name to what it is in words, for columns that have no name of their own here.
        tastes: of the same users.
        smallest: users a group has to have; a smaller one says more about persons than about a kind.
        earlier: groups of the newest night before; None numbers the groups by falling size.
    """
    if not len(user_keys):
        return Clusters(np.empty(0, int), {})
    earlier = earlier or Earlier()
    behaviours, sides = _behaviours(features, words)
    points = _points(behaviours, tastes)
    before = np.array([earlier.group.get(key, 0) for key in user_keys], dtype=int)
    group = _partition(points, before, smallest)
    numbers = _numbers(group, before, earlier.highest)
    centres = _centres(np.hstack([behaviours, _standardised(tastes.shares)]), group)
    kept = {place: earlier.names[number] for place, number in enumerate(numbers) if number in earlier.names}
    sides = [*sides, *((str(category), "") for category in tastes.categories)]
    names = cluster_names.of_groups(centres, sides, kept) if len(numbers) > 1 else ["everyone"]
    return Clusters(np.array(numbers)[group], dict(zip(numbers, names, strict=True)))


def _behaviours(features: Features, words: dict[str, str]) -> tuple[np.ndarray, list[tuple[str, str]]]:
    """(users, columns) places of the values, so that one very rich user is no group; and what their sides are called."""
    sides = {name: sides for name, sides in cluster_names.SIDES.items() if name in features.numeric_names}
    if len(sides) < 2:
        sides = {name: (f"high {words[name]}", f"low {words[name]}") for name in features.numeric_names}
    columns = [features.numeric_names.index(name) for name in sides]
    return _standardised(Encoder.fitted(features).numbers(features)[:, columns].astype(np.float64)), list(sides.values())


def _standardised(columns: np.ndarray) -> np.ndarray:
    deviation = columns.std(axis=0)
    return (columns - columns.mean(axis=0)) / np.where(deviation > 0, deviation, 1)


def _points(behaviours: np.ndarray, tastes: Tastes) -> np.ndarray:
    return np.hstack([tastes.vectors, behaviours * BEHAVIOUR / np.sqrt(max(behaviours.shape[1], 1))])


def _partition(points: np.ndarray, before: np.ndarray, smallest: int) -> np.ndarray:
    """(users,) group from 0; `before` (users,) holds the number of the night before, 0 where there is none."""
    from threadpoolctl import threadpool_limits

    if len(points) < 2 * smallest or not points.shape[1]:
        return np.zeros(len(points), int)
    groups = np.unique(before[before > 0])
    stands = np.stack([points[before == number].mean(axis=0) for number in groups]) if len(groups) > 1 else None
    with threadpool_limits(1):  # sums do not depend on the machine, and threads cost more than they save
        return cluster_choice.best_partition(points, smallest, stands)


def _numbers(group: np.ndarray, before: np.ndarray, highest: int) -> list[int]:
    """A number for each group: that of the group of the night before with which it shares most users, else a new one.

    Pairs are made so that as many users as can be keep their number (Kuhn's Hungarian method). New groups are numbered
    by falling size, the one with the first user first among equals.
    """
    from scipy.optimize import linear_sum_assignment

    groups, first, sizes = np.unique(group, return_index=True, return_counts=True)
    olds = np.unique(before[before > 0])
    shared = np.array([[np.sum((group == each) & (before == old)) for old in olds] for each in groups]).reshape(len(groups), len(olds))
    pairs = {int(place): int(olds[old]) for place, old in zip(*linear_sum_assignment(-shared), strict=True) if shared[place, old]}
    fresh = [int(place) for place in np.lexsort((first, -sizes)) if int(place) not in pairs]
    highest = max([highest, *olds.tolist()], default=0)
    pairs |= {place: highest + step for step, place in enumerate(fresh, start=1)}
    return [pairs[place] for place in range(len(groups))]


def _centres(columns: np.ndarray, group: np.ndarray) -> np.ndarray:
    return np.stack([columns[group == each].mean(axis=0) for each in np.unique(group)])
