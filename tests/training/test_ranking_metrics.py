"""Golden values by hand, for lists of five against what was bought."""

import math

import numpy as np
import pytest
from scipy import sparse

from training import ranking_metrics as metrics

# three users: hits at places 1 and 3 of 2 bought; a hit at place 4 of 3 bought; none of 1
IS_HIT = np.array([[1, 0, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 0]], dtype=bool)
BOUGHT = np.array([2, 3, 1])


def test_recall_is_the_share_of_the_bought_that_was_listed():
    assert metrics.recall_at_k(IS_HIT, BOUGHT, 5) == pytest.approx([1, 1 / 3, 0])
    assert metrics.recall_at_k(IS_HIT, BOUGHT, 2) == pytest.approx([1 / 2, 0, 0])


def test_ndcg_discounts_by_place_and_is_one_for_the_best_possible_list():
    first = (1 + 1 / np.log2(4)) / (1 + 1 / np.log2(3))
    second = (1 / np.log2(5)) / (1 + 1 / np.log2(3) + 1 / np.log2(4))
    assert metrics.ndcg_at_k(IS_HIT, BOUGHT, 5) == pytest.approx([first, second, 0])
    assert first == pytest.approx(0.919721, abs=1e-6)
    assert metrics.ndcg_at_k(np.array([[True, True, False]]), np.array([2]), 3) == pytest.approx([1])


def test_ndcg_of_more_bought_than_places_can_still_be_one():
    assert metrics.ndcg_at_k(np.array([[True, True]]), np.array([9]), 2) == pytest.approx([1])


def test_hit_rate_asks_only_whether_anything_was_hit():
    assert list(metrics.hit_rate_at_k(IS_HIT, 5)) == [1, 1, 0]
    assert list(metrics.hit_rate_at_k(IS_HIT, 3)) == [1, 0, 0]


def test_coverage_counts_each_shown_item_once_and_no_empty_place():
    listed = np.array([[3, 1, -1], [1, 2, 0]])
    assert metrics.coverage_at_k(listed, 2, 8) == pytest.approx(3 / 8)
    assert metrics.coverage_at_k(listed, 3, 8) == pytest.approx(4 / 8)


def test_the_reciprocal_rank_is_that_of_the_first_hit():
    assert metrics.reciprocal_rank_at_k(IS_HIT, 5) == pytest.approx([1, 1 / 4, 0])
    assert metrics.reciprocal_rank_at_k(IS_HIT, 3) == pytest.approx([1, 0, 0])


def test_novelty_is_the_surprise_in_bits():
    known_by = np.array([7, 1, 0])  # of 7 users: shares 8/8, 2/8 and 1/8
    assert metrics.novelty_at_k(np.array([[0, 1], [2, -1], [-1, -1]]), known_by, 7, 2) == pytest.approx([(0 + 2) / 2, 3, 0])


def test_diversity_is_one_less_the_mean_likeness_of_all_pairs():
    half = np.sqrt(0.5)
    vectors = sparse.csr_array(np.array([[1, 0], [1, 0], [0, 1], [half, half]]))
    lists = np.array([[0, 1, -1], [0, 2, -1], [0, 2, 3], [0, -1, -1]])
    assert metrics.diversity_at_k(lists, vectors, 3) == pytest.approx([0, 1, 1 - 2 * half / 3, 0])


def test_gini_is_0_for_equal_shares_and_near_1_for_one_item_alone():
    can_be_shown = np.array([True, True, True, True, False])
    assert metrics.gini_at_k(np.array([[0, 1], [2, 3]]), 2, can_be_shown) == pytest.approx(0)
    assert metrics.gini_at_k(np.array([[0], [0]]), 1, can_be_shown) == pytest.approx(3 / 4)
    assert metrics.gini_at_k(np.array([[0, 1], [0, 2]]), 2, can_be_shown) == pytest.approx((-3 * 0 - 1 * 1 + 1 * 1 + 3 * 2) / (4 * 4))


def test_popularity_lift_compares_lists_with_what_people_chose_themselves():
    known_by = np.array([8, 4, 2])
    lists, own = np.array([[0, 1], [0, -1]]), np.array([4.0, 3.0])
    assert metrics.popularity_lift_at_k(lists, known_by, own, 2) == pytest.approx(((6 + 8) / 2) / 3.5 - 1)
    assert metrics.popularity_lift_at_k(np.empty((0, 2), int), known_by, np.empty(0), 2) == 0


def test_the_metrics_agree_with_a_plain_second_writing():
    random = np.random.default_rng(1)
    listed = np.stack([random.permutation(30)[:10] for _ in range(50)])
    bought = [set(random.permutation(30)[: random.integers(1, 15)].tolist()) for _ in range(50)]
    is_hit = np.array([[item in wanted for item in row] for row, wanted in zip(listed.tolist(), bought, strict=True)])
    counts = np.array([len(wanted) for wanted in bought])
    for user, wanted in enumerate(bought):
        gained = sum(1 / np.log2(place + 2) for place, item in enumerate(listed[user, :7]) if item in wanted)
        possible = sum(1 / np.log2(place + 2) for place in range(min(7, len(wanted))))
        assert metrics.ndcg_at_k(is_hit, counts, 7)[user] == pytest.approx(gained / possible)
        assert metrics.recall_at_k(is_hit, counts, 7)[user] == pytest.approx(len(set(listed[user, :7].tolist()) & wanted) / len(wanted))
        places = [place + 1 for place, item in enumerate(listed[user, :7]) if item in wanted]
        assert metrics.reciprocal_rank_at_k(is_hit, 7)[user] == pytest.approx(1 / min(places) if places else 0)
        assert metrics.hit_rate_at_k(is_hit, 7)[user] == float(bool(places))


def test_what_lists_are_like_agrees_with_a_plain_second_writing():
    random = np.random.default_rng(2)
    touched = random.random((40, 30)) < 0.2
    listed = np.stack([random.permutation(30)[:6] for _ in range(40)])
    listed[::5, 4:] = -1
    known_by = touched.sum(axis=0)
    unit = touched / np.maximum(np.sqrt(known_by), 1)
    shown = [[item for item in row if item >= 0] for row in listed.tolist()]
    novelty = [sum(-math.log2((known_by[item] + 1) / 41) for item in row) / len(row) for row in shown]
    assert metrics.novelty_at_k(listed, known_by, 40, 6) == pytest.approx(novelty)
    pairs = [[(a, b) for a in row for b in row if a < b] for row in shown]
    diversity = [1 - sum(float(unit[:, a] @ unit[:, b]) for a, b in each) / len(each) for each in pairs]
    assert metrics.diversity_at_k(listed, sparse.csr_array(unit.T), 6) == pytest.approx(diversity)
    times = [sum(row.count(item) for row in shown) for item in range(30)]
    gini = sum(abs(a - b) for a in times for b in times) / (2 * 30 * sum(times))
    assert metrics.gini_at_k(listed, 6, np.ones(30, bool)) == pytest.approx(gini)


def test_a_list_without_places_hits_nothing():
    nothing = np.zeros((2, 0), bool)
    assert metrics.reciprocal_rank_at_k(nothing, 10).tolist() == [0, 0]
    assert metrics.hit_rate_at_k(nothing, 10).tolist() == [0, 0]
