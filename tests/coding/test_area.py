"""Rectangles, against plain NumPy indexing."""

import numpy as np
import pytest

from compressor.coding.area import Area


@pytest.mark.parametrize("area", [Area(0, 0, 7, 5), Area(3, 2, 4, 9), Area(5, 5, 6, 6)])
def test_cut_covers_once_in_raster_order(area):
    covered = np.zeros((12, 12), int)
    parts = list(area.cut(3))
    for part in parts:
        assert 1 <= part.height <= 3
        assert 1 <= part.width <= 3
        covered[part.slices] += 1
    expected = np.zeros_like(covered)
    expected[area.slices] = 1
    np.testing.assert_array_equal(covered, expected)
    corners = [(part.top, part.left) for part in parts]
    assert corners == sorted(corners)


def test_widened_stays_inside():
    bounds = Area(0, 0, 10, 20)
    assert Area(1, 4, 9, 6).widened(3, bounds) == Area(0, 1, 10, 9)
    assert Area(0, 0, 10, 20).widened(3, bounds) == bounds


def test_within_points_at_the_same_values():
    grid = np.arange(200).reshape(10, 20)
    whole, part = Area(2, 3, 9, 15), Area(4, 5, 6, 15)
    np.testing.assert_array_equal(grid[whole.slices][part.within(whole).slices], grid[part.slices])
    assert part.common(Area(5, 0, 10, 8)) == Area(5, 5, 6, 8)


def test_scaled_and_covering():
    assert Area(1, 2, 3, 4).scaled(16) == Area(16, 32, 48, 64)
    assert Area(16, 32, 48, 64).covering(16) == Area(1, 2, 3, 4)
    assert Area(15, 33, 17, 34).covering(16) == Area(0, 2, 2, 3)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Area(4, 6, 5, 7), True),
        (Area(0, 0, 20, 20), True),
        (Area(8, 4, 9, 8), False),
        (Area(1, 4, 2, 8), False),
        (Area(2, 8, 8, 9), False),
        (Area(2, 3, 8, 4), False),
    ],
)
def test_areas_that_only_touch_do_not_meet(other, expected):
    assert Area(2, 4, 8, 8).meets(other) is expected
    assert other.meets(Area(2, 4, 8, 8)) is expected
