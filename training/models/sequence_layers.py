"""The Keras part that reads a person's last steps beside the columns of a row.

Imported only by functions that train or load such a model, since importing Keras takes seconds.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
from keras import layers, ops

from training.history import EVENT_TYPES
from training.sequences import BUCKETS

EMPTY = -1e9  # a logit that no softmax gives a share


@keras.saving.register_keras_serializable("nightcart")
class Attended(layers.Layer):
    """The steps' values, each by its share: a softmax of how well the step's key meets the row's question.

    Zhou et al., Deep interest network for click-through rate prediction, 2018, with scaled products for its small network.

    Call arguments: [question (rows, width), keys (rows, steps, width), values (rows, steps, width), is_step (rows, steps) float];
    returns (rows, width), all 0 for a row without steps.
    """

    def call(self, inputs: Any) -> Any:
        question, keys, values, is_step = inputs
        logits = ops.sum(ops.expand_dims(question, 1) * keys, axis=-1) / keys.shape[-1] ** 0.5
        shares = ops.softmax(ops.where(is_step > 0, logits, EMPTY)) * is_step
        return ops.sum(ops.expand_dims(shares, 2) * values, axis=1)

    def compute_output_shape(self, shapes: Any) -> Any:
        return shapes[0]


@dataclass(frozen=True)
class Reader:
    """What a network is given beside its columns, and how it reads it.

    Args:
        kind: attention, whose question is what the network makes of the columns; or gru, from the oldest step to the newest.
        steps: places of each row, the newest first.
        width: of what comes out.
    """

    kind: str
    steps: int
    width: int

    @cached_property
    def inputs(self) -> dict[str, Any]:
        return {
            "step_names": layers.Input((self.steps,), dtype="int32", name="step_names"),
            "step_events": layers.Input((self.steps,), dtype="int32", name="step_events"),
            "step_days": layers.Input((self.steps, 2), name="step_days"),
        }

    def read(self, hidden: Any) -> Any:
        """(rows, width) what the steps say, to a row of which the network has made `hidden` (rows, columns)."""
        names = layers.Embedding(BUCKETS + 1, self.width)(self.inputs["step_names"])
        events = layers.Embedding(len(EVENT_TYPES) + 1, self.width)(self.inputs["step_events"])
        days = layers.Dense(self.width)(self.inputs["step_days"])
        values = layers.Activation("relu")(names + events + days)
        is_step = self.inputs["step_events"] > 0
        if self.kind == "gru":
            return layers.GRU(self.width)(ops.flip(values, axis=1), mask=ops.flip(is_step, axis=1))
        question, keys = layers.Dense(self.width)(hidden), layers.Dense(self.width)(values)
        return Attended()([question, keys, values, ops.cast(is_step, "float32")])
