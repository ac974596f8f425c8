"""Arrays and files come in as expected, and only typed errors come out."""

import numpy as np
import pytest
from PIL import Image

from compressor.errors import ImageInputError, LimitError
from compressor.images.loading import load_picture, open_picture
from tests.samples import noise, saved

# Arrays


@pytest.mark.parametrize(
    ("shape", "mode"),
    [
        ((5, 7), "L"),
        ((5, 7, 1), "L"),
        ((5, 7, 2), "LA"),
        ((5, 7, 3), "RGB"),
        ((5, 7, 4), "RGBA"),
        ((1, 1), "L"),
    ],
)
def test_arrays(shape, mode):
    pixels = noise(*shape)
    image = load_picture(pixels).image
    assert image.mode == mode
    assert np.array_equal(np.asarray(image), pixels.squeeze(2) if shape[2:] == (1,) else pixels)


def test_arrays_need_not_be_contiguous():
    pixels = noise(8, 9, 4)[::2, ::-3, :3]
    assert np.array_equal(np.asarray(load_picture(pixels).image), pixels)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 3)), "float64, expected uint8"),
        (np.zeros((4, 4, 5), np.uint8), "shape"),
        (np.zeros(4, np.uint8), "shape"),
        (np.zeros((0, 4, 3), np.uint8), "at least 1x1"),
        ("photo.png", "received str"),
        (None, "NoneType"),
    ],
)
def test_other_arrays_are_refused(array, message):
    with pytest.raises(ImageInputError, match=message):
        load_picture(array)


# Files


@pytest.mark.parametrize("data", [b"", b"some text", b"\x89PNG\r\n\x1a\n" + bytes(40)])
def test_files_that_are_no_pictures(data):
    with pytest.raises(ImageInputError):
        open_picture(data)


def test_a_png_with_a_wrong_checksum():
    data = bytearray(saved(Image.fromarray(noise(30, 40, 3)), "PNG", compress_level=0))
    data[500] ^= 1
    with pytest.raises(ImageInputError, match="a checksum of its pixels is wrong"):
        open_picture(bytes(data))


def test_truncated_files():
    data = saved(Image.fromarray(noise(40, 40, 3)), "PNG")
    with pytest.raises(ImageInputError):
        load_picture(open_picture(data[:2000]))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("max_pixels", [1, 50, 99])
def test_limit_of_pixels_for_files(max_pixels):
    data = saved(Image.new("L", (10, 10)), "PNG")
    limit_of_pillow = Image.MAX_IMAGE_PIXELS
    with pytest.raises(LimitError):
        open_picture(data, max_pixels=max_pixels)
    assert limit_of_pillow == Image.MAX_IMAGE_PIXELS
    assert open_picture(data, max_pixels=100).size == (10, 10)
