"""Pictures at a fraction of their size from low frequencies alone: each pixel is the mean of a square."""

import numpy as np
from numpy.typing import NDArray

from compressor.models.gains import at_levels
from compressor.spec.arrays import Floats
from compressor.spec.lapped import BLOCK, COLOURS, colour_matrix, dct2, post_filter
from compressor.spec.levels import Levels

FACTORS = (2, 4, 8, 16)
# Channels are left out that change a reduced pixel by less than this, in 8-bit levels and together.
MAX_LOSS = 0.5
# Multiply-accumulates of the largest matrix product for which OpenBLAS starts no threads, with a margin.
MAX_PRODUCTS = 1 << 17


def axis_matrix(factor: int) -> Floats:
    """Return the inverse transform along one axis, reduced: (16 / factor, 3, 16), by pixel, block, frequency.

    The blocks are the one before a block, the block itself, and the one after it: post-filters across its two
    edges mix it with both.

    Args:
        factor: one of `FACTORS`.
    """
    half, edge = BLOCK // 2, post_filter()
    filtered = np.zeros((BLOCK, 3 * BLOCK))
    filtered[:half, half : half + BLOCK] = edge[half:]
    filtered[half:, half + BLOCK : half + 2 * BLOCK] = edge[:half]
    means = filtered.reshape(BLOCK // factor, factor, 3 * BLOCK).mean(axis=1)
    return (means.reshape(-1, 3, BLOCK) @ dct2(BLOCK).T).astype(np.float32)


class Reduction:
    """Converts latents to a reduced picture: the mean over squares of pixels, without the synthesis filter.

    The post-filter, the inverse DCT and the mean are linear and separable: together they are one small matrix
    for each axis. The synthesis filter also changes tone and contrast; an affine map of the colours stands in
    for that.

    Args:
        factor: one of `FACTORS`: side of the squares in pixels.
        basis: (C,) the frequencies and the colour of each channel, as an index into the last axis of
            `compressor.spec.lapped.block_basis`.
        colours: (knots, 4, 3) maps from (R, G, B, 1) to RGB, in pixels minus 128, by quality.
    """

    def __init__(self, factor: int, basis: NDArray[np.integer], colours: NDArray[np.float64]) -> None:
        self._colours = colours
        down, across, self._colour = np.unravel_index(basis, (BLOCK, BLOCK, COLOURS))
        self._down, self._across = down, across
        matrix = axis_matrix(factor)
        self.block = BLOCK // factor
        self._matrix_down = np.ascontiguousarray(matrix[:, :, : down.max() + 1])
        self._matrix_across = np.ascontiguousarray(matrix[:, :, : across.max() + 1])

    def __call__(self, coefficients: Floats, levels: Levels) -> Floats:
        """Convert coefficients (h, w, C) to pixels minus 128 (16 h / factor, 16 w / factor, 3).

        They are mirrored at the border, where the transform has no filter.
        """
        h, w, _ = coefficients.shape
        n, _, num_down = self._matrix_down.shape
        num_across = self._matrix_across.shape[2]
        padded = np.pad(coefficients, ((1, 1), (1, 1), (0, 0)), mode="edge")
        # The DCT of a mirrored block: odd frequencies change their sign.
        padded[[0, -1]] *= (1 - 2 * (self._down % 2)).astype(np.float32)
        padded[:, [0, -1]] *= (1 - 2 * (self._across % 2)).astype(np.float32)
        planes = np.zeros((h + 2, w + 2, num_across, COLOURS, num_down), np.float32)
        planes[:, :, self._across, self._colour, self._down] = padded
        # (h, w + 2, across, colour, n) -> (h, w + 2, colour, n, across)
        rows = _filtered([planes[k : k + h] for k in range(3)], self._matrix_down).transpose(0, 1, 3, 4, 2)
        # (h, w, colour, n, n)
        pixels = _filtered([rows[:, k : k + w] for k in range(3)], self._matrix_across)
        colours = at_levels(self._colours, levels).astype(np.float32)
        # One matrix for all pixels, or one for those of each position; products as small as in `_product`.
        pixels = pixels.transpose(0, 1, 3, 4, 2).reshape(h, *colours.shape[1:-2], -1, COLOURS)
        pixels = pixels @ (colour_matrix().astype(np.float32) @ colours[..., :3, :]) + colours[..., 3:, :]
        return pixels.reshape(h, w, n, n, COLOURS).transpose(0, 2, 1, 3, 4).reshape(n * h, n * w, COLOURS)


def _filtered(neighbours: list[Floats], matrix: Floats) -> Floats:
    """Apply (n, 3, F) to the last axis of three arrays of one shape (..., F), and add up: (..., n)."""
    return np.sum([_product(x, matrix[:, k].T) for k, x in enumerate(neighbours)], axis=0)


def _product(x: Floats, matrix: Floats) -> Floats:
    """Multiply the last axis of (..., F) by (F, n), in parts for which OpenBLAS starts no threads.

    Its threads spin after every product, on cores that others need.
    """
    flat = x.reshape(-1, len(matrix))
    result = np.empty((len(flat), matrix.shape[1]), np.float32)
    rows = MAX_PRODUCTS // matrix.size
    for top in range(0, len(flat), rows):
        np.matmul(flat[top : top + rows], matrix, out=result[top : top + rows])
    return result.reshape(*x.shape[:-1], -1)


def num_channels(factor: int, basis: NDArray[np.integer], magnitude: NDArray[np.float64]) -> int:
    """Return how many of the first channels a reduced picture needs; see `MAX_LOSS`.

    Args:
        factor: one of `FACTORS`.
        basis: see `Reduction`.
        magnitude: (C,) mean magnitudes of the coefficients, in 8-bit levels.
    """
    energy = np.square(axis_matrix(factor)).sum(axis=(0, 1)) / (BLOCK // factor)
    down, across, _ = np.unravel_index(basis, (BLOCK, BLOCK, COLOURS))
    each = np.square(magnitude) * energy[down] * energy[across] / COLOURS
    # The loss if this channel and all later ones are left out.
    losses = np.sqrt(np.cumsum(each[::-1])[::-1])
    return int(np.count_nonzero(losses >= MAX_LOSS))
