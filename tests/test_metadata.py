"""ICC, EXIF and XMP are kept or stripped, and the orientation is baked in."""

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from compressor.errors import OptionError
from compressor.image_io import load_picture, open_picture
from compressor.metadata import Metadata, orientation_of, reset_orientation
from tests.samples import SRGB, XMP, exif_with_orientation, noise, saved


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_baked_in_as_pillow_does(orientation, endian):
    from PIL import ImageOps

    exif = exif_with_orientation(orientation, endian)
    image = open_picture(saved(Image.fromarray(noise(5, 8, 3)), "PNG", exif=exif))
    picture = load_picture(image)
    assert np.array_equal(np.asarray(picture.image), np.asarray(ImageOps.exif_transpose(image)))
    reread = Image.Exif()
    reread.load(picture.metadata.exif)
    assert reread[0x0112] == 1
    assert reread[0x010F] == "Maker"
    assert len(picture.metadata.exif) == len(exif) - len(b"Exif\x00\x00")


def test_orientation_in_xmp_counts_where_exif_has_none():
    image = Image.fromarray(noise(5, 8))
    image.info["xmp"] = XMP
    picture = load_picture(image)
    assert picture.image.size == (5, 8)
    assert picture.metadata.xmp == XMP.replace(b'"6"', b'"1"')


@pytest.mark.parametrize(
    "exif", [b"", b"II", b"II*\x00\xff\xff\xff\xff", b"MM\x00*\x00\x00\x00\x08\xff\xff\x01\x12"]
)
def test_damaged_exif_is_carried_as_it_is(exif):
    metadata = Metadata(exif=exif)
    assert orientation_of(metadata) == 1
    assert reset_orientation(metadata).exif == exif


def test_exif_of_an_impossible_orientation_is_upright():
    assert orientation_of(Metadata(exif=exif_with_orientation(9)[6:])) == 1


def test_tiff_tags_that_describe_the_picture_become_exif():
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769)[0x829A] = 0.5
    # EXIF has the structure of a TIFF file: with one pixel at its end, where Pillow puts strips, it is one.
    for tag, value in {0x0100: 1, 0x0101: 1, 0x0102: 8, 0x0103: 1, 0x0106: 1, 0x0111: 0, 0x0117: 1}.items():
        exif[tag] = value
    picture = load_picture(open_picture(exif.tobytes()[6:] + b"x"))
    assert picture.image.size == (1, 1)
    reread = Image.Exif()
    reread.load(picture.metadata.exif)
    assert reread[0x010F] == "Maker"
    assert reread.get_ifd(0x8769)[0x829A] == 0.5
    assert 0x0111 not in reread, "where the strips of the TIFF file lie is none of our business"


def test_exif_that_png_holds_as_text():
    exif = exif_with_orientation(3)[6:]
    text = PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n")
    picture = load_picture(open_picture(saved(Image.fromarray(noise(5, 8)), "PNG", pnginfo=text)))
    assert len(picture.metadata.exif) == len(exif)
    assert orientation_of(picture.metadata) == 1


@pytest.mark.parametrize(
    ("strip", "kept"),
    [
        ((), {"icc", "exif", "xmp"}),
        ("all", set()),
        ("exif", {"icc", "xmp"}),
        (["icc", "xmp"], {"exif"}),
        ({"all", "exif"}, set()),
    ],
)
def test_strip(strip, kept):
    image = Image.fromarray(noise(5, 8, 3))
    image.info |= {"icc_profile": SRGB, "exif": exif_with_orientation(6), "xmp": XMP}
    picture = load_picture(image, strip=strip)
    assert {name for name in ("icc", "exif", "xmp") if getattr(picture.metadata, name)} == kept
    assert picture.image.size == (5, 8), "the orientation is baked in although its tag is left out"


def test_strip_of_something_else():
    with pytest.raises(OptionError, match="received strip gps, expected all, exif, icc, xmp"):
        load_picture(noise(4, 4), strip=["gps"])
