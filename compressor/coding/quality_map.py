"""Quality maps: regions of a picture that are coded at a lower quality than the rest."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from compressor.coding.area import Area
from compressor.errors import CorruptStreamError
from compressor.spec.arrays import extended
from compressor.spec.file_format import MAP_REGION
from compressor.spec.levels import Levels, interpolate

# For each region, the number of levels by which it is lowered.
Lowering = NDArray[np.uint8]
# Black in a mask lowers the quality by 40, which is this many levels.
MAX_LOWERING = 160


def lowering_of_mask(mask_uint8: NDArray[np.uint8]) -> Lowering:
    """Convert a mask to the lowering of each region.

    Args:
        mask_uint8: (H, W), 255 for pixels that keep their quality, 0 for those that are lowered by
            `MAX_LOWERING`.

    Returns:
        (rows, columns), 0..MAX_LOWERING. A region is lowered no more than the best pixel of the region and
        of its neighbours, because levels are interpolated between the centres of regions.
    """
    height, width = mask_uint8.shape
    shape = _num_regions(height, width)
    padded = extended(mask_uint8, -height % MAP_REGION, -width % MAP_REGION, "constant")
    best = padded.reshape(shape[0], MAP_REGION, shape[1], MAP_REGION).max(axis=(1, 3))
    around = np.pad(best, 1)
    near = [around[i : i + shape[0], j : j + shape[1]] for i in range(3) for j in range(3)]
    return np.rint((255.0 - np.max(near, axis=0)) * (MAX_LOWERING / 255)).astype(np.uint8)


def pack_map(lowering: Lowering) -> bytes:
    """Return the payload of the section."""
    return zlib.compress(lowering.tobytes(), 9)


def read_map(payload: bytes, height: int, width: int) -> Lowering:
    """Read the payload of the section.

    Args:
        payload: from `pack_map`.
        height: height of the picture, in pixels.
        width: width of the picture, in pixels.

    Returns:
        (rows, columns), 0..255.

    Raises:
        CorruptStreamError: if the payload is not that of a picture of this size.
    """
    rows, columns = _num_regions(height, width)
    decoder = zlib.decompressobj()
    try:
        # One byte more than there may be: a small payload cannot claim much memory.
        data = decoder.decompress(payload, rows * columns + 1)
    except zlib.error as error:
        raise CorruptStreamError("the quality map is damaged: get the file again") from error
    if len(data) != rows * columns or not decoder.eof or decoder.unused_data:
        raise CorruptStreamError(
            f"the quality map has {len(data)} regions, expected {rows}x{columns}: get the file again"
        )
    return np.frombuffer(data, np.uint8).reshape(rows, columns)


def levels_of(level: int, lowering: Lowering | None, height: int, width: int, block: int) -> Levels:
    """Return the quality level of each latent position of a picture; one for all without a map.

    Between the centres of regions, levels are interpolated linearly down and across, in integers.

    Args:
        level: quality level 0..396 of regions that are not lowered.
        lowering: lowering of each region, or None.
        height: height of the picture, in pixels.
        width: width of the picture, in pixels.
        block: pixels per latent position, down and across.
    """
    if lowering is None:
        return level
    factor, grid = MAP_REGION // block, Area(0, 0, height, width).covering(block)
    lowered = interpolate(lowering.astype(np.int32), factor, (grid.height, grid.width)) // (4 * factor**2)
    return np.maximum(level - lowered, 0)


def _num_regions(height: int, width: int) -> tuple[int, int]:
    return -(-height // MAP_REGION), -(-width // MAP_REGION)
