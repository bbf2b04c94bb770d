import numpy as np
import pytest
from scipy import sparse

from training.models import singular_vectors


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    random = np.random.default_rng(3)
    strong = random.standard_normal((200, 6)) * [9, 7, 5, 4, 3, 2] @ random.standard_normal((6, 90))
    return (np.where(random.random((200, 90)) < 0.3, strong, 0) + 0.0).astype(np.float32)


def test_the_leading_values_and_directions_are_those_of_a_full_decomposition(matrix):
    values, vectors = singular_vectors.leading(sparse.csr_array(matrix), 5, 8)
    _, all_values, all_vectors = np.linalg.svd(matrix, full_matrices=False)
    assert values == pytest.approx(all_values[:5], rel=1e-3)
    assert np.abs((vectors * all_vectors[:5].T).sum(axis=0)) == pytest.approx(1, abs=1e-2)
    assert vectors.T @ vectors == pytest.approx(np.eye(5), abs=1e-3)


def test_the_same_matrix_gives_the_same_bits(matrix):
    first, again = (singular_vectors.leading(sparse.csr_array(matrix), 5, 2) for _ in range(2))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])


def test_directions_that_the_matrix_does_not_have_are_left_out():
    twice = sparse.csr_array(np.outer(np.arange(1, 9), np.ones(5)).astype(np.float32))
    values, vectors = singular_vectors.leading(twice, 4, 3)
    assert values == pytest.approx([np.sqrt(5 * 204)], rel=1e-4)
    assert np.abs(vectors) == pytest.approx(np.full((5, 1), 5**-0.5), rel=1e-3)
