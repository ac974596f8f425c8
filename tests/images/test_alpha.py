"""The alpha channel and its bytes."""

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from compressor.errors import CorruptStreamError
from compressor.images.alpha import clear_hidden, decode_alpha, encode_alpha, verify_alpha
from compressor.images.loading import load_picture
from tests.samples import noise, png_chunk, saved


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_round_trip(mode):
    image = Image.fromarray(noise(9, 13, 4)).convert(mode)
    alpha = decode_alpha(encode_alpha(image), 13, 9)
    assert (alpha.mode, alpha.size) == ("L", (13, 9))
    assert alpha.tobytes() == image.getchannel("A").tobytes()


@pytest.mark.parametrize("value", [0, 7, 255])
def test_a_constant_channel_takes_one_byte(value):
    payload = encode_alpha(Image.new("RGBA", (768, 512), (1, 2, 3, value)))
    assert payload == bytes([value])
    assert decode_alpha(payload, 3, 2).tobytes() == bytes([value]) * 6


def gray_of_4_bits(width, height):
    """A PNG that Pillow opens in mode L, as it does gray of 8 bits."""
    header = struct.pack(">2I5B", width, height, 4, 0, 0, 0, 0)
    rows = zlib.compress(bytes(height * (1 + (width + 1) // 2)))
    chunks = png_chunk(b"IHDR", header), png_chunk(b"IDAT", rows), png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def two_frames(width, height):
    first, second = (Image.new("L", (width, height), value) for value in (0, 9))
    return saved(first, "PNG", save_all=True, append_images=[second])


@pytest.mark.parametrize(
    "png",
    [
        saved(Image.new("L", (4, 5)), "PNG"),
        saved(Image.new("RGB", (5, 4)), "PNG"),
        saved(Image.new("P", (5, 4)), "PNG"),
        saved(Image.new("1", (5, 4)), "PNG"),
        gray_of_4_bits(5, 4),
        two_frames(5, 4),
    ],
)
def test_other_pngs_than_gray_of_8_bits_and_this_size_are_corrupt(png):
    assert Image.open(BytesIO(png)).load()
    with pytest.raises(CorruptStreamError, match="expected one frame of 8-bit gray, 5x4"):
        decode_alpha(png, 5, 4)


def test_every_truncation_is_corrupt():
    # Pillow does not miss the last 20 bytes, checksums and an end mark; the stream's own checksum does.
    payload = encode_alpha(Image.fromarray(noise(30, 30, 4)))
    for length in (0, *range(2, len(payload) - 20, 7)):
        with pytest.raises(CorruptStreamError):
            decode_alpha(payload[:length], 30, 30)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_hidden_colours_are_cleared(mode):
    image = Image.new(mode, (3, 1), (90,) * (len(mode) - 1) + (255,))
    hidden = (90,) * (len(mode) - 1) + (0,)
    image.putpixel((1, 0), hidden)
    assert load_picture(image, keep_hidden=True).image.getpixel((1, 0)) == hidden
    cleared = load_picture(image).image
    assert cleared.getpixel((1, 0)) == (0,) * len(mode)
    assert cleared.getpixel((2, 0)) == image.getpixel((2, 0))
    assert image.getpixel((1, 0)) == hidden


def test_a_picture_that_is_hidden_everywhere_is_noted():
    image = Image.new("RGBA", (4, 4), (9, 9, 9, 0))
    assert "alpha is 0 everywhere" in load_picture(image).notes[0]
    assert load_picture(image, keep_hidden=True).notes == ()


def test_nothing_is_noted_if_hidden_pixels_are_black_already():
    file = BytesIO()
    Image.new("RGBA", (4, 4)).save(file, "PNG")
    assert load_picture(Image.open(file)).notes == ()


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pictures_without_alpha_hide_nothing(mode):
    image = Image.new(mode, (3, 1))
    assert clear_hidden(image) is image


def test_a_payload_is_verified():
    image = Image.fromarray(noise(6, 5, 4))
    verify_alpha(encode_alpha(image), image)
    with pytest.raises(CorruptStreamError, match="does not reproduce the alpha channel"):
        verify_alpha(b"\x07", image)
