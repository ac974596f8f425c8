"""The stored section: tiles, areas and damage."""

import numpy as np
import pytest

from compressor.coding import stored_section
from compressor.coding.area import Area
from compressor.coding.stored_section import encode_stored, read_stored
from compressor.errors import CorruptStreamError, StreamError
from compressor.images.lossless import encode_lossless
from tests.samples import noise

HEIGHT, WIDTH = 40, 2090


@pytest.fixture(scope="module")
def stored():
    """A picture of two tiles, a mask of its pixels, and the payload."""
    image, mask = noise(HEIGHT, WIDTH, 3), noise(HEIGHT, WIDTH) > 100
    return image, mask, encode_stored(image, mask)


@pytest.mark.parametrize(
    "area", [Area(0, 0, HEIGHT, WIDTH), Area(3, 2040, 30, 2060), Area(0, 5, 7, 6), Area(39, 2089, 40, 2090)]
)
def test_an_area_is_read(stored, area):
    image, mask, payload = stored
    colours, found = read_stored(payload, HEIGHT, WIDTH, area)
    np.testing.assert_array_equal(found, mask[area.slices])
    np.testing.assert_array_equal(colours[found], image[area.slices][found])


def test_a_tile_without_stored_pixels_is_empty():
    image, mask = noise(HEIGHT, WIDTH, 3), np.zeros((HEIGHT, WIDTH), bool)
    mask[5, 2080] = True
    payload = encode_stored(image, mask)
    assert payload[0] == 0
    assert len(payload) < 100


def test_only_tiles_of_the_area_are_read(stored):
    image, mask, payload = stored
    damaged = payload[:-50]
    read_stored(damaged, HEIGHT, WIDTH, Area(0, 0, 10, 10))
    with pytest.raises(CorruptStreamError):
        read_stored(damaged, HEIGHT, WIDTH, Area(0, 2060, 10, 2070))


@pytest.mark.parametrize("num_colours", [None, 31])
def test_payloads_are_verified(stored, num_colours, monkeypatch):
    image, mask, _ = stored
    encode_stored(image, mask, num_colours=num_colours, verify=True)

    def encode_wrongly(image_uint8, mask):
        return encode_lossless(image_uint8 ^ np.uint8(1), mask)

    monkeypatch.setattr(stored_section, "encode_lossless", encode_wrongly)
    encode_stored(image, mask, num_colours=num_colours)
    with pytest.raises(CorruptStreamError, match="does not give back"):
        encode_stored(image, mask, num_colours=num_colours, verify=True)


def test_each_tile_has_its_own_colours(stored):
    image, mask, payload = stored
    fewer = encode_stored(image, mask, num_colours=31)
    assert len(fewer) < 0.5 * len(payload)
    colours, found = read_stored(fewer, HEIGHT, WIDTH, Area(0, 0, HEIGHT, WIDTH))
    np.testing.assert_array_equal(found, mask)
    assert len(np.unique(colours[:, :2048][mask[:, :2048]], axis=0)) == 31
    assert 31 < len(np.unique(colours[mask], axis=0)) <= 62


@pytest.mark.parametrize("payload", [b"\x00?", b"\x80", b"\x7f", b"\x00\x01"])
def test_damage_is_refused(payload):
    with pytest.raises(StreamError):
        read_stored(payload, HEIGHT, WIDTH, Area(0, 0, HEIGHT, WIDTH))
