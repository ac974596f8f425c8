"""The interface of engines."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


class Engine(Protocol):
    """Evaluates the graphs of one model by name; several threads may do so at once.

    Attributes:
        name: of the engine.
        threads: the most threads it uses; None if it chooses.
    """

    name: str
    threads: int | None

    def run(self, graph: str, *inputs: Array) -> Array:
        """Evaluate a graph: float32 NHWC arrays in the graph's order of inputs, one array out."""
        ...
