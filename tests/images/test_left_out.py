"""Metadata that a stream cannot hold are noted."""

import struct

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from compressor.images.loading import load_picture, open_picture
from tests.samples import saved


def text_file(*names):
    text = PngInfo()
    for name in names:
        text.add_text(name, "steps")
    return saved(Image.new("L", (8, 8)), "PNG", pnginfo=text)


def iptc_file():
    jpeg = saved(Image.new("L", (8, 8)), "JPEG")
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x08\x1c\x02\x78\0\x03abc"
    return jpeg[:2] + b"\xff\xed" + struct.pack(">H", 2 + len(block)) + block + jpeg[2:]


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (text_file("parameters"), "left out: text (parameters)"),
        (iptc_file(), "left out: IPTC"),
        (saved(Image.new("L", (8, 8)), "TIFF", tiffinfo={0x83BB: b"abcd"}), "left out: IPTC"),
        (
            saved(Image.new("L", (8, 8)), "JPEG", comment=b"c", dpi=(300, 300)),
            "left out: comment, resolution (300 dpi)",
        ),
        (saved(Image.new("L", (8, 8)), "GIF", comment=b"c"), "left out: comment"),
        (
            saved(Image.new("L", (8, 8)), "TIFF", tiffinfo={33550: (1.0, 1.0, 0.0), 0x010D: "name"}),
            "left out: TIFF tags (33550)",
        ),
        (text_file("\x1b[31mred"), "left out: text ('\\x1b[31mred')"),
        (text_file(*"abcdefg"), "left out: text (a, b, c, d, e, ...)"),
    ],
)
def test_metadata_without_a_section_are_noted(data, note):
    assert load_picture(open_picture(data)).notes == (note,)
    assert load_picture(open_picture(data), strip="all").notes == ()


@pytest.mark.parametrize("resolution", [300, (float("nan"), 1), (), "no", (72, 72)])
def test_other_resolutions_are_not_noted(resolution):
    image = Image.new("L", (8, 8))
    image.info["dpi"] = resolution
    assert load_picture(image).notes == ()
