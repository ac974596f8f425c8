"""Fine levels: above the highest level that networks see, only the quantisation becomes finer.

Up to that level, everything is trained: gains, scales and means depend on the quality. Each level above it
divides the quantisation step by another 1.06, half a step of the grid of scales. All networks keep the inputs
that they have at their highest level.
"""

import numpy as np
from numpy.typing import NDArray

from compressor.spec.arrays import Indices, Symbols
from compressor.spec.constants import NUM_SCALES, SCALE_MAX, SCALE_MIN, TOP_INDEX
from compressor.spec.levels import Levels
from compressor.spec.quality import NUM_LEVELS

# Index 0 stands for all scales below the smallest one, so it is raised by this much less.
ZERO_LAG = 4
# Ratio of neighbouring scales; part of the format.
_SCALE_RATIO = (SCALE_MAX / SCALE_MIN) ** (1 / (NUM_SCALES - 1))
_ONE_BITS = 16
# 2**16 divided by the fineness, by the number of fine levels. None that is in use is within 0.01 of a half
# before it is rounded.
_RECIPROCALS = np.array(
    [max(1, round((1 << _ONE_BITS) * _SCALE_RATIO ** (-n / 2))) for n in range(NUM_LEVELS)], np.int64
)


class FineLevels:
    """Quantisation at levels above the highest one that networks see.

    Methods take one level or an array of them.

    Args:
        highest: the highest level that networks see, 0 to 396.

    Example:
        >>> levels = FineLevels(356)
        >>> levels.seen(360), round(float(levels.fineness(360)), 3)
        (356, 1.276)
        >>> levels.raised(np.array([30], np.uint8), 360).tolist()
        [32]
    """

    def __init__(self, highest: int) -> None:
        self._highest = highest

    def seen(self, levels: Levels) -> Levels:
        """Return the levels that networks see."""
        return min(levels, self._highest) if isinstance(levels, int) else np.minimum(levels, self._highest)

    def fineness(self, levels: Levels) -> NDArray[np.float32]:
        """Return the factor by which quantisation steps are smaller than at the highest level, at least 1."""
        return np.asarray((1 << _ONE_BITS) / _RECIPROCALS[self._num_fine(levels)], np.float32)

    def raised(self, indices: Indices, levels: Levels) -> Indices:
        """Return raised scale indices; none is higher than the top one.

        Args:
            indices: the last axis is that of channels.
            levels: one, or one for each position.
        """
        num_fine = self._num_fine(levels)
        if not np.any(num_fine):
            return indices
        shift = np.asarray((num_fine + 1) // 2)[..., None]
        shift = np.where(indices > 0, shift, np.maximum(shift - ZERO_LAG, 0))
        return np.minimum(indices + shift, TOP_INDEX).astype(np.uint8)

    def coarse_magnitudes(self, magnitudes: Symbols, levels: Levels) -> Symbols:
        """Divide magnitudes of symbols by the fineness, and round; exact, and the same everywhere.

        Args:
            magnitudes: at least 0; the last axis is that of channels.
            levels: one, or one for each position.
        """
        num_fine = self._num_fine(levels)
        if not np.any(num_fine):
            return magnitudes
        products = magnitudes * np.asarray(_RECIPROCALS[num_fine])[..., None]
        return ((products + (1 << (_ONE_BITS - 1))) >> _ONE_BITS).astype(np.int32)

    def _num_fine(self, levels: Levels) -> Levels:
        """Return how many levels are above the highest one that networks see."""
        return levels - self.seen(levels)
