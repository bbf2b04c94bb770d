from datetime import date

import numpy as np
import pytest

from training import cluster_memory, clusters, prediction_files, tastes
from training.clusters import Earlier
from training.features import Features
from training.tastes import Tastes

NAMES = ("days_since_last_event", "order_count_365d", "order_amount_365d", "view_count_90d")
WORDS = {name: name.replace("_", " ") for name in NAMES}
CENTRES = np.array([[2, 20, 900, 60], [3, 1, 20, 90], [80, 1, 15, 2], [70, 9, 400, 5]])
SIZES = [120, 90, 60, 30]
SMALLEST = 20
CATEGORIES = ("Garden", "Kitchen", "Office", "Sport")


def people(names: tuple[str, ...] = NAMES, seed: int = 3) -> tuple[Features, np.ndarray]:
    """Four kinds of people, of different sizes, shuffled; and who is of which kind."""
    kind = np.random.default_rng(3).permutation(np.repeat(np.arange(4), SIZES))
    numbers = np.abs(CENTRES[kind] * np.random.default_rng(seed).normal(1, 0.08, (len(kind), len(NAMES))))
    return Features(names, numbers, (), np.empty((len(kind), 0), "U1")), kind


def keys(features: Features) -> np.ndarray:
    return np.array([f"user {place:04d}" for place in range(len(features))])


def no_tastes(count: int) -> Tastes:
    return Tastes(np.empty((count, 0)), np.empty((count, 0)), np.empty(0, "U1"))


def find(features: Features, words: dict = WORDS, liked: Tastes | None = None, earlier: Earlier | None = None) -> clusters.Clusters:
    return clusters.find(keys(features), features, words, liked or no_tastes(len(features)), SMALLEST, earlier)


def remembered(found: clusters.Clusters, user_keys: np.ndarray) -> Earlier:
    return Earlier(dict(zip(user_keys.tolist(), found.member.tolist(), strict=True)), found.names, max(found.names))


def test_planted_kinds_are_found_and_numbered_by_size():
    features, kind = people()
    found = find(features)
    for group, size in enumerate(SIZES, start=1):
        assert (found.member == group).sum() == size
        assert len(set(kind[found.member == group])) == 1


def test_names_say_what_sets_a_group_apart_and_are_all_different():
    features, kind = people()
    found = find(features)
    name_of = {kind[found.member == group][0]: found.names[group] for group in range(1, 5)}
    assert "frequent buyers" in name_of[0] or "high spend" in name_of[0]
    assert "long away" in name_of[2] or "little browsing" in name_of[2]
    assert len(set(found.names.values())) == 4


def test_people_who_behave_alike_are_told_apart_by_what_they_like():
    features, kind = people()
    alike = Features(NAMES, np.random.default_rng(1).normal(50, 5, features.numeric.shape), (), features.categorical)
    found = find(alike, liked=Tastes(np.eye(4)[kind], np.eye(4)[kind], np.array(CATEGORIES)))
    for group, name in found.names.items():
        (liked,) = set(kind[found.member == group])
        assert name.split(", ")[0] == CATEGORIES[liked]


def test_the_same_people_give_the_same_groups():
    features, _ = people()
    first, second = find(features), find(features)
    assert np.array_equal(first.member, second.member)
    assert first.names == second.names


def test_no_group_is_smaller_than_the_smallest_allowed():
    features, _ = people()
    found = find(features.take(np.arange(85)))
    assert np.unique(found.member, return_counts=True)[1].min() >= SMALLEST


def test_fewer_than_two_groups_of_people_are_one():
    features, _ = people()
    found = find(features.take(np.arange(39)))
    assert found.names == {1: "everyone"}
    assert set(found.member) == {1}


@pytest.mark.parametrize("count", [0, 1, 2, 5, 9])
def test_a_handful_of_people_is_no_fault(count):
    features, _ = people()
    few, user_keys = features.take(np.arange(count)), keys(features)[:count]
    found = clusters.find(user_keys, few, WORDS, no_tastes(count), 1)
    again = clusters.find(user_keys, few, WORDS, no_tastes(count), 1, remembered(found, user_keys) if count else None)
    assert len(found.member) == len(again.member) == count


def test_people_who_are_all_alike_are_one_group():
    features, _ = people()
    assert len(find(features.take(np.zeros(100, int))).names) == 1


