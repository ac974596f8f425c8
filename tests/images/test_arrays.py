"""Pixels are rounded and clipped; pictures become arrays and arrays pictures."""

import numpy as np
import pytest
from PIL import Image

from compressor.images.arrays import colour_array, colour_image, to_uint8
from tests.samples import noise


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_levels_are_rounded_and_clipped(dtype):
    levels = np.array([-300, -0.3, 0, 0.49, 0.51, 255, 280, np.inf, -np.inf, np.nan], dtype)
    rounded = to_uint8(levels)
    assert rounded.tolist() == [0, 0, 0, 0, 1, 255, 255, 255, 0, 0]
    assert rounded.dtype == np.uint8


def test_the_given_levels_are_not_changed():
    levels = np.array([-1.5, 0.7, 300])
    to_uint8(levels)
    assert levels.tolist() == [-1.5, 0.7, 300]


def test_halves_are_rounded_to_even():
    assert to_uint8(np.array([0.5, 1.5, 2.5])).tolist() == [0, 2, 2]


def test_every_level_stays_the_same_around_an_offset():
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_uint8(levels.astype(np.float32) - 128 + 128), levels)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_colours_of_a_picture(mode):
    pixels = noise(6, 5, 4)
    colours = colour_array(Image.fromarray(pixels).convert(mode))
    assert (colours.shape, colours.dtype) == ((6, 5, 3), np.uint8)
    if mode.startswith("RGB"):
        assert np.array_equal(colours, pixels[:, :, :3])
    else:
        assert np.array_equal(colours[:, :, 0], colours[:, :, 1])
        assert np.array_equal(colours[:, :, 0], colours[:, :, 2])


def test_a_picture_of_colours():
    pixels = noise(6, 5, 3)
    image = colour_image(pixels, gray=False)
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), pixels)


def test_gray_is_the_rounded_mean_of_the_channels():
    pixels = noise(40, 50, 3)
    image = colour_image(pixels, gray=True)
    assert image.mode == "L"
    assert np.array_equal(np.asarray(image), np.rint(pixels.astype(np.float64).mean(axis=2)))
