"""The Keras part of softmax_factorization: vectors of items, learned by guessing hidden items of a history.

Imported only by functions that train or load that model, since importing Keras takes seconds.
"""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("nightcart")
class HiddenItemSoftmax(keras.Model):
    """Softmax over the catalogue of which items of a history are hidden, given the others.

    Args:
        items: size of the catalogue.
        dimensions: of each vector.
        hidden_share: of the items of a history, hidden at each training step.
        sides: name to number of values of each side feature, such as category; each value has a vector that is added
            to those of its items.

    Call arguments: `item` (users, longest) int and `weight` (users, longest) float, 0 where a shorter history is padded.
    """

    def __init__(self, items: int, dimensions: int, hidden_share: float, sides: dict[str, int], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.items, self.dimensions, self.hidden_share, self.sides = items, dimensions, hidden_share, dict(sides)
        self.seed = keras.random.SeedGenerator()

    def build(self, input_shape: Any = None) -> None:
        normal = keras.initializers.RandomNormal(stddev=0.1)
        self.own = self.add_weight(shape=(self.items, self.dimensions), initializer=normal, name="own")
        self.bias = self.add_weight(shape=(self.items,), initializer="zeros", name="bias")
        self.tables = [
            self.add_weight(shape=(count, self.dimensions), initializer="zeros", name=f"{name}_table") for name, count in self.sides.items()
        ]
        self.codes = [
            self.add_weight(shape=(self.items,), initializer="zeros", dtype="int32", trainable=False, name=f"{name}_code")
            for name in self.sides
        ]
        self.built = True

    def item_vectors(self) -> Any:
        """(items, dimensions) own vector plus those of the side features."""
        vectors = ops.convert_to_tensor(self.own)
        for table, code in zip(self.tables, self.codes, strict=True):
            vectors = vectors + ops.take(table, code, axis=0)
        return vectors

    def call(self, inputs: dict[str, Any], training: bool = False) -> tuple[Any, Any]:
        """(users, items) logits, and (users, longest) 1 where an item of the history was hidden."""
        weight = ops.convert_to_tensor(inputs["weight"])
        hidden = ops.zeros_like(weight)
        if training:
            drawn = keras.random.uniform(ops.shape(weight), seed=self.seed)
            hidden = ops.cast((drawn < self.hidden_share) & (weight > 0), weight.dtype)
        weight = weight * (1 - hidden)
        weight = weight / (ops.sqrt(ops.sum(weight * weight, axis=1, keepdims=True)) + 1e-6)
        vectors = self.item_vectors()
        user = ops.sum(ops.take(vectors, inputs["item"], axis=0) * ops.expand_dims(weight, 2), axis=1)
        return ops.matmul(user, ops.transpose(vectors)) + self.bias, hidden

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True) -> Any:
        """Mean surprise of the hidden items, in nats."""
        logits, hidden = y_pred
        surprise = -ops.take_along_axis(ops.log_softmax(logits), ops.cast(x["item"], "int32"), axis=1)
        return ops.sum(surprise * hidden) / ops.maximum(ops.sum(hidden), 1.0)

    def get_config(self) -> dict[str, Any]:
        return {
            "items": self.items,
            "dimensions": self.dimensions,
            "hidden_share": self.hidden_share,
            "sides": self.sides,
            "name": self.name,
        }
