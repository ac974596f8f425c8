"""The textbook baseline to the files of an exported model."""

import math
from collections.abc import Sequence

import keras
import numpy as np

from compressor.models.cnn.model import Cnn
from compressor.models.cnn.runtime import INDEX_BITS
from compressor.models.export_arrays import quality_arrays, scale_index
from compressor.spec.constants import PIXEL_SCALE

# Pixels per position: two convolutions of stride 2.
BLOCK = 4


def halo(kernel: int) -> int:
    """Return how many positions two convolutions of stride 2 reach on each side, given their kernels' width.

    In pixels, that is half a kernel, plus half a kernel at half the resolution, which counts twice.

    Example:
        >>> halo(5)
        2
    """
    return -(-3 * (kernel // 2) // BLOCK)


class CnnExporter:
    """See `compressor.models.exporter.Exporter`.

    Args:
        model: trained.
    """

    def __init__(self, model: Cnn) -> None:
        self._model = model

    def calibrate(self, images: list[np.ndarray], levels: Sequence[int]) -> None:
        """Do nothing: no part of the model is fitted at export."""

    def manifest(self) -> dict[str, object]:
        """Return the numbers that a decoder needs."""
        reach = halo(self._model.config["kernel"])
        numbers = {
            "block": BLOCK,
            "analysis_halo": reach,
            "synthesis_halo": reach,
            "pixel_scale": PIXEL_SCALE,
        }
        return {"numbers": numbers}

    def graphs(self) -> dict[str, keras.Model]:
        """Return the float graphs by name."""
        return {"analysis": self._model.analysis, "synthesis": self._model.synthesis}

    def gains(self) -> dict[str, np.ndarray]:
        """Return the arrays of `gains.npz`."""
        return quality_arrays(self._model, np.ones(self._model.channels), math.log(PIXEL_SCALE))

    def reduction(self) -> dict[str, np.ndarray]:
        """Return nothing: reduced pictures are made from whole ones."""
        return {}

    def entropy(self) -> dict[str, np.ndarray]:
        """Return the arrays of `entropy.npz` but for the tables: scale indices by quality and channel."""
        index = scale_index(self._model.log_scale.values) + 0.5
        return {"bias": np.rint(index * 2**INDEX_BITS).astype(np.int32)}
