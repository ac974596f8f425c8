"""Boosts of scale indices, for regions whose content the scale networks did not expect.

Where a scale index is 0, no symbol is coded. On photographs that drops only noise, but on stripes, pixel art
or text it can drop what the picture consists of. A boost raises all scale indices of a region, so that
everything in it can be coded.
"""

import numpy as np
from numpy.typing import NDArray

from compressor.entropy.tables import ScaleTables
from compressor.spec.arrays import Floats, Indices, Symbols
from compressor.spec.constants import BOOST_INDEX, BOOST_MAX, BOOST_REGION, BOOST_STEP, TOP_INDEX

# A region is examined if boosting could save at least this many bits' worth of error: photographs have none.
LEAST_GAIN_BITS = 48


def num_regions(positions: int) -> int:
    """Return the number of regions along a side of a tile, of a number of latent positions."""
    return -(-positions // BOOST_REGION)


def boost_indices(height: int, width: int) -> Indices:
    """Return the scale indices with which the boosts of a tile of height x width positions are coded."""
    return np.full((num_regions(height), num_regions(width)), BOOST_INDEX, np.uint8)


def lifts(boosts: Symbols, height: int, width: int, padded: tuple[int, int]) -> NDArray[np.uint8] | None:
    """Return by how much each position's scale indices rise, (rows, columns, 1); None if none does.

    Args:
        boosts: (regions down, regions across), as decoded; damaged streams may hold any integers.
        height, width: size of the tile in positions; beyond it nothing is coded.
        padded: rows and columns of the result.
    """
    steps = BOOST_STEP * np.clip(boosts, 0, BOOST_MAX)
    if not steps.any():
        return None
    spread = np.zeros((*padded, 1), np.uint8)
    everywhere = steps.repeat(BOOST_REGION, axis=0).repeat(BOOST_REGION, axis=1)
    spread[:height, :width, 0] = everywhere[:height, :width]
    return spread


def boosted(indices: Indices, lift: NDArray[np.uint8] | int) -> Indices:
    """Return raised scale indices, at most `TOP_INDEX`."""
    return np.minimum(indices + np.uint8(lift), TOP_INDEX).astype(np.uint8)


def choose_boosts(tables: ScaleTables, residuals: Floats, indices: Indices, worth: Floats) -> Symbols:
    """Choose the boost of each region that minimises bits plus the worth of errors.

    Args:
        tables: symbol frequencies.
        residuals: (h, w, C) latents minus those decoded without boosts, in quantisation steps. Symbols
            that are coded without a boost therefore count as zero for every boost.
        indices: (h, w, C) scale indices without boosts.
        worth: bits that a squared step of error is worth, (C,) or (h, w, C).

    Returns:
        (regions down, regions across), 0..BOOST_MAX.
    """
    height, width, _ = residuals.shape
    boosts = np.zeros((num_regions(height), num_regions(width)), np.int32)
    worth = np.broadcast_to(worth, residuals.shape)
    magnitudes = np.abs(residuals)
    # Latents that a boost could code; photographs have few.
    dropped = np.nonzero((magnitudes > 0.5) & (indices == 0))
    regions = dropped[0] // BOOST_REGION * boosts.shape[1] + dropped[1] // BOOST_REGION
    gains = np.bincount(regions, np.square(magnitudes[dropped] - 0.5) * worth[dropped], boosts.size)
    for row, column in np.argwhere(gains.reshape(boosts.shape) > LEAST_GAIN_BITS):
        part = np.s_[
            row * BOOST_REGION : (row + 1) * BOOST_REGION, column * BOOST_REGION : (column + 1) * BOOST_REGION
        ]
        costs = [
            _cost(tables, residuals[part], indices[part], boost, worth[part])
            for boost in range(BOOST_MAX + 1)
        ]
        boosts[row, column] = np.argmin(costs)
    return boosts


def _cost(tables: ScaleTables, residuals: Floats, indices: Indices, boost: int, worth: Floats) -> float:
    """Return the bits and the worth of errors of a region with a boost."""
    raised = boosted(indices, BOOST_STEP * boost)
    symbols = np.where(raised > 0, np.rint(residuals), 0)
    bits = tables.cost(symbols.astype(np.int32), raised)
    return bits + float((np.square(residuals - symbols) * worth).sum())
