import numpy as np
from scipy import sparse

from training.models import neighbours


def likeness(count: int) -> tuple[np.ndarray, np.ndarray]:
    """The strongest neighbours as a dense matrix, and all of the product that they are from, without its diagonal."""
    random = np.random.default_rng(5)
    left = sparse.csr_array(sparse.random(60, 25, 0.3, random_state=random, data_rvs=lambda size: random.integers(1, 4, size)))
    right = left.copy()
    right.data = random.integers(1, 4, right.nnz).astype(float)
    product = (left.T @ right).toarray()
    np.fill_diagonal(product, 0)
    return neighbours.strongest(left, right, count).toarray(), product


def test_each_item_keeps_its_largest_entries_and_of_equal_ones_the_first():
    kept, product = likeness(6)
    for item, values in enumerate(product):
        wanted = sorted(np.flatnonzero(values), key=lambda other: (-values[other], other))[:6]
        assert np.flatnonzero(kept[item]).tolist() == sorted(wanted)
        assert kept[item][wanted].tolist() == values[wanted].tolist()


def test_small_blocks_give_the_same_neighbours(monkeypatch):
    whole, _ = likeness(6)
    monkeypatch.setattr(neighbours, "PRODUCTS", 40)
    assert np.array_equal(likeness(6)[0], whole)


def test_more_than_there_are_is_all_there_are():
    kept, product = likeness(1_000)
    assert np.array_equal(kept, product)
