"""Leading singular vectors of a large sparse matrix by block power iteration with Cholesky-QR."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import linalg, sparse

SEED = 7
OVERSAMPLED = 32  # directions beyond the wanted ones, in which the last wanted settle sooner
SHIFT = 1e-6  # of the mean squared length, added to the Gram matrix, which else fails where directions coincide
LEAST_VALUE = 1e-3  # of the largest singular value: directions below are noise of float32


def leading(matrix: sparse.csr_array, rank: int, iterations: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest singular values, descending, and their right vectors.

    Args:
        matrix: (users, items) float32.
        rank: how many; fewer come back where the matrix has fewer that differ from 0.

    Returns:
        (rank,) float32 and (items, rank) float32. The same matrix gives the same result, whatever the number of threads.

    Halko, Martinsson, Tropp, Finding structure with randomness, 2011.
    """
    width = min(rank + OVERSAMPLED, *matrix.shape)
    transposed = matrix.T.tocsr()
    basis = np.random.default_rng(SEED).standard_normal((matrix.shape[1], width), dtype=np.float32)
    for _ in range(iterations):
        basis = _orthonormal(_product(transposed, _product(matrix, basis)))
    basis = _orthonormal(basis)  # a second time: what the shift left askew
    image = _product(matrix, basis)
    squares, turn = linalg.eigh(_gram(image))
    order = np.argsort(-squares, kind="stable")[:rank]
    order = order[squares[order] > LEAST_VALUE**2 * squares.max(initial=0)]
    return np.sqrt(squares[order]).astype(np.float32), basis @ turn[:, order].astype(np.float32)


def _orthonormal(block: np.ndarray) -> np.ndarray:
    """The columns of (rows, width) made orthogonal and of length 1, by the Cholesky factor of their Gram matrix."""
    gram = _gram(block)
    gram[np.diag_indices_from(gram)] += SHIFT * np.trace(gram) / len(gram)
    factor = linalg.cholesky(gram, lower=True).astype(np.float32)
    return np.ascontiguousarray(linalg.solve_triangular(factor, block.T, lower=True, check_finite=False).T)


def _gram(block: np.ndarray) -> np.ndarray:
    return (block.T @ block).astype(np.float64)


def _product(matrix: sparse.csr_array, dense: np.ndarray) -> np.ndarray:
    """`matrix` @ `dense` on all cores: SciPy uses one, and lets go of the interpreter while it does."""
    cores = len(os.sched_getaffinity(0))
    bounds = np.searchsorted(matrix.indptr, np.linspace(0, matrix.nnz, cores + 1)[1:-1])
    bounds = [0, *bounds.tolist(), matrix.shape[0]]
    with ThreadPoolExecutor(cores) as pool:
        parts = pool.map(lambda start, end: matrix[start:end] @ dense, bounds[:-1], bounds[1:])
        return np.concatenate(list(parts))
