"""The orientation of EXIF and XMP is baked into the pixels and reset."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageOps

from compressor.images.loading import load_picture, open_picture
from compressor.images.orientation import orientation_of, reset_orientation
from tests.samples import XMP, exif_with_orientation, noise, saved


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_baked_in_as_pillow_does(orientation, endian):
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
    assert orientation_of(exif, b"") == 1
    assert reset_orientation(exif, b"") == (exif, b"")


def test_exif_of_an_impossible_orientation_is_upright():
    assert orientation_of(exif_with_orientation(9)[6:], b"") == 1


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0", b"Exif\0\0" * 2])
@pytest.mark.parametrize("kind", ["short", "long"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("strip", [(), "exif"])
def test_orientation_as_programs_write_it(prefix, kind, order, strip):
    code, letter = {"short": (3, "Hxx"), "long": (4, "I")}[kind]
    start = struct.pack(order + "2sHIH", {"<": b"II", ">": b"MM"}[order], 42, 8, 1)
    exif = start + struct.pack(order + "HHI" + letter, 0x0112, code, 1, 6) + bytes(4)
    image = Image.fromarray(noise(5, 8, 3))
    image.info["exif"] = prefix + exif
    picture = load_picture(image, strip=strip)
    assert picture.image.size == (5, 8)
    assert picture.metadata.orientation == 1


@pytest.mark.parametrize("spelling", ["'6'", '"6"', '= "6"', "='6'"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
def test_a_tiff_is_turned_once(spelling, compression):
    xmp = f"<rdf:Description tiff:Orientation={spelling.removeprefix('=')}/>".encode()
    data = saved(
        Image.fromarray(noise(16, 24, 3)), "TIFF", compression=compression, tiffinfo={0x0112: 6, 700: xmp}
    )
    picture = load_picture(open_picture(data))
    assert picture.image.size == (16, 24)
    assert picture.metadata.orientation == 1
