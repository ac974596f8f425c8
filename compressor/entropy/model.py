"""Everything exact that a model ships: tables, side information's indices, integer networks."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compressor.entropy.exact import ExactContext, ExactHyper, ExactLayer, knots_at
from compressor.entropy.tables import ScaleTables
from compressor.errors import WeightsError

TOP_INDEX = 63
FACTORIZED_BITS = 16


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

    def codes(self, symbols: NDArray[np.int32]) -> NDArray[np.uint8]:
        """Magnitude codes of symbols, 0..255."""
        return self.magnitude_codes[np.minimum(np.abs(symbols), len(self.magnitude_codes) - 1)]


@dataclass(frozen=True)
class FactorizedModel:
    """The integer side of a model without side information: a table per channel and quality.

    Attributes:
        tables: symbol frequencies per scale index.
        bias: (knots, C) int32: scale index times 2**16, linear in the quality level between knots.
    """

    tables: ScaleTables
    bias: NDArray[np.int32]

    def indices(self, level: int) -> NDArray[np.uint8]:
        """Scale index of each channel at a quality level, (C,)."""
        return np.clip(knots_at(self.bias, level) >> FACTORIZED_BITS, 0, TOP_INDEX).astype(np.uint8)


def load_factorized_model(data: bytes) -> FactorizedModel:
    """Read `entropy.npz` of a model without side information.

    Raises:
        WeightsError: if an array is missing.
    """
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    try:
        return FactorizedModel(ScaleTables(arrays["frequencies"], arrays["half_widths"]), arrays["bias"])
    except KeyError as error:
        raise WeightsError(f"entropy.npz lacks {error}; install the package again") from error


def layer_arrays(name: str, layer: ExactLayer) -> dict[str, NDArray[np.generic]]:
    """What is stored of a layer, under names that start with `name`."""
    small = np.abs(layer.weights).max(initial=0) <= np.iinfo(np.int16).max
    return {
        f"{name}_weights": layer.weights.astype(np.int16 if small else np.int32),
        f"{name}_bias": layer.bias,
        f"{name}_shift": layer.shift,
    }


def load_entropy_model(data: bytes, passes: int) -> EntropyModel:
    """Read `entropy.npz`.

    Raises:
        WeightsError: if an array is missing.
    """
    arrays = np.load(io.BytesIO(data), allow_pickle=False)

    def layer(name: str, maximum: int = 255) -> ExactLayer:
        weights = np.ascontiguousarray(arrays[f"{name}_weights"], dtype=np.float32)
        return ExactLayer(weights, arrays[f"{name}_bias"], arrays[f"{name}_shift"], maximum)

    try:
        return EntropyModel(
            tables=ScaleTables(arrays["frequencies"], arrays["half_widths"]),
            side_index=arrays["side_index"],
            magnitude_codes=arrays["magnitude_codes"],
            hyper=ExactHyper((layer("hyper_0"), layer("hyper_1"))),
            contexts=tuple(
                ExactContext(
                    (
                        layer(f"context_{k}_0"),
                        layer(f"context_{k}_1"),
                        layer(f"context_{k}_2", TOP_INDEX),
                    )
                )
                for k in range(passes)
            ),
        )
    except KeyError as error:
        raise WeightsError(f"entropy.npz lacks {error}; install the package again") from error
