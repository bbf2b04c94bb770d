"""What users like: learned vectors of their histories, and the share of their interest that each wide category takes."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from training.history import History
from training.models import singular_vectors

RANK = 8  # directions; enough to tell a handful of kinds apart
ITERATIONS = 4


@dataclass(frozen=True)
class Tastes:
    """The tastes of some users, in their order.

    Args:
        vectors: (users, directions) of length 1; 0 for a user without a history.
        shares: (users, categories) each user's interest, adding up to 1; 0 where no category is known.
        categories: (categories,) names of the widest level, ascending.
    """

    vectors: np.ndarray
    shares: np.ndarray
    categories: np.ndarray


def learned(window: History, user_keys: np.ndarray) -> Tastes:
    """The leading singular vectors of the history matrix, its items damped by how many touched them, and category shares.

    Args:
        user_keys: (users,) whose tastes are wanted.
    """
    place = np.searchsorted(window.user_keys, user_keys)
    place[place == len(window.user_keys)] = 0
    known = window.user_keys[place] == user_keys if len(window.user_keys) else np.zeros(len(user_keys), bool)
    vectors = np.zeros((len(user_keys), min(RANK, *window.shape)))
    categories, shares = _category_shares(window)
    own_shares = np.zeros((len(user_keys), len(categories)))
    if known.any():
        learned_vectors = _vectors(window)
        vectors = np.zeros((len(user_keys), learned_vectors.shape[1]))
        vectors[known], own_shares[known] = learned_vectors[place[known]], shares[place[known]]
    return Tastes(vectors, own_shares, categories)


def _vectors(window: History) -> np.ndarray:
    touched = np.bincount(window.item, minlength=len(window.catalogue))
    damping = sparse.diags_array(1 / np.sqrt(np.maximum(touched, 1)))
    matrix = sparse.csr_array((window.matrix(np.sqrt(window.weight)) @ damping).astype(np.float32))
    _, directions = singular_vectors.leading(matrix, RANK, ITERATIONS)
    vectors = (matrix @ directions).astype(np.float64)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def _category_shares(window: History) -> tuple[np.ndarray, np.ndarray]:
    widest = np.array([path.split(" > ")[0] for path in window.catalogue.category], dtype=str)
    categories = np.unique(widest[widest != ""])
    belongs = sparse.csr_array((widest[:, None] == categories).astype(np.float32))
    weights = (window.matrix(window.weight) @ belongs).toarray().astype(np.float64)
    total = weights.sum(axis=1, keepdims=True)
    return categories, weights / np.where(total > 0, total, 1)
