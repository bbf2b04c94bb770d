"""The Keras part that reads a person's last steps beside the columns of a row.

Imported only by functions that train or load such a model, since importing Keras takes seconds.
"""

from typing import Any

import keras
from keras import layers, ops

from training.history import EVENT_TYPES
from training.sequences import BUCKETS

EMPTY = -1e9  # a logit that no softmax gives a share


@keras.saving.register_keras_serializable("nightcart")
class SharesOfSteps(layers.Layer):
    """How much each step counts for a row: a softmax of how well the step's key meets the row's question.

    Zhou et al., Deep interest network for click-through rate prediction, 2018, with scaled products for its small network.

    Call arguments: [question (rows, width), keys (rows, steps, width), is_step (rows, steps)]; returns (rows, steps), all 0 without steps.
    """

    def call(self, inputs: Any) -> Any:
        question, keys, is_step = inputs
        logits = ops.sum(ops.expand_dims(question, 1) * keys, axis=-1) / keys.shape[-1] ** 0.5
        return ops.softmax(ops.where(is_step > 0, logits, EMPTY)) * is_step

    def compute_output_shape(self, shapes: Any) -> Any:
        return shapes[2]


@keras.saving.register_keras_serializable("nightcart")
class SumOfSteps(layers.Layer):
    """(rows, width) from [shares (rows, steps), values (rows, steps, width)]."""

    def call(self, inputs: Any) -> Any:
        shares, values = inputs
        return ops.sum(ops.expand_dims(shares, 2) * values, axis=1)

    def compute_output_shape(self, shapes: Any) -> Any:
        return (shapes[1][0], shapes[1][2])


def inputs(longest: int) -> dict[str, Any]:
    """The inputs that a network with a sequence has beside the others."""
    return {
        "step_names": layers.Input((longest,), dtype="int32", name="step_names"),
        "step_events": layers.Input((longest,), dtype="int32", name="step_events"),
        "step_days": layers.Input((longest, 2), name="step_days"),
    }


def encoded(kind: str, steps: dict[str, Any], question: Any, width: int) -> Any:
    """(rows, width) what the steps say.

    Args:
        kind: attention, gru, or mean.
        steps: of `inputs`.
        question: (rows, columns) what the rest of the network makes of the row: which steps matter depends on it.
    """
    is_step = ops.cast(steps["step_events"] > 0, "float32")
    names = layers.Embedding(BUCKETS + 1, width)(steps["step_names"])
    events = layers.Embedding(len(EVENT_TYPES) + 1, width)(steps["step_events"])
    values = layers.Activation("relu")(names + events + layers.Dense(width)(steps["step_days"]))
    if kind == "gru":
        # from the oldest to the newest, which the answer is most about
        return layers.GRU(width)(ops.flip(values, axis=1), mask=ops.flip(steps["step_events"] > 0, axis=1))
    if kind == "attention":
        shares = SharesOfSteps()([layers.Dense(width)(question), layers.Dense(width)(values), is_step])
    else:
        shares = is_step / ops.maximum(ops.sum(is_step, axis=1, keepdims=True), 1.0)
    return SumOfSteps()([shares, values])
