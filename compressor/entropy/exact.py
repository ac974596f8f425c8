"""Convolutional networks in fixed point: the same integers on every machine, thread count and BLAS.

All values are integers held in float32. Every weight matrix was chosen so that, for any input in
range, the sum of the magnitudes of a row's products and its bias stays below 2**24. So every partial
sum is exact in any order of summation, and so is scaling by a power of two.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compressor.spec.levels import Levels
from compressor.spec.quality import LEVELS_PER_KNOT

Integers = NDArray[np.float32]
# float32 holds every integer below this exactly.
EXACT_LIMIT = 1 << 24


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
    """A matrix product, a bias per quality, and a shift.

    Attributes:
        weights: (inputs, outputs) integers in float32.
        bias: (knots, outputs) int32, linear in the quality level between knots; rounding included.
        shift: (outputs,) int32: how many bits the sum is shifted down.
        maximum: outputs are clipped to 0..maximum.
    """

    weights: Integers
    bias: NDArray[np.int32]
    shift: NDArray[np.int32]
    maximum: int

    def __call__(self, inputs: Integers, levels: Levels) -> Integers:
        """(positions, inputs) integers, one level or one for each -> (positions, outputs), 0..maximum."""
        sums = inputs @ self.weights
        sums += knots_at(self.bias, levels).reshape(-1, sums.shape[1]).astype(np.float32)
        # Exact powers of two, which np.exp2 does not guarantee.
        sums *= np.ldexp(np.float32(1), -self.shift)
        np.floor(sums, out=sums)
        return np.clip(sums, 0, self.maximum, out=sums)

    def of_some(self, inputs: NDArray[np.intp]) -> "ExactLayer":
        """Return the layer for the inputs with these indices; all others must be zero."""
        return replace(self, weights=self.weights[inputs])


def patches(padded: Integers, kernel: int, stride: int, row: int = 0, column: int = 0) -> Integers:
    """Neighbourhoods as rows of a matrix.

    Args:
        padded: (h + kernel - 1, w + kernel - 1, C), zero-padded on all sides; h, w divisible by `stride`.
        row, column: offset of the first centre.

    Returns:
        (h / stride * w / stride, kernel * kernel * C).
    """
    height, width = (n - kernel + 1 for n in padded.shape[:2])
    rows, columns, channels = height // stride, width // stride, padded.shape[2]
    out = np.empty((rows, columns, kernel, kernel, channels), np.float32)
    for i in range(kernel):
        for j in range(kernel):
            out[:, :, i, j] = padded[
                row + i : row + i + height : stride, column + j : column + j + width : stride
            ][:rows, :columns]
    return out.reshape(rows * columns, kernel * kernel * channels)


class Neighbours(NamedTuple):
    """Neighbourhoods of positions, without inputs that are zero at all of them.

    Attributes:
        values: (positions, n).
        inputs: (n,), which of the kernel * kernel * C inputs these are.
    """

    values: Integers
    inputs: NDArray[np.intp]


def nonzero_patches(padded: Integers, kernel: int, stride: int, row: int, column: int) -> Neighbours:
    """Return `patches` without the channels that are zero everywhere."""
    channels = np.flatnonzero(padded.any(axis=(0, 1)))
    inputs = padded.shape[2] * np.arange(kernel**2)[:, None] + channels
    return Neighbours(patches(padded[:, :, channels], kernel, stride, row, column), inputs.ravel())


def pad(x: Integers, kernel: int) -> Integers:
    """Zero-pad height and width so that a 'valid' convolution keeps the size."""
    p = kernel // 2
    return np.pad(x, ((p, p), (p, p), (0, 0)))


def depth_to_space(x: Integers) -> Integers:
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

    def __call__(self, side: Integers, levels: Levels) -> Integers:
        """(h/4, w/4, S) integers, one level or (h/4, w/4) -> (h, w, F) integers 0..255."""
        x = side
        for layer in self.layers:
            h, w, _ = x.shape
            x = depth_to_space(layer(patches(pad(x, 3), 3, 1), levels).reshape(h, w, -1))
        return x


@dataclass(frozen=True)
class ExactContext:
    """Neighbourhood of magnitude codes and hyper features -> scale indices."""

    layers: tuple[ExactLayer, ExactLayer, ExactLayer]

    def __call__(
        self, features: Integers, neighbours: Neighbours | None, levels: Levels
    ) -> NDArray[np.uint8]:
        """(positions, F), neighbours or None, one level or one for each position -> (positions, channels)."""
        (first, *others), x = self.layers, features
        if neighbours is not None:
            num_inputs = len(first.weights)
            own = np.arange(num_inputs - features.shape[1], num_inputs)
            first = first.of_some(np.concatenate([neighbours.inputs, own]))
            x = np.concatenate([neighbours.values, features], axis=1)
        for layer in (first, *others):
            x = layer(x, levels)
        return x.astype(np.uint8)
