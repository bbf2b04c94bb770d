import numpy as np

from training import ranking

NOTHING = -np.inf


def test_the_highest_come_first_and_ties_break_by_column():
    columns, values = ranking.best(np.array([[1.0, 3.0, 2.0, 3.0]]), 3)
    assert columns.tolist() == [[1, 3, 2]]
    assert values.tolist() == [[3.0, 3.0, 2.0]]


def test_ties_across_the_border_of_the_list_break_by_column_too():
    columns, _ = ranking.best(np.array([[5.0, 5.0, 5.0, 5.0, 9.0]]), 2)
    assert columns.tolist() == [[4, 0]]


def test_differences_that_rounding_swallows_are_ties():
    columns, values = ranking.best(np.array([[0.5, 0.5 + 2e-8, 0.5 + 4e-8]]), 1)
    assert columns.tolist() == [[0]]
    assert values.tolist() == [[0.5]]


def test_what_must_not_be_shown_is_never_filled_in():
    columns, values = ranking.best(np.array([[NOTHING, 1.0, NOTHING], [NOTHING, NOTHING, NOTHING]]), 2)
    assert columns.tolist() == [[1, -1], [-1, -1]]
    assert np.isnan(values[1]).all()


def test_a_list_longer_than_the_catalogue_ends_early():
    columns, _ = ranking.best(np.array([[1.0, 2.0]]), 4)
    assert columns.tolist() == [[1, 0, -1, -1]]


def test_many_rows_agree_with_sorting_each():
    scores = np.random.default_rng(2).integers(0, 20, (40, 100)).astype(np.float32)
    columns, _ = ranking.best(scores, 10)
    for row in range(40):
        assert columns[row].tolist() == sorted(range(100), key=lambda column: (-scores[row, column], column))[:10]


def test_ties_across_groups_of_columns_break_by_column():
    """More columns than groups: equal scores of a row lie in many of them."""
    scores = np.random.default_rng(4).integers(0, 50, (30, 5_000)).astype(np.float32)
    columns, _ = ranking.best(scores, 7)
    for row in range(30):
        assert columns[row].tolist() == sorted(range(5_000), key=lambda column: (-scores[row, column], column))[:7]
