import numpy as np

from training import clusters
from training.features import Features

NAMES = ("days_since_last_event", "order_count_365d", "order_amount_365d", "view_count_90d")
WORDS = {name: name.replace("_", " ") for name in NAMES}
CENTRES = np.array([[2, 20, 900, 60], [3, 1, 20, 90], [80, 1, 15, 2], [70, 9, 400, 5]])
SIZES = [120, 90, 60, 30]


def people(names: tuple[str, ...] = NAMES) -> tuple[Features, np.ndarray]:
    """Four kinds of people, of different sizes, shuffled; and who is of which kind."""
    random = np.random.default_rng(3)
    kind = random.permutation(np.repeat(np.arange(4), SIZES))
    numbers = np.abs(CENTRES[kind] * random.normal(1, 0.08, (len(kind), len(NAMES))))
    return Features(names, numbers, (), np.empty((len(kind), 0), "U1")), kind


def test_planted_kinds_are_found_and_numbered_by_size():
    features, kind = people()
    found = clusters.find(features, WORDS)
    for group, size in enumerate(SIZES, start=1):
        assert (found.member == group).sum() == size
        assert len(set(kind[found.member == group])) == 1


def test_names_say_what_sets_a_group_apart_and_are_all_different():
    features, kind = people()
    found = clusters.find(features, WORDS)
    name_of = {kind[found.member == group][0]: found.names[group - 1] for group in range(1, 5)}
    assert "frequent buyers" in name_of[0] or "high spend" in name_of[0]
    assert "long away" in name_of[2] or "little browsing" in name_of[2]
    assert len(set(found.names)) == 4


def test_the_same_people_give_the_same_groups():
    features, _ = people()
    first, second = clusters.find(features, WORDS), clusters.find(features, WORDS)
    assert np.array_equal(first.member, second.member)
    assert first.names == second.names


def test_no_group_is_smaller_than_twenty():
    features, _ = people()
    few = features.take(np.arange(85))
    found = clusters.find(few, WORDS)
    assert np.bincount(found.member)[1:].min() >= clusters.SMALLEST


def test_fewer_than_forty_people_are_one_group():
    features, _ = people()
    found = clusters.find(features.take(np.arange(39)), WORDS)
    assert found.names == ["everyone"]
    assert set(found.member) == {1}


def test_nobody_is_no_fault():
    features, _ = people()
    assert len(clusters.find(features.take(np.arange(0)), WORDS).member) == 0


def test_people_who_are_all_alike_are_one_group():
    features, _ = people()
    alike = features.take(np.zeros(100, int))
    assert len(clusters.find(alike, WORDS).names) == 1


def test_columns_that_have_no_name_here_are_called_by_their_words():
    features, _ = people(("a", "b", "c", "d"))
    found = clusters.find(features, {"a": "visits", "b": "gifts", "c": "calls", "d": "notes"})
    assert all(name.startswith(("high ", "low ")) for name in found.names)
