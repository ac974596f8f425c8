"""Levels of positions."""

import numpy as np
import pytest

from compressor.spec.levels import interpolate, levels_in, network_quality, padded_levels, pixel_values
from compressor.spec.quality import TOP_LEVEL

MAP = np.arange(12, dtype=np.int32).reshape(3, 4)


def test_networks_read_qualities_from_minus_one_to_one():
    levels = np.array([[0, TOP_LEVEL // 2, TOP_LEVEL]])
    assert network_quality(levels).tolist() == [[-1, 0, 1]]
    assert network_quality(TOP_LEVEL).shape == ()


def test_one_level_is_that_of_every_part():
    assert levels_in(7, np.s_[1:, :2]) == 7
    assert padded_levels(7, 2, 3) == 7


def test_parts_and_margins_of_a_map():
    assert levels_in(MAP, np.s_[1:, :2]).tolist() == [[4, 5], [8, 9]]
    padded = padded_levels(MAP, 1, 2)
    assert padded.shape == (4, 6)
    assert padded[-1].tolist() == [8, 9, 10, 11, 11, 11]


@pytest.mark.parametrize("factor", [1, 2, 4, 16])
def test_interpolation_is_linear_between_centres(factor):
    fine = interpolate(MAP, factor, (3 * factor, 4 * factor)) / (4 * factor**2)
    rows, columns = ((np.arange(n * factor) + 0.5) / factor - 0.5 for n in (3, 4))
    expected = 4 * np.clip(rows, 0, 2)[:, None] + np.clip(columns, 0, 3)
    np.testing.assert_allclose(fine, expected, atol=1e-12)


def test_values_of_pixels():
    assert pixel_values(np.array(3, np.float32), 16) == 3
    pixels = pixel_values(MAP.astype(np.float32), 16)
    assert (pixels.shape, pixels.dtype) == ((48, 64, 1), np.float32)
    assert pixels[0, 0, 0] == 0
    assert pixels[-1, -1, 0] == 11
