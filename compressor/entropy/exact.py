"""Convolutional networks in integers: the same values on every machine and for any number of threads.

Activations have 8 bits, 0..255, and weights 7. Every weight matrix was chosen so that, for any input in
range, the sum of the magnitudes of a row's products and its bias stays below 2**24. So float32 holds all sums
exactly. Each is multiplied once by a scale, a product that IEEE 754 rounds the same way everywhere, and then
rounded down.
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from compressor.entropy.integer_layers import IntegerLayer, integer_layers
from compressor.spec.arrays import Floats
from compressor.spec.levels import Levels
from compressor.spec.quality import LEVELS_PER_KNOT

Bytes = NDArray[np.uint8]
# What stands for 0 in side information, whose values are signed.
SIDE_ZERO = 128


def knots_at(values: NDArray[np.int32], levels: Levels) -> NDArray[np.int64]:
    """Integers (knots, C) at quality levels 0..396, interpolated in integer arithmetic.

    Returns:
        (C,), or (..., C) for an array of levels if there is more than one knot.
    """
    if len(values) == 1:
        return values[0].astype(np.int64)
    knot, part = np.divmod(np.asarray(levels), LEVELS_PER_KNOT)
    low = values[knot].astype(np.int64)
    high = values[np.minimum(knot + 1, len(values) - 1)].astype(np.int64)
    part = part[..., None]
    return (low * (LEVELS_PER_KNOT - part) + high * part) // LEVELS_PER_KNOT


@dataclass(frozen=True)
class ExactLayer:
    """A matrix product, a bias per quality, and a scale.

    Attributes:
        matrix: (inputs, outputs) int8, -63..63.
        bias: (knots, outputs) int32, linear in the quality level between knots; rounding included.
        scale: (outputs,) float32: the sums are multiplied by it and rounded down.
        maximum: outputs are clipped to 0..maximum.
    """

    matrix: NDArray[np.int8]
    bias: NDArray[np.int32]
    scale: Floats
    maximum: int

    def at(self, levels: Levels) -> IntegerLayer:
        """Return the layer with its bias for a quality level, or for one level per position."""
        bias = knots_at(self.bias, levels).reshape(-1, len(self.scale))
        return IntegerLayer(self.matrix, bias, self.scale, self.maximum)


def patches(padded: Bytes, kernel: int, stride: int, row: int, column: int, own: Bytes) -> Bytes:
    """Neighbourhoods as rows of a matrix, each followed by more values of its position.

    Args:
        padded: (h + kernel - 1, w + kernel - 1, C); h, w divisible by `stride`.
        row, column: offset of the first centre.
        own: (h / stride, w / stride, F).

    Returns:
        (h / stride * w / stride, kernel * kernel * C + F).
    """
    rows, columns, num_own = own.shape
    channels = padded.shape[2]
    num_around = kernel * kernel * channels
    out = np.empty((rows, columns, num_around + num_own), np.uint8)
    windows = sliding_window_view(padded, (kernel, kernel), (0, 1))[row::stride, column::stride]
    around = out[:, :, :num_around].reshape(rows, columns, kernel, kernel, channels)
    around[:] = windows[:rows, :columns].transpose(0, 1, 3, 4, 2)
    out[:, :, num_around:] = own
    return out.reshape(rows * columns, -1)


def depth_to_space(x: Bytes) -> Bytes:
    """(h, w, 4 C) -> (2 h, 2 w, C)."""
    h, w, depth = x.shape
    channels = depth // 4
    return x.reshape(h, w, 2, 2, channels).transpose(0, 2, 1, 3, 4).reshape(2 * h, 2 * w, channels)


@dataclass(frozen=True)
class ExactHyper:
    """Side information -> features of each latent position: two 3x3 layers, each followed by depth-to-space.

    Only the first has a bias that depends on the quality.
    """

    layers: tuple[ExactLayer, ExactLayer]

    def __call__(self, side: NDArray[np.int32], levels: Levels) -> Bytes:
        """(h/4, w/4, S) -127..127, one level or (h/4, w/4) -> (h, w, F)."""
        x, zero_point = (side + SIDE_ZERO).astype(np.uint8), SIDE_ZERO
        for layer in self.layers:
            h, w, channels = x.shape
            # Several times as fast as `np.pad`.
            padded = np.full((h + 2, w + 2, channels), zero_point, np.uint8)
            padded[1:-1, 1:-1] = x
            windows = patches(padded, 3, 1, 0, 0, x[:, :, :0])
            outputs = integer_layers(windows, [layer.at(levels)], zero_point)
            x, zero_point = depth_to_space(outputs.reshape(h, w, -1)), 0
        return x


@dataclass(frozen=True)
class ExactContext:
    """Neighbourhood of magnitude codes and hyper features -> scale indices."""

    layers: tuple[ExactLayer, ExactLayer, ExactLayer]

    def __call__(self, inputs: Bytes, levels: Levels) -> Bytes:
        """(positions, inputs), one level or one for each position -> (positions, channels)."""
        return integer_layers(inputs, [layer.at(levels) for layer in self.layers])
