"""Keras itself, on its configured backend: for GPUs, and to check the exported graphs."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from compressor.spec.arrays import Floats


class KerasEngine:
    """Runs Keras models.

    Args:
        graphs: Keras models by name.
        threads: not passed on to Keras; with 1, means are computed in the calling thread.
    """

    name = "keras"

    def __init__(self, graphs: Mapping[str, Any], threads: int | None = None) -> None:
        self._graphs, self.threads = graphs, threads

    def run(self, graph: str, *inputs: Floats) -> Floats:
        """See `Engine.run`."""
        # A backend's memory is read-only; callers may scale in place.
        return np.array(self._graphs[graph](list(inputs) if len(inputs) > 1 else inputs[0]))
