import numpy as np
import pytest
from scipy import sparse

from training import item_index, ranking
from training.item_index import ItemIndex


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Forty directions of likeness, and items of many lengths, as popularity makes them."""
    random = np.random.default_rng(6)
    near = random.standard_normal((40, 16))[random.integers(0, 40, 3_000)] + 0.3 * random.standard_normal((3_000, 16))
    return (near * random.lognormal(0, 0.5, (3_000, 1))).astype(np.float32)


@pytest.fixture(scope="module")
def queries() -> np.ndarray:
    return np.random.default_rng(7).standard_normal((200, 16)).astype(np.float32)


@pytest.fixture(scope="module")
def excluded() -> sparse.csr_array:
    return sparse.csr_array(sparse.random(200, 3_000, 0.02, random_state=8).astype(bool))


def exact(queries: np.ndarray, vectors: np.ndarray, excluded: sparse.csr_array, k: int) -> tuple[np.ndarray, np.ndarray]:
    scores = queries @ vectors.T
    scores[excluded.nonzero()] = -np.inf
    return ranking.best(scores, k)


def test_few_of_the_lists_hold_nearly_all_of_the_best(vectors, queries, excluded):
    index = ItemIndex.of(vectors)
    probes, said = index.probes(queries, 20)
    items, scores = index.search(queries, 20, probes, excluded)
    best, _ = exact(queries, vectors, excluded, 20)
    recall = np.mean([len(set(found) & set(wanted)) / 20 for found, wanted in zip(items.tolist(), best.tolist(), strict=True)])
    assert probes < len(index.means) / 2
    assert recall > 0.98
    assert recall == pytest.approx(said, abs=0.01)
    assert not excluded[np.repeat(np.arange(200), 20), items.ravel()].any()
    rows = np.arange(200)[:, None]
    assert scores == pytest.approx((queries @ vectors.T)[rows, items], rel=1e-5, abs=1e-5)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_all_lists_together_are_exact_whatever_the_blocks(vectors, queries, excluded, monkeypatch):
    monkeypatch.setattr(item_index, "USERS_AT_A_TIME", 33)
    index = ItemIndex.of(vectors)
    items, scores = index.search(queries, 20, len(index.means), excluded)
    best, wanted = exact(queries, vectors, excluded, 20)
    assert np.array_equal(items, best)
    assert scores == pytest.approx(wanted, rel=1e-5, abs=1e-5)


def test_a_user_to_whom_most_is_forbidden_still_gets_a_full_list(vectors, queries):
    index = ItemIndex.of(vectors)
    likeliest = np.argsort(-(queries[:1] @ vectors.T)[0])
    forbidden = np.sort(likeliest[:2_950])
    excluded = sparse.csr_array((np.ones(2_950, bool), forbidden, np.array([0, 2_950, *[2_950] * 199])), shape=(200, 3_000))
    items, _ = index.search(queries, 20, 1, excluded)
    assert items[0].tolist() == likeliest[2_950:2_970].tolist()
    assert (items >= 0).all()


def test_a_catalogue_shorter_than_the_list_is_listed_whole(vectors, queries):
    index = ItemIndex.of(vectors[:7])
    items, scores = index.search(queries, 10, 1, sparse.csr_array((200, 7), dtype=bool))
    assert (np.sort(items[:, :7], axis=1) == np.arange(7)).all()
    assert (items[:, 7:] == -1).all()
    assert np.isnan(scores[:, 7:]).all()


def test_large_catalogues_and_many_users_are_indexed():
    assert item_index.pays(10_000, 200_001)
    assert not item_index.pays(10_000, 200_000)
    assert not item_index.pays(100, 1_000_000)
