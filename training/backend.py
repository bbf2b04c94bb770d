"""Starting Keras: quiet, and such that the same seed gives the same numbers. Only called where a Keras model is used."""

import os
from types import ModuleType

SEED = 7


def start_keras(seed: int = SEED) -> ModuleType:
    """Import Keras on the backend that KERAS_BACKEND names (TensorFlow by default) and seed everything it draws from.

    The import takes seconds and hundreds of megabytes, so modules of models import Keras inside their functions.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow

        tensorflow.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)
    return keras


def precision() -> str:
    """What Keras computes in: half of a float's bits on an accelerator, whose matrix units take these several times faster."""
    import keras

    devices = keras.distribution.list_devices()
    return "float32" if all(name.startswith("cpu") for name in devices) else "mixed_bfloat16"
