"""Gradient boosting of small trees (scikit-learn's histogram kind), kept as the plain arrays of its trees."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from training import arrays, backend, tree_shapley
from training.features import Features
from training.models.predictor import Predictor
from training.preprocessing import Encoder

MOST_TREES = 300
PATIENCE = 40  # trees without a smaller validation loss
BLOCK = 2_000_000  # rows × trees followed at a time: bounds the memory
FIELDS = ("feature_idx", "num_threshold", "missing_go_to_left", "left", "right", "is_leaf", "value")


@dataclass(frozen=True)
class Params:
    trees: int = 100  # set by `tuned`
    learning_rate: float = 0.05
    leaves: int = 15
    least_rows_in_leaf: int = 40
    penalty: float = 1.0


class Model(Predictor):
    """Each tree corrects the log-odds of those before it. Ke et al., LightGBM, 2017.

    Numbers go in as they are, unknown ones included; words as indicators.
    """

    def __init__(self, params: Params) -> None:
        self.params = params
        self.encoder: Encoder | None = None
        self.nodes: dict[str, np.ndarray] = {}  # one entry per node of all trees, children as indices into the same arrays
        self.roots = np.empty(0, np.int64)  # (trees,)
        self.start = 0.0  # log-odds before the first tree

    def fit(self, features: Features, outcome: np.ndarray) -> Self:
        self._keep_trees(self._boosted(features, outcome, self.params.trees), self.params.trees)
        return self

    @classmethod
    def tuned(cls, params: Params, training: tuple[Features, np.ndarray], validation: tuple[Features, np.ndarray]) -> "Model":
        model = cls(params)
        boosted = model._boosted(*training, MOST_TREES, validation)
        # the first is that of no tree
        model.params = replace(params, trees=int(np.argmax(boosted.validation_score_[1:])) + 1)
        model._keep_trees(boosted, model.params.trees)
        return model

    @staticmethod
    def estimator(**options: Any) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(**options)

    @staticmethod
    def from_score(score: np.ndarray) -> np.ndarray:
        """The prediction, from the sum of the trees."""
        return 1 / (1 + np.exp(-score))

    def _boosted(self, features: Features, outcome: np.ndarray, trees: int, validation: tuple[Features, np.ndarray] | None = None) -> Any:
        from threadpoolctl import threadpool_limits

        self.encoder = Encoder.fitted(features)
        params = self.params
        boosting = self.estimator(
            max_iter=trees,
            learning_rate=params.learning_rate,
            max_leaf_nodes=params.leaves,
            min_samples_leaf=params.least_rows_in_leaf,
            l2_regularization=params.penalty,
            early_stopping=validation is not None,
            n_iter_no_change=PATIENCE,
            random_state=backend.SEED,
        )
        # on a night's rows a second thread waits more than it works, and one adds up in a fixed order
        with threadpool_limits(1, user_api="openmp"):
            watched = {"X_val": self._columns(validation[0]), "y_val": validation[1]} if validation else {}
            return boosting.fit(_with_something_known(self._columns(features)), outcome, **watched)

    def _keep_trees(self, boosted: Any, count: int) -> None:
        # scikit-learn has no public way to its trees; a test compares what is made of them with its own predictions
        trees = [stage[0].nodes for stage in boosted._predictors[:count]]
        self.roots = np.concatenate([[0], np.cumsum([len(tree) for tree in trees])[:-1]]).astype(np.int64)
        self.nodes = {name: np.concatenate([tree[name] for tree in trees]) for name in FIELDS}
        shift = np.repeat(self.roots, [len(tree) for tree in trees])
        for side in ("left", "right"):
            self.nodes[side] = self.nodes[side].astype(np.int64) + shift
        self.start = float(np.ravel(boosted._baseline_prediction)[0])

    def _columns(self, features: Features) -> np.ndarray:
        return np.concatenate([features.numeric, self.encoder.indicators(features)], axis=1)

    def predict(self, features: Features) -> np.ndarray:
        columns = self._columns(features)
        size = max(1, BLOCK // max(1, len(self.roots)))
        blocks = [self._score(columns[first : first + size]) for first in range(0, len(columns), size)]
        return self.from_score(np.concatenate([np.empty(0), *blocks]))

    def contributions(self, features: Features, reference: Features) -> np.ndarray:
        feature = np.concatenate([np.arange(len(features.numeric_names)), self.encoder.feature_of_indicators])
        found = tree_shapley.contributions(self.nodes, self.roots, self._columns(features), self._columns(reference)[0], feature)
        return np.pad(found, ((0, 0), (0, len(features.names) - found.shape[1])))  # words that are all rare have no column

    def _score(self, columns: np.ndarray) -> np.ndarray:
        """(rows,) each tree sends its rows down together, which takes an eighth of the time of looking up a node for each row."""
        nodes, by_column = self.nodes, np.ascontiguousarray(columns.T)
        added = np.empty((len(columns), len(self.roots)))
        for tree, root in enumerate(self.roots):
            waiting = [(int(root), np.arange(len(columns)))]
            while waiting:
                node, rows = waiting.pop()
                if nodes["is_leaf"][node]:
                    added[rows, tree] = nodes["value"][node]
                    continue
                goes_left = tree_shapley.goes_left(nodes, node, by_column[nodes["feature_idx"][node]][rows])
                waiting += [(int(nodes["left"][node]), rows[goes_left]), (int(nodes["right"][node]), rows[~goes_left])]
        return self.start + added.sum(axis=1)

    def save(self, folder: Path) -> None:
        arrays.save(folder / "encoder.npz", **self.encoder.to_arrays())
        arrays.save(folder / "trees.npz", roots=self.roots, start=np.array(self.start), **self.nodes)

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        stored = arrays.load(folder / "trees.npz")
        model = cls(params)
        model.encoder = Encoder.from_arrays(arrays.load(folder / "encoder.npz"))
        model.roots, model.start = stored.pop("roots"), float(stored.pop("start"))
        model.nodes = stored
        return model


def _with_something_known(columns: np.ndarray) -> np.ndarray:
    """Zeros where a column has nothing but unknown values, on which scikit-learn fails; no tree splits on a constant."""
    return np.where(np.isnan(columns).all(axis=0), 0, columns)
