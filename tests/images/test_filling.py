"""Hidden pixels continue the others."""

import numpy as np
import pytest
from PIL import Image

from compressor.images.filling import filled_colours
from tests.samples import noise


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_only_hidden_pixels_are_filled(mode):
    pixels = noise(23, 31, 4)
    pixels[..., 3] = np.where(np.hypot(*np.ogrid[-11:12, -15:16]) < 9, 0, 1)
    image = Image.fromarray(pixels).convert(mode)
    before, after, hidden = np.asarray(image.convert("RGB")), filled_colours(image), pixels[..., 3] == 0
    np.testing.assert_array_equal(after[~hidden], before[~hidden])
    # A mean of many pixels of noise varies less than they do.
    assert after[hidden].std() < before[hidden].std() / 2
    assert abs(after[hidden].mean() - before[~hidden].mean()) < 30


def test_a_ramp_continues():
    ramp = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None], 64, axis=0)
    alpha = np.full((64, 64), 255, np.uint8)
    alpha[:, 30:34] = 0
    filled = filled_colours(Image.merge("LA", [Image.fromarray(ramp), Image.fromarray(alpha)]))
    assert np.abs(filled[..., 0].astype(int) - ramp).max() <= 12


def test_hidden_colours_do_not_show():
    seen = Image.new("RGBA", (16, 16), (200, 100, 50, 255))
    for colour in ((0, 255, 0, 0), (255, 0, 255, 0)):
        image = seen.copy()
        image.paste(colour, (4, 4, 12, 12))
        assert np.abs(filled_colours(image).astype(int) - (200, 100, 50)).max() <= 5


def test_far_pixels_have_one_colour():
    pixels = noise(200, 300, 4) | 1
    pixels[:, 100:, 3] = 0
    filled = filled_colours(Image.fromarray(pixels))
    far, beside = filled[:, 150:], pixels[:, 98:100, :3]
    assert (far == far[0, 0]).all()
    assert np.abs(far[0, 0] - beside.mean(axis=(0, 1))).max() <= 1


@pytest.mark.parametrize("alpha", [0, 1])
def test_without_visible_or_without_hidden_pixels_nothing_changes(alpha):
    assert (filled_colours(Image.new("RGBA", (9, 7), (1, 2, 3, alpha))) == (1, 2, 3)).all()
