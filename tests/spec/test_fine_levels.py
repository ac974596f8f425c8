"""Fine levels: exact integers, and steps that shrink by as much as scale indices rise."""

import numpy as np
import pytest

from compressor.spec.constants import NUM_SCALES, SCALE_MAX, SCALE_MIN, TOP_INDEX
from compressor.spec.fine_levels import ZERO_LAG, FineLevels, raised

LEVELS = FineLevels(356)
MAP = np.array([[0, 356, 357], [360, 395, 396]], np.int32)


def test_networks_see_levels_up_to_the_highest():
    assert LEVELS.seen(12) == 12
    assert LEVELS.seen(390) == 356
    assert LEVELS.seen(MAP).tolist() == [[0, 356, 356], [356, 356, 356]]


def test_nothing_changes_up_to_there():
    assert LEVELS.fineness(356) == 1
    assert LEVELS.index_shift(356) == 0
    magnitudes = np.arange(1000, dtype=np.int32)[:, None]
    assert LEVELS.coarse(magnitudes, 356) is magnitudes


@pytest.mark.parametrize("level", [357, 358, 370, 395])
def test_the_step_shrinks_by_half_a_scale_per_level(level):
    scale_step = (SCALE_MAX / SCALE_MIN) ** (1 / (NUM_SCALES - 1))
    assert LEVELS.fineness(level) == pytest.approx(scale_step ** ((level - 356) / 2), rel=1e-4)
    assert LEVELS.index_shift(level) == (level - 355) // 2


def test_magnitudes_are_divided_and_rounded():
    for level in (357, 380, 396):
        magnitudes = np.arange(1000, dtype=np.int32)
        coarse = LEVELS.coarse(magnitudes[None], level)[0]
        assert np.abs(coarse - magnitudes / LEVELS.fineness(level)).max() <= 0.51
        assert coarse.dtype == np.int32


def test_each_position_has_its_level():
    magnitudes = np.full((2, 3, 4), 100, np.int32)
    coarse = LEVELS.coarse(magnitudes, MAP)
    assert coarse.shape == magnitudes.shape
    for where in np.ndindex(MAP.shape):
        level = int(MAP[where])
        assert (coarse[where] == LEVELS.coarse(magnitudes[0, 0], level)).all()
        assert LEVELS.fineness(MAP)[where] == LEVELS.fineness(level)
        assert LEVELS.index_shift(MAP)[where] == LEVELS.index_shift(level)


def test_indices_are_raised_up_to_the_top_and_zero_by_less():
    indices = np.array([[0, 1, 30, 60, TOP_INDEX]], np.uint8)
    shifts = np.array([[0], [ZERO_LAG], [10]], np.uint8)
    found = raised(indices, shifts)
    assert found.dtype == np.uint8
    assert found.tolist() == [
        [0, 1, 30, 60, TOP_INDEX],
        [0, 1 + ZERO_LAG, 30 + ZERO_LAG, TOP_INDEX, TOP_INDEX],
        [10 - ZERO_LAG, 11, 40, TOP_INDEX, TOP_INDEX],
    ]
    assert raised(indices, shifts[:1]) is indices
