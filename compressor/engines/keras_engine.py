"""The Keras model itself, on the backend in force: for GPUs, and to check the exported graphs."""

import io
from typing import Any

import numpy as np

from compressor.engines.base import Array
from compressor.model_files import ModelFiles


class KerasEngine:
    """Builds the model from its configuration and its float16 weights."""

    name = "tensorflow"

    def __init__(self, files: ModelFiles) -> None:
        from compressor.models import build_model
        from compressor.models.deploy import deployment_graphs

        model = build_model(files.manifest["family"], **files.manifest["config"])
        model.build()
        arrays = np.load(io.BytesIO(files.read("keras.npz")), allow_pickle=False)
        for variable, name in zip(model.weights, arrays.files, strict=True):
            variable.assign(arrays[name])
        self._graphs: dict[str, Any] = deployment_graphs(model)

    def run(self, graph: str, *inputs: Array) -> Array:
        """See `Engine.run`."""
        # A backend's memory is read-only; callers may scale in place.
        return np.array(self._graphs[graph](list(inputs) if len(inputs) > 1 else inputs[0]))
