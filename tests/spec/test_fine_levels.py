"""Fine levels: exact integers, and steps that shrink by as much as scale indices rise."""

import numpy as np
import pytest

from compressor.spec.constants import NUM_SCALES, SCALE_MAX, SCALE_MIN, TOP_INDEX
from compressor.spec.fine_levels import ZERO_LAG, FineLevels

LEVELS = FineLevels(356)
MAP = np.array([[0, 356, 357], [360, 395, 396]], np.int32)
INDICES = np.array([0, 1, 30, 60, TOP_INDEX], np.uint8)


def test_networks_see_levels_up_to_the_highest():
    assert LEVELS.seen(12) == 12
    assert LEVELS.seen(390) == 356
    assert LEVELS.seen(MAP).tolist() == [[0, 356, 356], [356, 356, 356]]


def test_levels_up_to_the_highest_seen_change_nothing():
    assert LEVELS.fineness(356) == 1
    magnitudes = np.arange(1000, dtype=np.int32)
    assert LEVELS.coarse_magnitudes(magnitudes, 356) is magnitudes
    assert LEVELS.raised(INDICES, 356) is INDICES


@pytest.mark.parametrize("level", [357, 358, 370, 395])
def test_the_step_shrinks_by_half_a_scale_per_level(level):
    scale_step = (SCALE_MAX / SCALE_MIN) ** (1 / (NUM_SCALES - 1))
    assert LEVELS.fineness(level) == pytest.approx(scale_step ** ((level - 356) / 2), rel=1e-4)
    assert LEVELS.raised(np.array([1], np.uint8), level) == 1 + (level - 355) // 2


def test_reciprocals_are_those_of_the_format():
    # 2**16 / fineness is whole.
    reciprocals = [round(65536 / float(LEVELS.fineness(level))) for level in range(356, 397)]
    assert reciprocals[:5] == [65536, 61668, 58028, 54603, 51380]
    assert reciprocals[40] == 5750
    assert sum(reciprocals) == 1018681


def test_magnitudes_are_divided_and_rounded():
    magnitudes = np.arange(1000, dtype=np.int32)
    for level in (357, 380, 396):
        coarse = LEVELS.coarse_magnitudes(magnitudes, level)
        assert np.abs(coarse - magnitudes / LEVELS.fineness(level)).max() <= 0.51
        assert coarse.dtype == np.int32
    # The largest symbols that a damaged stream may hold.
    largest = np.array([2**20 + 1000], np.int32)
    assert LEVELS.coarse_magnitudes(largest, 357) == 987629
    assert LEVELS.coarse_magnitudes(largest, 396) == 92088


def test_indices_are_raised_up_to_the_top_and_zero_by_less():
    # Indices rise by 1, 4 and 10.
    for level, raised in ((357, [0, 2, 31, 61, 63]), (363, [0, 5, 34, 63, 63]), (376, [6, 11, 40, 63, 63])):
        found = LEVELS.raised(INDICES, level)
        assert found.dtype == np.uint8
        assert found.tolist() == raised
    assert ZERO_LAG == 4
    assert FineLevels(0).raised(INDICES, 396).tolist() == [63] * 5


def test_each_position_has_its_level():
    magnitudes, indices = np.full((2, 3, 4), 100, np.int32), np.full((2, 3, 4), 7, np.uint8)
    coarse, raised = LEVELS.coarse_magnitudes(magnitudes, MAP), LEVELS.raised(indices, MAP)
    assert coarse.shape == raised.shape == magnitudes.shape
    for where in np.ndindex(MAP.shape):
        level = int(MAP[where])
        assert (coarse[where] == LEVELS.coarse_magnitudes(magnitudes[where], level)).all()
        assert (raised[where] == LEVELS.raised(indices[where], level)).all()
        assert LEVELS.fineness(MAP)[where] == LEVELS.fineness(level)
