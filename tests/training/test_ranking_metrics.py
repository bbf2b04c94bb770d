"""Golden values by hand, for lists of five against what was bought."""

import numpy as np
import pytest

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
