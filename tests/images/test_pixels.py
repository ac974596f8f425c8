"""Which colours are coded."""

import numpy as np
import pytest
from PIL import Image

from compressor.images.loading import load_picture
from compressor.images.pixels import Pixels
from tests.samples import noise


def with_a_hole(mode):
    image = Image.fromarray(noise(9, 12, 4) | 1).convert(mode)
    image.paste((200,) * (len(mode) - 1) + (0,), (2, 3, 6, 8))
    return image


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_hidden_pixels_are_filled_for_the_networks_and_black_without_loss(mode):
    image = with_a_hole(mode)
    pixels, hidden = Pixels.of(load_picture(image)), np.zeros((9, 12), bool)
    hidden[3:8, 2:6] = True
    np.testing.assert_array_equal(pixels.hidden, hidden)
    assert not pixels.lossless_uint8[hidden].any()
    assert (pixels.image_uint8[hidden] != 200).any()
    colours = np.asarray(image.convert("RGB"))
    for found in (pixels.image_uint8, pixels.lossless_uint8):
        np.testing.assert_array_equal(found[~hidden], colours[~hidden])


@pytest.mark.parametrize(
    ("image", "keep_hidden"),
    [(with_a_hole("RGBA"), True), (with_a_hole("RGBA").convert("RGB"), False), (noise(9, 12, 4) | 1, False)],
    ids=["kept", "without alpha", "nothing hidden"],
)
def test_other_pictures_are_coded_as_they_are(image, keep_hidden):
    pixels = Pixels.of(load_picture(image, keep_hidden=keep_hidden))
    assert pixels.hidden is None
    colours = np.asarray(image)[..., :3]
    for found in (pixels.image_uint8, pixels.lossless_uint8, pixels.with_hidden(colours)):
        np.testing.assert_array_equal(found, colours)


def test_hidden_pixels_of_other_colours_are_replaced():
    pixels = Pixels.of(load_picture(with_a_hole("RGBA")))
    found = pixels.with_hidden(255 - pixels.image_uint8)
    expected = np.where(pixels.hidden[..., None], pixels.image_uint8, 255 - pixels.image_uint8)
    np.testing.assert_array_equal(found, expected)
