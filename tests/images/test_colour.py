"""Colours that are described otherwise than by an ICC profile are noted, unless they are close to sRGB."""

import io
import struct

import pytest
from PIL import Image, TiffImagePlugin, TiffTags

from compressor.images.loading import load_picture, open_picture
from tests.samples import SRGB, png_chunk, saved


def png_with(kind, content, **options):
    """A PNG file with one more chunk before its pixels."""
    data = saved(Image.new("RGB", (8, 8)), "PNG", **options)
    return data[:33] + png_chunk(kind, content) + data[33:]


def chromaticity(*values):
    return struct.pack(">8I", *(round(value * 100000) for value in values))


SRGB_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
P3_PRIMARIES = (0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)


def avif_with(primaries, transfer):
    data = saved(Image.new("RGB", (16, 16)), "AVIF")
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


def tiff_with_text(tag):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[318], tags[319] = P3_PRIMARIES[:2], P3_PRIMARIES[2:]
    tags.tagtype[tag] = TiffTags.ASCII
    tags[tag] = "0.31"
    return saved(Image.new("RGB", (8, 8)), "TIFF", tiffinfo=tags)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: png_with(b"gAMA", struct.pack(">I", 100000)), "gamma 1"),
        (lambda: png_with(b"gAMA", struct.pack(">I", 45455)), None),
        (lambda: png_with(b"cHRM", chromaticity(*P3_PRIMARIES)), "other primaries"),
        (lambda: png_with(b"cHRM", chromaticity(*SRGB_PRIMARIES)), None),
        (lambda: png_with(b"cICP", bytes([12, 13, 0, 1])), "Display P3"),
        (lambda: png_with(b"cICP", bytes([9, 16, 0, 1])), "BT.2020 PQ"),
        (lambda: png_with(b"cICP", bytes([1, 13, 0, 1])), None),
        (lambda: png_with(b"cICP", bytes([12, 13, 0, 1]), icc_profile=SRGB), None),
        (lambda: avif_with(9, 18), "BT.2020 HLG"),
        (lambda: avif_with(1, 13), None),
        (
            lambda: saved(
                Image.new("RGB", (8, 8)), "TIFF", tiffinfo={318: P3_PRIMARIES[:2], 319: P3_PRIMARIES[2:]}
            ),
            "other primaries",
        ),
        # Tags of a wrong type.
        (lambda: tiff_with_text(318), None),
        (lambda: tiff_with_text(319), None),
    ],
)
def test_descriptions(make, found):
    notes = load_picture(open_picture(make())).notes
    assert len(notes) == (found is not None)
    assert all(f"described as {found} are" in note for note in notes)


def test_a_file_that_is_closed_already():
    frames = [Image.new("L", (4, 4), level) for level in (10, 20)]
    with io.BytesIO(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])) as file:
        image = Image.open(file)
        image.load()
    assert load_picture(image).image.size == (4, 4)


def test_a_file_of_the_methods_that_pillow_needs():
    class File:
        def __init__(self, data):
            buffer = io.BytesIO(data)
            self.read, self.seek, self.tell = buffer.read, buffer.seek, buffer.tell

    image = Image.open(File(saved(Image.new("L", (4, 4)), "PNG")))
    assert load_picture(image).image.size == (4, 4)


@pytest.mark.parametrize("value", ["2.2", b"2", None, 0, (1, 2), 10**400, [10**400]])
def test_descriptions_of_a_wrong_type(value):
    image = Image.new("RGB", (8, 8))
    image.info |= {"gamma": value, "chromaticity": value, "xmp": "\ud800"}
    assert load_picture(image).image.size == (8, 8)
