"""The Keras backend of a training process."""

from compressor.errors import one_line
from training.errors import TrainingError

BACKENDS = ("tensorflow", "jax")


def check_backend() -> None:
    """Check that models can be trained on Keras's backend.

    Raises:
        TrainingError: if the backend cannot be imported, or is not one of `BACKENDS`.
    """
    names = " or ".join(BACKENDS)
    try:
        import keras
    except (ImportError, ValueError) as error:
        # Keras raises a ValueError for a name that it does not know.
        raise TrainingError(
            f"the Keras backend cannot be imported ({one_line(error)}): "
            f"install it, or set KERAS_BACKEND to {names}"
        ) from error
    backend = keras.backend.backend()
    if backend not in BACKENDS:
        raise TrainingError(f"received the Keras backend {backend}, expected {names}: set KERAS_BACKEND")
