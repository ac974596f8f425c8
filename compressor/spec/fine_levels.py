"""Fine levels: above the highest level that networks see, only the quantisation becomes finer.

Up to that level, everything is trained: gains, scales and means depend on the quality. Each level above it
divides the quantisation step once more, by half a step of the grid of scales. All networks keep the inputs
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
_ONE_BITS = 16
# 2**16 divided by the fineness, by the number of fine levels. Before rounding, none is close to a half.
_RECIPROCALS = np.array(
    [
        round((1 << _ONE_BITS) * (SCALE_MIN / SCALE_MAX) ** (n / (2 * (NUM_SCALES - 1))))
        for n in range(NUM_LEVELS)
    ]
)


class FineLevels:
    """What becomes of levels above the highest one that networks see.

    Methods take one level or an array of them.

    Args:
        highest: the highest level that networks see, 0 to 396.

    Example:
        >>> levels = FineLevels(356)
        >>> levels.seen(360), int(levels.index_shift(360)), round(float(levels.fineness(360)), 3)
        (356, 2, 1.276)
    """

    def __init__(self, highest: int) -> None:
        self._highest = highest

    def seen(self, levels: Levels) -> Levels:
        """Return the levels that networks see."""
        return min(levels, self._highest) if isinstance(levels, int) else np.minimum(levels, self._highest)

    def fineness(self, levels: Levels) -> NDArray[np.float32]:
        """Return by how much quantisation steps are smaller than those at the highest level, at least 1."""
        return np.asarray((1 << _ONE_BITS) / _RECIPROCALS[self._number(levels)], np.float32)

    def index_shift(self, levels: Levels) -> NDArray[np.uint8]:
        """Return by how much scale indices above 0 are raised."""
        return np.asarray((self._number(levels) + 1) // 2, np.uint8)

    def coarse(self, magnitudes: Symbols, levels: Levels) -> Symbols:
        """Divide magnitudes of symbols by the fineness, and round; exact, and the same everywhere.

        Args:
            magnitudes: at least 0; the last axis is that of channels.
            levels: one, or one for each position.
        """
        number = self._number(levels)
        if not np.any(number):
            return magnitudes
        reciprocals = _RECIPROCALS[number]
        products = magnitudes.astype(np.int64) * np.asarray(reciprocals)[..., None]
        return ((products + (1 << (_ONE_BITS - 1))) >> _ONE_BITS).astype(np.int32)

    def _number(self, levels: Levels) -> Levels:
        """Return how many levels are above the highest one that networks see."""
        return levels - self.seen(levels)


def raised(indices: Indices, shift: NDArray[np.uint8]) -> Indices:
    """Raise scale indices, at most to the top one.

    Args:
        indices: of any shape.
        shift: see `FineLevels.index_shift`; broadcast against the indices.
    """
    if not shift.any():
        return indices
    of_zero = np.maximum(shift, ZERO_LAG) - np.uint8(ZERO_LAG)
    return np.minimum(indices + np.where(indices > 0, shift, of_zero), np.uint8(TOP_INDEX))
