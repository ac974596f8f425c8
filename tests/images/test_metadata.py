"""ICC, EXIF and XMP are kept or stripped, and the orientation is baked in."""

import struct

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from compressor.errors import OptionError
from compressor.images.loading import load_picture, open_picture
from compressor.images.metadata import Metadata, orientation_of, reset_orientation
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
    assert 0x0111 not in reread, "the positions of the file's strips are left out"


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
    assert orientation_of(picture.metadata) == 1


@pytest.mark.parametrize("spelling", ["'6'", '"6"', '= "6"', "='6'"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg"])
def test_a_tiff_is_turned_once(spelling, compression):
    xmp = f"<rdf:Description tiff:Orientation={spelling.removeprefix('=')}/>".encode()
    data = saved(
        Image.fromarray(noise(16, 24, 3)), "TIFF", compression=compression, tiffinfo={0x0112: 6, 700: xmp}
    )
    picture = load_picture(open_picture(data))
    assert picture.image.size == (16, 24)
    assert orientation_of(picture.metadata) == 1


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


@pytest.mark.parametrize(("mode", "is_kept"), [("L", True), ("RGB", False)])
def test_a_gray_profile_stays_with_gray(mode, is_kept):
    image = Image.new(mode, (8, 8))
    image.info["icc_profile"] = SRGB[:16] + b"GRAY" + SRGB[20:]
    picture = load_picture(image)
    assert (bool(picture.metadata.icc), not picture.notes) == (is_kept, is_kept)
