"""Arrays, files, rounding and alpha: pictures come in as expected, and only typed errors come out."""

import numpy as np
import pytest
from PIL import Image

from compressor.errors import CorruptStreamError, ImageInputError, LimitError
from compressor.image_io import colour_image, decode_alpha, encode_alpha, load_picture, open_picture, to_uint8
from tests.samples import noise, saved

# Rounding


def test_float_pixels_are_rounded_and_clipped():
    images = np.array([-1, -0.001, 0, 0.49 / 255, 0.51 / 255, 1, 1.1, np.inf, -np.inf, np.nan])
    for dtype in (np.float32, np.float64):
        assert to_uint8(images.astype(dtype)).tolist() == [0, 0, 0, 0, 1, 255, 255, 255, 0, 0]


def test_halves_are_rounded_to_even():
    assert to_uint8(np.array([0.5, 1.5, 2.5]) / 255).tolist() == [0, 2, 2]


def test_every_level_survives_the_way_over_floats():
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_uint8(levels.astype(np.float32) / 255), levels)


def test_gray_is_the_rounded_mean_of_the_channels():
    pixels = noise(40, 50, 3)
    expected = np.rint(pixels.astype(np.float64).mean(axis=2))
    assert np.array_equal(np.asarray(colour_image(pixels, gray=True)), expected)


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


# Alpha


def test_alpha_survives_and_is_cheap_where_opaque():
    image = Image.fromarray(noise(9, 13, 4))
    assert decode_alpha(encode_alpha(image), 13, 9).tobytes() == image.getchannel("A").tobytes()
    opaque = encode_alpha(Image.new("RGBA", (768, 512), "red"))
    assert opaque == b"\xff"
    assert decode_alpha(opaque, 3, 2).tobytes() == b"\xff" * 6


@pytest.mark.parametrize("image", [Image.new("L", (4, 5)), Image.new("RGB", (5, 4)), Image.new("P", (5, 4))])
def test_alpha_of_another_size_or_mode_is_corrupt(image):
    with pytest.raises(CorruptStreamError, match="expected L 5x4"):
        decode_alpha(saved(image, "PNG"), 5, 4)


def test_every_truncation_of_alpha_pixels_is_corrupt():
    # Pillow does not miss the last 20 bytes, checksums and an end mark; the stream's own checksum does.
    payload = encode_alpha(Image.fromarray(noise(30, 30, 4)))
    for length in range(0, len(payload) - 20, 7):
        with pytest.raises(CorruptStreamError):
            decode_alpha(payload[:length], 30, 30)