def test_columns_that_have_no_name_here_are_called_by_their_words():
    features, _ = people(("a", "b", "c", "d"))
    found = find(features, {"a": "visits", "b": "gifts", "c": "calls", "d": "notes"})
    assert all(name.startswith(("high ", "low ")) for name in found.names.values())


def test_groups_keep_number_and_name_over_ten_nights_while_people_come_go_and_change():
    features, kind = people()
    everybody = keys(features)
    earlier, first = Earlier(), {}
    for night in range(10):
        today, _ = people(seed=100 + night)
        there = np.random.default_rng(night).random(len(kind)) < 0.97
        there_keys, features = everybody[there], today.take(np.flatnonzero(there))
        found = clusters.find(there_keys, features, WORDS, no_tastes(there.sum()), SMALLEST, earlier)
        earlier = remembered(found, there_keys)
        for key, number in earlier.group.items():
            assert first.setdefault(key, number) == number
        assert set(found.names) == {1, 2, 3, 4}


def test_a_group_that_comes_gets_a_number_that_none_ever_had_and_the_others_keep_theirs():
    features, kind = people()
    three = np.flatnonzero(kind != 1)
    before = clusters.find(keys(features)[three], features.take(three), WORDS, no_tastes(len(three)), SMALLEST)
    earlier = Earlier(remembered(before, keys(features)[three]).group, before.names, highest=17)
    found = find(features, earlier=earlier)
    assert set(found.member[kind == 1]) == {18}
    assert set(found.names) - {18} <= set(before.names)


def test_a_name_stays_while_it_is_true_and_goes_when_it_is_not():
    features, kind = people()
    found = find(features)
    best = int(found.member[kind == 0][0])
    names = found.names | {best: "high spend, here lately"}
    assert find(features, earlier=Earlier(remembered(found, keys(features)).group, names, 4)).names == names
    false = found.names | {best: "low spend, here lately"}
    assert find(features, earlier=Earlier(remembered(found, keys(features)).group, false, 4)).names == found.names


def test_tastes_are_vectors_and_shares_by_user_and_nothing_for_strangers(window):
    liked = tastes.learned(window, np.array([*window.user_keys[:5], "stranger"]))
    assert np.allclose(np.linalg.norm(liked.vectors, axis=1), [1, 1, 1, 1, 1, 0], atol=1e-6)
    assert np.allclose(liked.shares.sum(axis=1), [1, 1, 1, 1, 1, 0])
    rows = window.rows_of(2)
    is_garden = np.char.startswith(window.catalogue.category[window.item[rows]], "Garden")
    expected = window.weight[rows][is_garden].sum() / window.weight[rows].sum()
    assert liked.shares[2][liked.categories == "Garden"] == pytest.approx(expected, rel=1e-5)


def test_planted_tastes_are_recovered(window):
    from sklearn.metrics import adjusted_rand_score

    liked = tastes.learned(window, window.user_keys)
    features = Features(("a", "b"), np.random.default_rng(5).normal(size=(len(window.user_keys), 2)), (), np.empty((300, 0), "U1"))
    found = clusters.find(window.user_keys, features, {"a": "noise", "b": "more noise"}, liked, SMALLEST)
    assert adjusted_rand_score(liked.shares.argmax(axis=1), found.member) > 0.8


def test_only_nights_before_are_remembered_and_no_number_is_forgotten(tmp_path):
    def write(day: int, number: int, name: str) -> None:
        rows = {"user_key": ["00000000-0000-0000-0000-000000000007"], "cluster_id": [number], "cluster_name": [name]}
        tables = {each: prediction_files.empty(each) for each in prediction_files.COLUMNS}
        tables["user_clusters"] = prediction_files.table("user_clusters", rows)
        prediction_files.write(prediction_files.folder(tmp_path, date(2026, 3, day)), tables, {})

    assert cluster_memory.load(tmp_path, date(2026, 3, 9)) == Earlier()
    for night in ((7, 9, "first"), (8, 2, "second"), (9, 50, "tonight"), (10, 60, "later")):
        write(*night)
    (tmp_path / "run_date=2026-03-08" / "manifest.json").rename(tmp_path / "away.json")
    assert cluster_memory.load(tmp_path, date(2026, 3, 9)).names == {9: "first"}, "a night that is not whole is none"
    (tmp_path / "away.json").rename(tmp_path / "run_date=2026-03-08" / "manifest.json")
    expected = Earlier({"00000000-0000-0000-0000-000000000007": 2}, {2: "second"}, highest=9)
    assert cluster_memory.load(tmp_path, date(2026, 3, 9)) == expected
