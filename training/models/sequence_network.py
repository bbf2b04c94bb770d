"""The network of tabular_network that also reads what the person did last, step by step, in order."""

from dataclasses import dataclass
from typing import Any

import numpy as np

import steps
from training.features import Features
from training.models import tabular_network


@dataclass(frozen=True)
class Params(tabular_network.Params):
    reader: str = "gru"  # how steps are read: gru or attention
    steps: int = 24  # that are read, the newest
    step_dimensions: int = 16


class Model(tabular_network.Model):
    """The last steps join what the first layer makes of the features.

    Only for targets that list it among their models: the steps are read from the warehouse for those alone.
    """

    def _start(self, features: Features, outcome: np.ndarray) -> None:
        if features.steps is None:
            raise steps.StepError(f"{self.name} reads the last steps of people, and they were not read: the target has to list it")
        super()._start(features, outcome)

    def _network(self, word_counts: list[int]) -> Any:
        from training.models import sequence_layers, tabular_layers

        reader = sequence_layers.Reader(self.params.reader, self.params.steps, self.params.step_dimensions)
        return tabular_layers.network(self.encoder.width, word_counts, self.params, self.heads, reader)

    def _inputs(self, features: Features) -> dict[str, np.ndarray]:
        newest = features.steps.newest(self.params.steps)
        return {**super()._inputs(features), "step_names": newest.name, "step_events": newest.event, "step_days": newest.days}
