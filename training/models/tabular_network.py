"""A small Keras network over features of users: numbers in pieces, words by a vector each, products of both, eight members in one."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from training import arrays, backend, divergence, sampled_shapley
from training.calibration import log_odds
from training.features import Features
from training.models.predictor import Predictor
from training.preprocessing import Encoder

MOST_EPOCHS = 30
PATIENCE = 3  # epochs without a smaller validation loss


@dataclass(frozen=True)
class Params:
    units: tuple[int, ...] = (128, 64)  # of the hidden layers
    epochs: int = 10  # set by `tuned`
    dropout: float = 0.3
    penalty: float = 1e-4  # L2, on the weights of the hidden layers
    learning_rate: float = 1e-3
    batch_rows: int = 1_024
    pieces: int = 8  # that a number's range is cut into
    word_dimensions: int = 8
    members: int = 8  # of the ensemble that shares all weights but a scale and a head each
    crosses: int = 1  # layers of products of columns
    cross_rank: int = 16


class Model(Predictor):
    """An ensemble of networks in one, with dropout and L2; stopped where the validation loss is smallest."""

    heads = 1  # answers of each member

    def __init__(self, params: Params) -> None:
        self.params = params
        self.encoder: Encoder | None = None
        self.network: Any = None
        self.losses: list[float] = []  # one per epoch, on the training rows

    def fit(self, features: Features, outcome: np.ndarray) -> Self:
        self._start(features, outcome)
        self._train(features, outcome, self.params.epochs)
        return self

    @classmethod
    def tuned(cls, params: Params, training: tuple[Features, np.ndarray], validation: tuple[Features, np.ndarray]) -> "Model":
        keras = backend.start_keras()
        model = cls(params)
        model._start(*training)
        watched_loss = f"val_{model._loss_functions()[1].__name__}"
        stop = keras.callbacks.EarlyStopping(watched_loss, mode="min", patience=PATIENCE, restore_best_weights=True)
        watched = (model._inputs(validation[0]), model._targets(validation[1]))
        history = model._train(*training, MOST_EPOCHS, validation_data=watched, callbacks=[stop])
        model.params = replace(params, epochs=int(np.argmin(history[watched_loss])) + 1)
        return model

    def _start(self, features: Features, outcome: np.ndarray) -> None:
        keras = backend.start_keras()
        self.encoder = Encoder.fitted(features)
        self._learn_scale(outcome)
        word_counts = [len(words) + 1 for words in self.encoder.words]
        self.network = self._network(word_counts)
        loss, watched = self._loss_functions()
        optimizer = keras.optimizers.Adam(self.params.learning_rate)
        self.network.compile(optimizer=optimizer, loss=loss, metrics=[watched], jit_compile=False)

    def _network(self, word_counts: list[int]) -> Any:
        from training.models import tabular_layers

        return tabular_layers.network(self.encoder.width, word_counts, self.params, self.heads)

    def _learn_scale(self, outcome: np.ndarray) -> None:
        """Nothing to learn of answers that are 0 and 1."""

    def _loss_functions(self) -> tuple[Callable, Callable]:
        """What is learned by, and what an epoch is chosen by."""
        from training.models import tabular_layers

        return tabular_layers.mean_member_loss, tabular_layers.ensemble_loss

    def _train(self, features: Features, outcome: np.ndarray, epochs: int, **options: Any) -> dict[str, list[float]]:
        fitted = self.network.fit(
            self._inputs(features), self._targets(outcome), batch_size=self.params.batch_rows, epochs=epochs, verbose=0, **options
        )
        self.losses = [round(float(loss), 6) for loss in fitted.history["loss"]]
        divergence.refuse(f"the loss of {self.name}", self.losses)
        return fitted.history

    @property
    def name(self) -> str:
        return type(self).__module__.rsplit(".", 1)[1]

    def _inputs(self, features: Features) -> dict[str, np.ndarray]:
        return self._columns(features)

    def _columns(self, features: Features) -> dict[str, np.ndarray]:
        return {"numbers": self.encoder.numbers(features), "codes": self.encoder.codes(features)}

    def _targets(self, outcome: np.ndarray) -> np.ndarray:
        return outcome.astype(np.float32)[:, None]

    def predict(self, features: Features) -> np.ndarray:
        return self._predicted(self._inputs(features))

    def _predicted(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        return self._answer(self.network.predict(inputs, batch_size=8_192, verbose=0).astype(np.float64))

    def _answer(self, answers: np.ndarray) -> np.ndarray:
        """(rows,) what is predicted, from what the members say."""
        return (1 / (1 + np.exp(-answers))).mean(axis=1)

    def _scored(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        """(rows,) the prediction on the scale that effects add up on."""
        return log_odds(self._predicted(inputs))

    def contributions(self, features: Features, reference: Features) -> np.ndarray:
        own, usual = self._inputs(features), self._columns(reference)
        numeric = len(features.numeric_names)
        feature = self.encoder.feature_of_numbers

        def score(rows: np.ndarray, has_own: np.ndarray) -> np.ndarray:
            numbers = np.where(has_own[:, feature], own["numbers"][rows], usual["numbers"])
            codes = np.where(has_own[:, numeric:], own["codes"][rows], usual["codes"])
            # what else is read has no words to tell a reason in: it is the row's own on both sides
            beside = {name: values[rows] for name, values in own.items() if name not in usual}
            return self._scored({"numbers": numbers, "codes": codes, **beside})

        return sampled_shapley.contributions(len(features), len(features.names), score, backend.SEED)

    def save(self, folder: Path) -> None:
        arrays.save(folder / "encoder.npz", **self.encoder.to_arrays())
        self.network.save(folder / "network.keras")

    @classmethod
    def load(cls, params: Params, folder: Path) -> Self:
        keras = backend.start_keras()
        from training.models import tabular_layers  # noqa: F401, so that Keras knows the layer that it is to rebuild

        model = cls(params)
        model.encoder = Encoder.from_arrays(arrays.load(folder / "encoder.npz"))
        model.network = keras.saving.load_model(folder / "network.keras", compile=False)
        return model
