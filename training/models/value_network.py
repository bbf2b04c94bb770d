"""The network of tabular_network for amounts: whether there is any, and how much, as a log-normal distribution."""

from pathlib import Path
from typing import Self

import numpy as np

from training import arrays
from training.models import tabular_network
from training.value_metrics import SMALLEST

Params = tabular_network.Params


class Model(tabular_network.Model):
    """The expected amount of each row, from a zero-inflated log-normal distribution that each member of the ensemble gives."""

    heads = 3  # any amount at all, mean and spread of its logarithm
    unit = 1.0  # mean amount of the training rows that have one: the network sees amounts in it
    most = 1.0  # the largest of them; the mean of a wide log-normal distribution would run away beyond it

    def _learn_scale(self, outcome: np.ndarray) -> None:
        self.unit = float(outcome[outcome > 0].mean())
        self.most = float(outcome.max())

    def _loss_functions(self):
        from training.models import tabular_layers

        return tabular_layers.zero_inflated_log_normal_loss, tabular_layers.zero_inflated_log_normal_loss

    def _targets(self, outcome: np.ndarray) -> np.ndarray:
        return super()._targets(outcome / self.unit)

    def _answer(self, answers: np.ndarray) -> np.ndarray:
        from training.models import tabular_layers

        logit, mean, spread = (np.asarray(part) for part in tabular_layers.zero_inflated_log_normal(answers))
        amount = np.exp(np.minimum(mean + spread**2 / 2, np.log(self.most / self.unit))) * self.unit
        return (amount / (1 + np.exp(-logit))).mean(axis=1)

    def _scored(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        return np.log(np.maximum(self._predicted(inputs), SMALLEST))

    def save(self, folder: Path) -> None:
        super().save(folder)
        arrays.save_json(folder / "amounts.json", {"unit": self.unit, "most": self.most})

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        model = super().load(params, folder)
        stored = arrays.load_json(folder / "amounts.json")
        model.unit, model.most = stored["unit"], stored["most"]
        return model
