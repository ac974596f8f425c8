"""The exact section: tiles, areas and damage."""

import numpy as np
import pytest

from compressor.coding.area import Area
from compressor.coding.exact_pixels import encode_exact, read_exact, verify_exact
from compressor.errors import CorruptStreamError, StreamError
from tests.samples import noise

HEIGHT, WIDTH = 40, 2090


@pytest.fixture(scope="module")
def stored():
    """A picture of two tiles, a mask of its pixels, and the payload."""
    image, mask = noise(HEIGHT, WIDTH, 3), noise(HEIGHT, WIDTH) > 100
    return image, mask, encode_exact(image, mask)


@pytest.mark.parametrize(
    "area", [Area(0, 0, HEIGHT, WIDTH), Area(3, 2040, 30, 2060), Area(0, 5, 7, 6), Area(39, 2089, 40, 2090)]
)
def test_an_area_is_read(stored, area):
    image, mask, payload = stored
    colours, found = read_exact(payload, HEIGHT, WIDTH, area)
    np.testing.assert_array_equal(found, mask[area.slices])
    np.testing.assert_array_equal(colours[found], image[area.slices][found])


def test_a_tile_without_stored_pixels_is_empty():
    image, mask = noise(HEIGHT, WIDTH, 3), np.zeros((HEIGHT, WIDTH), bool)
    mask[5, 2080] = True
    payload = encode_exact(image, mask)
    assert payload[0] == 0
    assert len(payload) < 100


def test_only_tiles_of_the_area_are_read(stored):
    image, mask, payload = stored
    damaged = payload[:-50]
    read_exact(damaged, HEIGHT, WIDTH, Area(0, 0, 10, 10))
    with pytest.raises(CorruptStreamError):
        read_exact(damaged, HEIGHT, WIDTH, Area(0, 2060, 10, 2070))


def test_a_payload_is_verified(stored):
    image, mask, payload = stored
    verify_exact(payload, image, mask)
    with pytest.raises(CorruptStreamError, match="does not give back"):
        verify_exact(encode_exact(image ^ np.uint8(1), mask), image, mask)


@pytest.mark.parametrize("payload", [b"\x00?", b"\x80", b"\x7f", b"\x00\x01"])
def test_damage_is_refused(payload):
    with pytest.raises(StreamError):
        read_exact(payload, HEIGHT, WIDTH, Area(0, 0, HEIGHT, WIDTH))
