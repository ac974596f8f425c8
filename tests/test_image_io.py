"""Pictures of every mode come in as expected, and nothing but typed errors comes out."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from compressor.errors import CorruptStreamError, ImageInputError, LimitError, OptionError
from compressor.image_io import (
    colour_array,
    colour_image,
    decode_alpha,
    encode_alpha,
    load_picture,
    open_picture,
    to_uint8,
)
from compressor.image_output import check_extension, save_picture
from compressor.metadata import Metadata, orientation_of, reset_orientation

RNG = np.random.default_rng(1)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def noise(*shape):
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def saved(image, file_format, **options):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def exif_with_orientation(orientation, endian="<"):
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F] = "Maker"
    exif[0x0112] = orientation
    return exif.tobytes()


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


# Modes


@pytest.mark.parametrize(
    ("mode", "coded", "is_noted"),
    [
        ("1", "L", False),
        ("L", "L", False),
        ("LA", "LA", False),
        ("La", "LA", False),
        ("RGB", "RGB", False),
        ("RGBA", "RGBA", False),
        ("RGBa", "RGBA", False),
        ("RGBX", "RGB", False),
        ("P", "RGB", False),
        ("PA", "RGBA", False),
        ("CMYK", "RGB", True),
        ("YCbCr", "RGB", True),
        ("LAB", "RGB", True),
        ("HSV", "RGB", True),
        ("I;16", "L", True),
        ("I;16B", "L", True),
    ],
)
def test_modes(mode, coded, is_noted):
    picture = load_picture(Image.new(mode, (6, 4)))
    assert (picture.image.mode, picture.image.size) == (coded, (6, 4))
    assert bool(picture.notes) == is_noted
    assert colour_array(picture.image).shape == (4, 6, 3)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_wide_ranges_are_refused(mode):
    with pytest.raises(ImageInputError, match=f"mode {mode}, expected 8 or 16 bits"):
        load_picture(Image.new(mode, (6, 4)))


def test_16_bit_gray_is_scaled_not_clipped():
    values = np.array([[0, 128, 129, 257, 32768, 65407, 65535]], np.uint16)
    picture = load_picture(open_picture(saved(Image.fromarray(values), "PNG")))
    assert np.asarray(picture.image).tolist() == [[0, 0, 1, 1, 128, 255, 255]]
    assert picture.notes == ("16 bits a channel reduced to 8",)


def test_16_bit_pgm_is_scaled():
    picture = load_picture(open_picture(b"P5 3 1 65535\n" + bytes([0, 0, 0x80, 0, 0xFF, 0xFF])))
    assert np.asarray(picture.image).tolist() == [[0, 128, 255]]
    assert picture.notes == ("16 bits a channel reduced to 8",)


def test_16_bit_gray_with_a_transparent_value():
    values = np.array([[0, 1000, 1001]], np.uint16)
    image = Image.fromarray(values)
    image.info["transparency"] = 1000
    assert np.asarray(load_picture(image).image).tolist() == [[[0, 255], [4, 0], [4, 255]]]


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_becomes_alpha(mode):
    pixels = np.array([[[10, 10, 10], [200, 200, 200]]], np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    key = image.getpixel((1, 0))
    picture = load_picture(open_picture(saved(image, "PNG", transparency=key)))
    assert picture.image.mode == ("LA" if mode == "L" else "RGBA")
    assert np.asarray(picture.image.getchannel("A")).tolist() == [[255, 0]]


def cmyk_profile():
    """Return a printer profile whose table maps all inks to one colour, CIE Lab (50, 0, 0)."""
    curve = (0).to_bytes(2, "big") + (0xFFFF).to_bytes(2, "big")
    identity = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 16)
    lab = struct.pack(">3H", 0x8000, 0x8000, 0x8000)
    table = b"mft2" + bytes(4) + bytes([4, 3, 2, 0]) + identity + struct.pack(">2H", 2, 2)
    table += curve * 4 + lab * 2**4 + curve * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags = b""
    data = b""
    for name, content in ((b"A2B0", table), (b"A2B1", table), (b"wtpt", white)):
        content += bytes(-len(content) % 4)
        tags += name + struct.pack(">2I", 128 + 4 + 12 * 3 + len(data), len(content))
        data += content
    body = struct.pack(">I", 3) + tags + data
    header = struct.pack(">I4sI", 128 + len(body), b"lcms", 0x02400000) + b"prtrCMYKLab "
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    header += struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + body


def test_cmyk_goes_through_its_profile():
    image = Image.new("CMYK", (4, 4), (200, 30, 40, 10))
    plain = load_picture(image)
    assert "without a profile" in plain.notes[0]
    image.info["icc_profile"] = cmyk_profile()
    managed = load_picture(image)
    assert managed.metadata.icc == b""
    assert "through its profile" in managed.notes[0]
    assert managed.image.getpixel((0, 0)) == pytest.approx((119, 119, 119), abs=2)


def test_a_damaged_cmyk_profile_is_noted_and_left_out():
    image = Image.new("CMYK", (4, 4), (200, 30, 40, 10))
    image.info["icc_profile"] = b"no profile"
    picture = load_picture(image)
    assert "approximate" in picture.notes[0]
    assert picture.metadata.icc == b""


def test_of_an_animation_the_first_frame_is_kept():
    frames = [Image.new("L", (4, 4), level) for level in (10, 20, 30)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = load_picture(open_picture(data))
    assert picture.notes == ("several frames: only frame 1 is kept",)
    assert picture.image.convert("L").getpixel((0, 0)) == 10


# Metadata and orientation


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


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("basn0g16", "L"),
        ("basn4a16", "LA"),
        ("basn4a08", "LA"),
        ("basn6a16", "RGBA"),
        ("basn3p02", "RGB"),
        ("basn0g01", "L"),
        ("tbbn0g04", "LA"),
        ("tbbn2c16", "RGBA"),
        ("tbwn0g16", "LA"),
        ("tbwn3p08", "RGBA"),
    ],
)
def test_modes_of_the_png_suite(conformance_folder, name, mode):
    data = (conformance_folder / "pngsuite" / f"{name}.png").read_bytes()
    image = load_picture(open_picture(data)).image
    assert image.mode == mode
    if name.startswith("t"):
        assert image.getchannel("A").getextrema() == (0, 255)


# Output


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".jpg"])
def test_metadata_are_in_the_written_file(extension):
    image = Image.fromarray(noise(16, 16, 3))
    metadata = Metadata(icc=SRGB, exif=exif_with_orientation(1)[6:], xmp=XMP)
    image.info.update(metadata.info())
    reread = Image.open(io.BytesIO(save_picture(image, check_extension(extension))))
    assert reread.info["icc_profile"] == SRGB
    assert reread.getexif()[0x010F] == "Maker"
    assert reread.info["xmp"] == XMP


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("extension", [".png", ".webp", ".tiff"])
def test_written_pixels_are_exact(mode, extension):
    image = Image.fromarray(noise(16, 16, 4)).convert(mode)
    reread = Image.open(io.BytesIO(save_picture(image, check_extension(extension))))
    assert reread.convert(mode).tobytes() == image.tobytes()


def test_a_format_without_alpha():
    with pytest.raises(OptionError, match="mode RGBA cannot be written as .jpg"):
        save_picture(Image.new("RGBA", (4, 4)), check_extension(".JPG"))


@pytest.mark.parametrize("extension", ["", ".doc", ".cmpr"])
def test_unknown_formats(extension):
    with pytest.raises(OptionError, match="expected one that Pillow writes"):
        check_extension(extension)
