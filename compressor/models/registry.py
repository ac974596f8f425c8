"""The families of models, by name."""

import keras

from compressor.models.cnn import Cnn
from compressor.models.flagship import Flagship

MODELS = {"flagship": Flagship, "cnn": Cnn}


def build_model(name: str, **options) -> keras.Model:
    """A new, untrained model of a family.

    Raises:
        ValueError: for a name that is not in `MODELS`.
    """
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}; known: {', '.join(MODELS)}")
    return MODELS[name](**options)
