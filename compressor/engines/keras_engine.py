"""The Keras model itself, on the backend in force: for GPUs, and to check the exported graphs."""

from typing import Any

import numpy as np

from compressor.engines.base import Array
from compressor.model_files import ModelFiles


class KerasEngine:
    """Builds the model from its configuration and its float16 weights."""

    name = "tensorflow"

    def __init__(self, files: ModelFiles, threads: int | None = None) -> None:
        from compressor.models.deploy import deployment_graphs
        from compressor.models.exported import load_exported

        self.threads = threads
        self._graphs: dict[str, Any] = deployment_graphs(load_exported(files))

    def run(self, graph: str, *inputs: Array) -> Array:
        """See `Engine.run`."""
        # A backend's memory is read-only; callers may scale in place.
        return np.array(self._graphs[graph](list(inputs) if len(inputs) > 1 else inputs[0]))
