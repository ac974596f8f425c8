"""The flagship to the files of an exported model."""

import math
from collections.abc import Sequence
from dataclasses import asdict

import keras
import numpy as np

from compressor.models.export_arrays import quality_arrays, scale_index
from compressor.models.flagship.calibration import measure_reduced_colours, measure_side_scales
from compressor.models.flagship.entropy_model import layer_arrays
from compressor.models.flagship.graphs import deployment_graphs
from compressor.models.flagship.integer_networks import rounded_contexts, rounded_hyper
from compressor.models.flagship.kernel_rounding import round_kernels
from compressor.models.flagship.model import Flagship
from compressor.models.flagship.networks import FILTER_STRIDE
from compressor.spec import constants
from compressor.spec.constants import ACTIVATION_MAX, ACTIVATION_STEPS, TOP_INDEX
from compressor.spec.lapped import BLOCK
from compressor.spec.quality import HIGHEST_SEEN_LEVEL

# The receptive field of f reaches up to 142 pixels to each side.
ANALYSIS_HALO = 9
# Number of pictures, over all qualities, that the colours of reduced pictures are fitted to.
COLOUR_IMAGES = 60
# Kernels are rounded on every third picture: each takes about a second, and using all gains no more.
ROUNDING_STRIDE = 3


def synthesis_halo(filter_blocks: int) -> int:
    """Return the distance, in latent positions, from which latents affect a pixel.

    It is the receptive field of the filter's first convolution, which has a stride, of its 3x3 convolutions,
    and of the post-filter.

    Example:
        >>> synthesis_halo(6)
        3
    """
    pixels = FILTER_STRIDE * (2 * filter_blocks + 1) + FILTER_STRIDE // 2 + BLOCK // 2
    return -(-pixels // BLOCK)


def magnitude_codes() -> np.ndarray:
    """Return the code of each symbol magnitude up to the first that reaches the cap, uint8."""
    magnitudes = np.arange(math.ceil(math.sinh(ACTIVATION_MAX / ACTIVATION_STEPS)) + 2)
    return np.minimum(np.rint(ACTIVATION_STEPS * np.arcsinh(magnitudes)), ACTIVATION_MAX).astype(np.uint8)


class FlagshipExporter:
    """See `compressor.models.exporter.Exporter`.

    Args:
        model: trained.
    """

    def __init__(self, model: Flagship) -> None:
        self._model = model

    def calibrate(self, images: list[np.ndarray], levels: Sequence[int]) -> None:
        """Fit what training leaves open to sample pictures.

        These are the rounding of the kernels of an 8-bit filter, the scales of the side information, and the
        colours of reduced pictures.
        """
        if self._model.config["eight_bits"]:
            round_kernels(self._model, images[::ROUNDING_STRIDE], levels)
        measure_side_scales(self._model, images, levels)
        measure_reduced_colours(self._model, images[:COLOUR_IMAGES])

    def manifest(self) -> dict[str, object]:
        """Return the numbers that a decoder needs, and the passes."""
        numbers = {
            "block": BLOCK,
            "analysis_halo": ANALYSIS_HALO,
            "synthesis_halo": synthesis_halo(self._model.config["filter_blocks"]),
            "side_stride": constants.SIDE_STRIDE,
            "side_steps": constants.SIDE_STEPS,
            "side_max": constants.SIDE_MAX,
            "activation_max": ACTIVATION_MAX,
            "near_floor": constants.NEAR_FLOOR,
            "highest_seen_level": HIGHEST_SEEN_LEVEL,
            "filter_amplitude": constants.FILTER_AMPLITUDE,
            "quick_moves": self._model.config["quick_moves"],
        }
        return {"numbers": numbers, "passes": [asdict(p) for p in self._model.passes]}

    def graphs(self) -> dict[str, keras.Model]:
        """Return the float graphs by name."""
        return deployment_graphs(self._model)

    def gains(self) -> dict[str, np.ndarray]:
        """Return the arrays of `gains.npz`."""
        magnitude = np.asarray(self._model.magnitude, np.float64)
        return quality_arrays(self._model, magnitude)

    def reduction(self) -> dict[str, np.ndarray]:
        """Return the arrays of `reduction.npz`; see `compressor.models.flagship.reduction.Reduction`."""
        colours = np.asarray(self._model.reduced_colours.values, np.float64).reshape(-1, 4, 3)
        chosen = np.asarray(self._model.lapped_synthesis.chosen)
        return {"basis": chosen.astype(np.uint16), "colours": colours}

    def entropy(self) -> dict[str, np.ndarray]:
        """Return the arrays of `entropy.npz` but for the tables; see `entropy_model`."""
        log_gain = self.gains()["log_gain"]
        side_index = np.clip(np.rint(scale_index(self._model.log_side_scale)), 0, TOP_INDEX)
        arrays = {"side_index": side_index.astype(np.uint8), "magnitude_codes": magnitude_codes()}
        for k, layer in enumerate(rounded_hyper(self._model).layers):
            arrays |= layer_arrays(f"hyper_{k}", layer)
        for k, context in enumerate(rounded_contexts(self._model, log_gain)):
            for i, layer in enumerate(context.layers):
                arrays |= layer_arrays(f"context_{k}_{i}", layer)
        return arrays
