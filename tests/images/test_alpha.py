"""The alpha channel and its bytes."""

import pytest
from PIL import Image

from compressor.errors import CorruptStreamError
from compressor.images.alpha import clear_hidden, decode_alpha, encode_alpha, verify_alpha
from compressor.images.loading import load_picture
from tests.samples import noise, saved


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


@pytest.mark.parametrize("image", [Image.new("L", (4, 5)), Image.new("RGB", (5, 4)), Image.new("P", (5, 4))])
def test_alpha_of_another_size_or_mode_is_corrupt(image):
    with pytest.raises(CorruptStreamError, match="expected L 5x4"):
        decode_alpha(saved(image, "PNG"), 5, 4)


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


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_pictures_without_alpha_hide_nothing(mode):
    image = Image.new(mode, (3, 1))
    assert clear_hidden(image) is image


def test_a_payload_is_verified():
    image = Image.fromarray(noise(6, 5, 4))
    verify_alpha(encode_alpha(image), image)
    with pytest.raises(CorruptStreamError, match="does not reproduce the alpha channel"):
        verify_alpha(b"\x07", image)
