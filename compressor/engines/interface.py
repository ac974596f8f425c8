"""The interface of engines."""

from typing import Protocol

from compressor.spec.arrays import Floats


class Engine(Protocol):
    """Evaluates the graphs of one model by name; several threads may do so at once.

    Attributes:
        name: name of the engine.
        threads: the most threads it uses; None if it chooses.
    """

    name: str
    threads: int | None

    def run(self, graph: str, *inputs: Floats) -> Floats:
        """Evaluate a graph: float32 NHWC arrays in the graph's order of inputs, one new array out."""
        ...
