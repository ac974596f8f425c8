"""Pixels of a mask as lossless WebP."""

import numpy as np
import pytest

from compressor.errors import CorruptStreamError
from compressor.images.lossless import decode_lossless, encode_lossless
from tests.samples import noise


@pytest.mark.parametrize("shape", [(1, 1), (1, 70), (33, 5), (64, 64)])
def test_pixels_of_a_mask_are_kept(shape):
    image, mask = noise(*shape, 3), noise(*shape) > 128
    mask[0, 0] = True
    colours, found = decode_lossless(encode_lossless(image, mask), *shape)
    np.testing.assert_array_equal(found, mask)
    np.testing.assert_array_equal(colours[mask], image[mask])


def test_pixels_outside_the_mask_cost_little():
    image, mask = noise(64, 64, 3), np.zeros((64, 64), bool)
    mask[:4, :4] = True
    assert len(encode_lossless(image, mask)) < 200


def test_damage_is_refused():
    data = encode_lossless(noise(20, 30, 3), np.ones((20, 30), bool))
    for damaged in (b"", data[:24], data[:40], b"\0" * 60, data[:40] + bytes(len(data) - 40)):
        with pytest.raises(CorruptStreamError, match="stored section"):
            decode_lossless(damaged, 20, 30)
    for more in (data + b"XY", data + data[12:], data[:12] + b"VP8 " + data[16:]):
        with pytest.raises(CorruptStreamError, match="is not lossless WebP"):
            decode_lossless(more, 20, 30)
    with pytest.raises(CorruptStreamError, match="is 30x20, expected 20x30"):
        decode_lossless(data, 30, 20)
