"""The Keras part of tabular_network: pieces of numbers, products of columns, and an ensemble that shares its weights.

Imported only by functions that train or load that model, since importing Keras takes seconds.
"""

from typing import Any

import keras
from keras import layers, ops, regularizers

SMALLEST = 1e-6  # single precision has no number between 1 and 1 - 1e-8


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


@keras.saving.register_keras_serializable("nightcart")
class MemberScale(layers.Layer):
    """Gives each member of an ensemble its own view of the same columns: a weight per member and column, from random signs.

    All else but the heads is shared. Gorishniy et al., TabM, 2024 (its "mini" form, with the weights behind the first layer).

    Call arguments: (rows, columns); returns (rows, members, columns).
    """

    def __init__(self, members: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.members = members

    def build(self, shape: tuple[int, ...]) -> None:
        # random signs: members that start alike would stay alike
        self.scale = self.add_weight(shape=(self.members, shape[-1]), initializer=_random_signs, name="scale")

    def call(self, inputs: Any) -> Any:
        return ops.expand_dims(inputs, 1) * self.scale

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "members": self.members}


@keras.saving.register_keras_serializable("nightcart")
class MemberHeads(layers.Layer):
    """A linear answer per member. Call arguments: (rows, members, columns); returns (rows, members)."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(shape=shape[1:], initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=shape[1:2], initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        return ops.sum(inputs * self.kernel, axis=-1) + self.bias


@keras.saving.register_keras_serializable("nightcart")
class Cross(layers.Layer):
    """Products of columns: start * (U V hidden + b) + hidden, with U V of a low rank. Wang et al., DCN V2, 2021.

    Args:
        rank: columns of U and rows of V.

    Call arguments: [start, hidden], both (rows, columns); returns (rows, columns).
    """

    def __init__(self, rank: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rank = rank

    def build(self, shapes: Any) -> None:
        self.down, self.up = layers.Dense(self.rank, use_bias=False), layers.Dense(shapes[0][-1])
        self.down.build(shapes[0])
        self.up.build((*shapes[0][:-1], self.rank))

    def call(self, inputs: Any) -> Any:
        start, hidden = inputs
        return start * self.up(self.down(hidden)) + hidden

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rank": self.rank}


def _random_signs(shape: tuple[int, ...], dtype: Any = None) -> Any:
    return ops.cast(2 * keras.random.randint(shape, 0, 2) - 1, dtype or "float32")


def network(numbers: int, word_counts: list[int], params: Any, heads: int = 1, reader: Any = None) -> keras.Model:
    """(rows, members) logits from `numbers` (rows, numbers) and `codes` (rows, columns of words).

    Args:
        word_counts: per column of words, how many codes there are.
        params: of training.models.tabular_network.
        heads: answers of each member; of several, the network gives (rows, members, heads).
        reader: of training.models.sequence_layers; what it reads joins what the first layer makes of the columns.
    """
    number_input = layers.Input((numbers,), name="numbers")
    code_input = layers.Input((len(word_counts),), dtype="int32", name="codes")
    columns = [PiecewiseLinear(params.pieces)(number_input)]
    columns += [layers.Embedding(count, params.word_dimensions)(code_input[:, place]) for place, count in enumerate(word_counts)]
    hidden = layers.Concatenate()(columns) if len(columns) > 1 else columns[0]
    start = hidden
    for _ in range(params.crosses):
        hidden = Cross(params.cross_rank)([start, hidden])
    for place, units in enumerate(params.units):
        hidden = layers.Dense(units, kernel_regularizer=regularizers.L2(params.penalty))(hidden)
        if place == 0 and reader:
            hidden = layers.Concatenate()([hidden, reader.read(hidden)])
        if place == 0:
            # behind the widest layer, which is thus computed once for all members and not once for each
            hidden = MemberScale(params.members)(hidden)
        hidden = layers.Dropout(params.dropout)(layers.Activation("relu")(hidden))
    answers = [MemberHeads()(hidden) for _ in range(heads)]
    inputs = {"numbers": number_input, "codes": code_input, **(reader.inputs if reader else {})}
    return keras.Model(inputs, ops.stack(answers, axis=-1) if heads > 1 else answers[0])


def mean_member_loss(outcome: Any, logits: Any) -> Any:
    """(rows,) log loss of each member, averaged: the members learn apart. From (rows, 1) and (rows, members)."""
    return ops.mean(ops.softplus(logits) - outcome * logits, axis=-1)


def ensemble_loss(outcome: Any, logits: Any) -> Any:
    """(rows,) log loss of the members' mean probability, which is what `predict` gives."""
    probability = ops.clip(ops.mean(ops.sigmoid(logits), axis=-1, keepdims=True), SMALLEST, 1 - SMALLEST)
    return -ops.mean(outcome * ops.log(probability) + (1 - outcome) * ops.log(1 - probability), axis=-1)


SMALLEST_SPREAD = 0.1  # of the logarithm of an amount: a member that is surer of one amount would learn it by heart


def zero_inflated_log_normal(answers: Any) -> tuple[Any, Any, Any]:
    """(rows, members) logit of any amount, mean and spread of its logarithm, from (rows, members, 3)."""
    return answers[..., 0], answers[..., 1], ops.softplus(answers[..., 2]) + SMALLEST_SPREAD


def zero_inflated_log_normal_loss(amount: Any, answers: Any) -> Any:
    """(rows,) negative log likelihood of each member, averaged. From (rows, 1) and (rows, members, 3).

    Wang, Liu and Miao, A deep probabilistic model for customer lifetime value prediction, 2019.
    """
    logit, mean, spread = zero_inflated_log_normal(answers)
    is_any = ops.cast(amount > 0, logit.dtype)
    known = ops.log(ops.where(amount > 0, amount, ops.ones_like(amount)))
    of_amount = ops.log(spread) + 0.5 * ops.square((known - mean) / spread)
    return ops.mean(ops.softplus(logit) - is_any * logit + is_any * of_amount, axis=-1)
