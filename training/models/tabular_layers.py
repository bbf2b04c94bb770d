"""The Keras part of tabular_network: how a number becomes a layer's input.

Imported only by functions that train or load that model, since importing Keras takes seconds.
"""

from typing import Any

import keras
from keras import layers, ops, regularizers


@keras.saving.register_keras_serializable("nightcart")
class PiecewiseLinear(layers.Layer):
    """A thermometer: each number from -1 to 1 fills `pieces` cells from 0 to 1, one after the other.

    The network can then bend its answer at every piece. Gorishniy et al., On embeddings for numerical features in tabular
    deep learning, 2022; the inputs are places among the training rows, so equal pieces are their quantile bins.

    Args:
        pieces: cells per number.

    Call arguments: (rows, numbers); returns (rows, numbers × pieces).
    """

    def __init__(self, pieces: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pieces = pieces

    def call(self, numbers: Any) -> Any:
        starts = ops.arange(self.pieces, dtype=numbers.dtype)
        filled = ops.clip(ops.expand_dims((numbers + 1) * (self.pieces / 2), 2) - starts, 0.0, 1.0)
        return ops.reshape(filled, (-1, numbers.shape[1] * self.pieces))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "pieces": self.pieces}


def network(numbers: int, word_counts: list[int], params: Any) -> keras.Model:
    """(rows, 1) logits from `numbers` (rows, numbers) and `codes` (rows, columns of words).

    Args:
        word_counts: per column of words, how many codes there are.
        params: of training.models.tabular_network.
    """
    number_input = layers.Input((numbers,), name="numbers")
    code_input = layers.Input((len(word_counts),), dtype="int32", name="codes")
    columns = [PiecewiseLinear(params.pieces)(number_input)]
    columns += [layers.Embedding(count, params.word_dimensions)(code_input[:, place]) for place, count in enumerate(word_counts)]
    hidden = layers.Concatenate()(columns) if len(columns) > 1 else columns[0]
    for units in params.units:
        hidden = layers.Dense(units, activation="relu", kernel_regularizer=regularizers.L2(params.penalty))(hidden)
        hidden = layers.Dropout(params.dropout)(hidden)
    return keras.Model({"numbers": number_input, "codes": code_input}, layers.Dense(1)(hidden))
