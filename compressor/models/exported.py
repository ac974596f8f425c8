"""An exported model's weights back into Keras."""

import io

import keras
import numpy as np

from compressor.model_files import ModelFiles
from compressor.models.registry import build_model


def load_exported(files: ModelFiles) -> keras.Model:
    """The Keras model of exported files; its weights are rounded to float16, as they are stored.

    Raises:
        WeightsError: if a file is missing or damaged.
    """
    model = build_model(files.manifest["family"], **files.manifest["config"])
    model.build()
    arrays = np.load(io.BytesIO(files.read("keras.npz")), allow_pickle=False)
    for variable, name in zip(model.weights, arrays.files, strict=True):
        variable.assign(arrays[name])
    return model
