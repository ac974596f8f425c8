"""Quality levels of latent positions: one for all of them, or one for each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.spec.arrays import extended
from compressor.spec.quality import TOP_LEVEL

# 0..396, for all positions or for each of h x w.
Levels = int | NDArray[np.int32]


def levels_in(levels: Levels, part: tuple[slice, slice]) -> Levels:
    """Return the levels of a part of the positions."""
    return levels if isinstance(levels, int) else levels[part]


def padded_levels(levels: Levels, rows: int, columns: int) -> Levels:
    """Repeat the levels of the last row and column for some more rows and columns."""
    return levels if isinstance(levels, int) else extended(levels, rows, columns, "edge")


def network_quality(levels: Levels) -> NDArray[np.float32]:
    """Convert levels, 0 to 396, to the quality that networks read, -1.0 to 1.0.

    Returns:
        () or (h, w), as the levels.

    Example:
        >>> float(network_quality(198))
        0.0
    """
    return np.asarray(2 * np.asarray(levels) / TOP_LEVEL - 1, np.float32)


def interpolate(values: NDArray[Any], factor: int, shape: tuple[int, int]) -> NDArray[Any]:
    """Interpolate linearly, down and across, between the centres of squares.

    Args:
        values: (rows, columns), of squares of `factor` x `factor` finer ones; integers stay integers.
        factor: at least 1.
        shape: number of finer squares, at most `factor` times that of the squares.

    Returns:
        Values at the centres of the finer squares, times 4 * factor ** 2. Beyond the outermost centres they
        are constant.
    """
    height, width = shape
    return _interpolate_rows(_interpolate_rows(values, factor, height).T, factor, width).T


def _interpolate_rows(values: NDArray[Any], factor: int, count: int) -> NDArray[Any]:
    last = len(values) - 1
    # In units of half a finer square.
    before, part = np.divmod(2 * np.arange(count, dtype=np.int32) + 1 - factor, 2 * factor)
    first, second = np.clip(before, 0, last), np.clip(before + 1, 0, last)
    part = part.astype(values.dtype)[:, None]
    result: NDArray[Any] = values[first] * (2 * factor - part) + values[second] * part
    return result


def pixel_values(values: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Interpolate values of positions for the pixels of each position.

    Args:
        values: (), or (h, w).
        factor: pixels per position, down and across.

    Returns:
        (), or (factor * h, factor * w, 1).
    """
    if values.ndim == 0:
        return values
    height, width = values.shape
    finer: NDArray[np.float32] = interpolate(values, factor, (factor * height, factor * width))
    finer *= np.float32(1 / (4 * factor**2))
    return finer[..., None]
