"""A small Keras network over features of users: numbers in pieces, words by a vector each, products of both, eight members in one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

import steps
from training import arrays, backend
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

    def __init__(self, params: Params) -> None:
        self.params = params
        self.encoder: Encoder | None = None
        self.network: Any = None
        self.losses: list[float] = []  # one per epoch, on the training rows

    def fit(self, features: Features, outcome: np.ndarray) -> Self:
        self._start(features)
        self._train(features, outcome, self.params.epochs)
        return self

    @classmethod
    def tuned(cls, params: Params, training: tuple[Features, np.ndarray], validation: tuple[Features, np.ndarray]) -> "Model":
        keras = backend.start_keras()
        model = cls(params)
        model._start(training[0])
        stop = keras.callbacks.EarlyStopping("val_ensemble_loss", mode="min", patience=PATIENCE, restore_best_weights=True)
        watched = (model._inputs(validation[0]), _column(validation[1]))
        history = model._train(*training, MOST_EPOCHS, validation_data=watched, callbacks=[stop])
        model.params = replace(params, epochs=int(np.argmin(history["val_ensemble_loss"])) + 1)
        return model

    def _start(self, features: Features) -> None:
        keras = backend.start_keras()
        from training.models import tabular_layers

        self.encoder = Encoder.fitted(features)
        word_counts = [len(words) + 1 for words in self.encoder.words]
        self.network = tabular_layers.network(self.encoder.width, word_counts, self.params)
        self.network.compile(
            optimizer=keras.optimizers.Adam(self.params.learning_rate),
            loss=tabular_layers.mean_member_loss,
            metrics=[tabular_layers.ensemble_loss],
            jit_compile=False,
        )

    def _train(self, features: Features, outcome: np.ndarray, epochs: int, **options: Any) -> dict[str, list[float]]:
        fitted = self.network.fit(
            self._inputs(features), _column(outcome), batch_size=self.params.batch_rows, epochs=epochs, verbose=0, **options
        )
        self.losses = [round(float(loss), 6) for loss in fitted.history["loss"]]
        if not np.isfinite(self.losses).all():
            raise steps.StepError(f"tabular_network: the loss diverged ({self.losses[-1]}); nothing is kept of this fit")
        return fitted.history

    def _inputs(self, features: Features) -> dict[str, np.ndarray]:
        return {"numbers": self.encoder.numbers(features), "codes": self.encoder.codes(features)}

    def predict(self, features: Features) -> np.ndarray:
        logits = self.network.predict(self._inputs(features), batch_size=8_192, verbose=0).astype(np.float64)
        return (1 / (1 + np.exp(-logits))).mean(axis=1)

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


def _column(outcome: np.ndarray) -> np.ndarray:
    return outcome.astype(np.float32)[:, None]
