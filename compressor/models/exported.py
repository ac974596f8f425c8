"""Exported models as Keras models."""

import keras
import numpy as np
import onnx

from compressor.errors import WeightsError, one_line
from compressor.models.registry import build_model
from compressor.weights.files import ModelFiles


def load_exported(files: ModelFiles) -> keras.Model:
    """Return the Keras model of exported files; its weights are rounded to float16, as they are stored.

    Weights are named by their position in `model.weights`; `keras.npz` holds those that no graph holds.

    Raises:
        WeightsError: if a file is missing or damaged, or the model is of another version.
    """
    try:
        model = build_model(files.manifest["family"], **files.manifest["config"])
    except (KeyError, TypeError, ValueError) as error:
        raise _of_another_version(files, error) from error
    model.build()
    arrays = dict(files.arrays("keras.npz"))
    for graph in (name for name in files.manifest["files"] if name.endswith(".onnx")):
        for initialiser in onnx.load_from_string(files.read(graph)).graph.initializer:
            if initialiser.name.isdigit():
                array = onnx.numpy_helper.to_array(initialiser)
                arrays[initialiser.name] = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array
    for k, variable in enumerate(model.weights):
        array = arrays.get(f"{k:03d}", np.empty(0))
        if array.shape != variable.shape:
            found = ValueError(f"{variable.path}: received {array.shape}, expected {variable.shape}")
            raise _of_another_version(files, found)
        variable.assign(array)
    return model


def _of_another_version(files: ModelFiles, error: Exception) -> WeightsError:
    return WeightsError(
        f"the model in {files.folder} does not fit this version ({one_line(error)}): export it again"
    )
