"""Anticipation: latents that allow for what the synthesis filter will do to the decoded picture."""

import numpy as np

from compressor.coding.descent import AveragedTargets
from compressor.coding.rounding import round_with_dead_zone
from compressor.coding.tile_error import TileError
from compressor.spec.arrays import Floats
from compressor.spec.levels import Levels
from compressor.spec.quality import HIGHEST_SEEN_LEVEL

# Part of the way to where the error would be least.
RATE = 0.3
# Share of the saved bits that counts when such latents are rounded. It is larger than for latents that do
# not allow for the filter.
ANTICIPATED_SHARE = 0.6


def anticipated(around: Floats, levels: Levels, error: TileError, worth: Floats) -> Floats:
    """Move the latents of a tile once, against the error of a simulated decoding.

    The simulation rounds latents without their means, and takes the gradient of the error back through the
    fixed transform alone. So it takes about as long as a decoding. If there are fine levels, latents are
    not rounded: errors other than those of the coder would do more harm than good.

    Args:
        around: latents of the tile and around it from the analysis, (h, w, C), in quantisation steps.
        levels: quality levels 0..396 of these positions: one, or (h, w).
        error: error of the tile.
        worth: see `AveragedTargets`.

    Returns:
        Latents of the tile.
    """
    is_fine = np.max(levels) > HIGHEST_SEEN_LEVEL
    simulated = around if is_fine else round_with_dead_zone(around).astype(np.float32)
    _, gradient = error.with_gradient(simulated, through_filter=False)
    where = error.tile.slices
    return AveragedTargets(worth, RATE).move(around[where], simulated[where], gradient)
