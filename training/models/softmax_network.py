"""The Keras part of softmax_factorization: vectors of items, learned by guessing hidden items of a history.

Imported only by functions that train or load that model, since importing Keras takes seconds.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

LEAST = 1e-30  # keeps a logarithm finite where float32 has rounded all shares to 0


@keras.saving.register_keras_serializable("nightcart")
class HiddenItemSoftmax(keras.Model):
    """Softmax over the catalogue of which items of a history are hidden, given the others.

    The rows are the items of the catalogue or, where these are too many, those that a batch needs: a sample of the catalogue, which
    is scored, and the items of its histories. Then `stands_for` says how many items a row of the sample stands for: the number of
    times it was drawn over the number to be expected, so that the sum below the fraction of the softmax is right in the mean (the
    log-Q correction; Bengio, Senécal, Adaptive importance sampling to accelerate training of a neural probabilistic language
    model, 2008).

    Args:
        rows: how many items are held.
        scored: how many of the rows, from the first, are in the sum below the fraction.
        dimensions: of each vector.
        sides: name to number of values of each side feature, such as category; each value has a vector that is added
            to those of its items.
        dropout: share of a user's vector that is left out at each training step.
        has_bias: whether what an item's popularity adds is learned beside the vectors, or lies in them already.

    Call arguments: `item` (users, longest) row numbers; `weight` (users, longest) of what is seen of the history and `hidden`
    (users, longest) 1 where an item is hidden, 0 where padded.
    """

    def __init__(
        self, rows: int, scored: int, dimensions: int, sides: dict[str, int], dropout: float = 0.0, has_bias: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rows, self.scored, self.dimensions, self.sides = rows, scored, dimensions, dict(sides)
        self.dropout, self.has_bias = dropout, has_bias
        self.seed = keras.random.SeedGenerator()

    def build(self, input_shape: Any = None) -> None:
        normal = keras.initializers.RandomNormal(stddev=0.1)
        self.own = self.add_weight(shape=(self.rows, self.dimensions), initializer=normal, name="own")
        self.bias = self.add_weight(shape=(self.rows,), initializer="zeros", trainable=self.has_bias, name="bias")
        self.history_scale = self.add_weight(shape=(self.rows,), initializer="ones", trainable=False, name="history_scale")
        self.stands_for = self.add_weight(shape=(self.rows,), initializer="ones", trainable=False, name="stands_for")
        self.tables = [
            self.add_weight(shape=(count, self.dimensions), initializer="zeros", name=f"{name}_table") for name, count in self.sides.items()
        ]
        self.codes = [
            self.add_weight(shape=(self.rows,), initializer="zeros", dtype="int32", trainable=False, name=f"{name}_code")
            for name in self.sides
        ]
        self.built = True

    @property
    def of_rows(self) -> list[Any]:
        """The weights that have a row per item, as a batch of a large catalogue brings them in."""
        return [self.own, self.bias, self.history_scale, *self.codes]

    def row_arrays(self) -> list[np.ndarray]:
        """Copies of these weights on the host."""
        return [np.array(ops.convert_to_numpy(weight)) for weight in self.of_rows]

    def sampled(self, rows: int, scored: int) -> "HiddenItemSoftmax":
        """A network of so many rows, of which so many are scored, with the vectors of this one's side features."""
        small = HiddenItemSoftmax(**(self.get_config() | {"rows": rows, "scored": scored, "name": None}), dtype=self.dtype_policy)
        small.build()
        for theirs, ours in zip(small.tables, self.tables, strict=True):
            theirs.assign(ours)
        return small

    def item_vectors(self) -> Any:
        """(rows, dimensions) own vector plus those of the side features."""
        vectors = ops.convert_to_tensor(self.own)
        for table, code in zip(self.tables, self.codes, strict=True):
            vectors = vectors + ops.take(table, code, axis=0)
        return vectors

    def call(self, inputs: dict[str, Any], training: bool = False) -> tuple[Any, Any]:
        """(users, scored) scores of the candidates, and (users, longest) those of the items of the histories."""
        item, vectors, bias = inputs["item"], self.item_vectors(), ops.cast(self.bias, "float32")
        weight = ops.cast(inputs["weight"] * ops.take(self.history_scale, item, axis=0), vectors.dtype)
        touched = ops.take(vectors, item, axis=0)
        user = ops.sum(touched * ops.expand_dims(weight, 2), axis=1)
        if training and self.dropout:
            user = keras.random.dropout(user, self.dropout, seed=self.seed)
        scores = ops.cast(ops.matmul(user, ops.transpose(vectors[: self.scored])), "float32") + bias[: self.scored]
        if self.scored == self.rows:
            return scores, ops.take_along_axis(scores, ops.cast(item, "int32"), axis=1)
        of_touched = ops.sum(touched * ops.expand_dims(user, 1), axis=2)
        return scores, ops.cast(of_touched, "float32") + ops.take(bias, item, axis=0)

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        """Mean surprise of the hidden items, in nats."""
        scores, of_touched = y_pred
        hidden, stands_for = ops.cast(x["hidden"], "float32"), ops.convert_to_tensor(self.stands_for)
        highest = ops.stop_gradient(ops.maximum(ops.max(scores, axis=1, keepdims=True), ops.max(of_touched, axis=1, keepdims=True)))
        total = ops.matmul(ops.exp(scores - highest), ops.expand_dims(stands_for[: self.scored], 1))
        # a hidden item counts once in its own fraction, however often it was drawn
        total = total + ops.exp(of_touched - highest) * (1 - ops.take(stands_for, x["item"], axis=0))
        surprise = highest + ops.log(ops.maximum(total, LEAST)) - of_touched
        return ops.sum(surprise * hidden) / ops.maximum(ops.sum(hidden), 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "scored": self.scored,
            "dimensions": self.dimensions,
            "sides": self.sides,
            "dropout": self.dropout,
            "has_bias": self.has_bias,
            "name": self.name,
        }


def compiled(network: HiddenItemSoftmax, learning_rate: float, weight_decay: float) -> HiddenItemSoftmax:
    optimizer = keras.optimizers.AdamW(learning_rate, weight_decay=weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    # TensorFlow takes longer to compile than the training that it saves; JAX without it runs operation by operation
    optimizer.build(network.trainable_variables)
    network.compile(optimizer=optimizer, jit_compile=keras.backend.backend() == "jax")
    return network
