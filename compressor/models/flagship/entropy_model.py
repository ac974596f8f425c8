"""The exact part of the flagship: tables, scale indices of the side information, integer networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.entropy.exact import ExactContext, ExactHyper, ExactLayer
from compressor.entropy.tables import ScaleTables, load_tables
from compressor.errors import WeightsError
from compressor.spec.constants import MAX_WEIGHT, TOP_INDEX


@dataclass(frozen=True)
class EntropyModel:
    """The integer side of an exported model.

    Attributes:
        tables: symbol frequencies per scale index.
        side_index: (S,) uint8, scale index of each channel of the side information.
        magnitude_codes: (n,) uint8, code of each symbol magnitude; larger ones have the last.
        hyper: side information -> features.
        contexts: one network per pass.
    """

    tables: ScaleTables
    side_index: NDArray[np.uint8]
    magnitude_codes: NDArray[np.uint8]
    hyper: ExactHyper
    contexts: tuple[ExactContext, ...]

    def codes(self, magnitudes: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Codes of magnitudes of symbols, 0..255."""
        codes: NDArray[np.uint8] = self.magnitude_codes.take(magnitudes, mode="clip")
        return codes


def layer_arrays(name: str, layer: ExactLayer) -> dict[str, NDArray[np.generic]]:
    """Return the arrays that are stored of a layer, under names that start with `name`."""
    return {f"{name}_matrix": layer.matrix, f"{name}_bias": layer.bias, f"{name}_scale": layer.scale}


def load_entropy_model(arrays: Mapping[str, NDArray[Any]], passes: int, activation_max: int) -> EntropyModel:
    """Return the model that the arrays of `entropy.npz` hold.

    Args:
        arrays: by name.
        passes: number of context networks.
        activation_max: the largest activation of the integer networks.

    Raises:
        KeyError: if an array is missing.
        WeightsError: if a weight is too large.
    """

    def layer(name: str, maximum: int = activation_max) -> ExactLayer:
        matrix, bias, scale = (arrays[f"{name}_{part}"] for part in ("matrix", "bias", "scale"))
        # Sums of larger weights would overflow on some CPUs.
        if matrix.dtype != np.int8 or matrix.min() < -MAX_WEIGHT or matrix.max() > MAX_WEIGHT:
            raise WeightsError(
                f"{name}_matrix in entropy.npz has weights beyond {MAX_WEIGHT}: export the model again"
            )
        return ExactLayer(matrix, bias, scale, maximum)

    return EntropyModel(
        tables=load_tables(arrays),
        side_index=arrays["side_index"],
        magnitude_codes=arrays["magnitude_codes"],
        hyper=ExactHyper((layer("hyper_0"), layer("hyper_1"))),
        contexts=tuple(
            ExactContext(
                (layer(f"context_{k}_0"), layer(f"context_{k}_1"), layer(f"context_{k}_2", TOP_INDEX))
            )
            for k in range(passes)
        ),
    )
