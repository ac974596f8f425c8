"""Tiles of a payload, with a decoder that only unpacks numbers."""

import numpy as np
import pytest

from compressor.coding.area import Area
from compressor.coding.tile_reader import TileReader


@pytest.fixture
def reading():
    """A grid of numbers (9, 14, 2), its area, a reader of it in tiles of 4, and the tiles decoded so far."""
    grid = Area(0, 0, 9, 14)
    numbers = np.arange(9 * 14 * 2, dtype=np.float32).reshape(9, 14, 2)
    decoded = []

    def decode(tile):
        decoded.append(tile)
        return tile, numbers[tile.slices]

    return numbers, grid, TileReader(map(decode, grid.cut(4)), grid, 2, 4), decoded


@pytest.mark.parametrize(
    "window", [Area(0, 0, 9, 14), Area(3, 3, 4, 4), Area(3, 3, 5, 5), Area(8, 0, 9, 14), Area(2, 9, 7, 13)]
)
def test_any_window(reading, window):
    numbers, _, reader, _ = reading
    np.testing.assert_array_equal(reader.window(window), numbers[window.slices])


def test_no_tile_is_decoded_before_it_is_needed(reading):
    _, grid, reader, decoded = reading
    reader.window(Area(5, 1, 7, 6))
    assert decoded == list(grid.cut(4))[:6]


def test_windows_from_the_top_decode_each_tile_once_and_forget_those_above(reading):
    numbers, grid, reader, decoded = reading
    kept = []
    for part in grid.cut(3):
        window = part.widened(1, grid)
        np.testing.assert_array_equal(reader.window(window), numbers[window.slices])
        kept.append(len(reader._decoded))
    assert len(decoded) == 12
    assert max(kept) < 12
    assert kept[-1] == 8  # the rows of tiles that the last row of windows touches
