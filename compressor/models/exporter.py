"""The interface between training and the files of an exported model."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Exporter(Protocol):
    """The parts of an exported model, made from a trained Keras model."""

    def calibrate(self, images: list[NDArray[np.uint8]], levels: Sequence[int]) -> None:
        """Fit the values that training leaves open.

        Args:
            images: sample pictures (H, W, 3).
            levels: quality levels; each picture is coded at one of them, in turn.
        """
        ...

    def manifest(self) -> dict[str, object]:
        """Return the family's entries of the manifest: every number that a decoder needs."""
        ...

    def graphs(self) -> dict[str, Any]:
        """Return the float graphs, as Keras models by name."""
        ...

    def gains(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of `gains.npz`; see `compressor.models.gains.QualityGains`."""
        ...

    def reduction(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of `reduction.npz`, for pictures at reduced size; empty in a family without."""
        ...

    def entropy(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of `entropy.npz` but for the tables."""
        ...
