"""Pictures of every mode come in as one of the four that are coded."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from compressor.errors import ImageInputError
from compressor.images.arrays import colour_array
from compressor.images.loading import load_picture, open_picture
from compressor.images.modes import Storage
from tests.samples import SRGB, png_chunk, saved


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
    assert picture.notes == ("16 bits per channel reduced to 8",)


def test_16_bit_pgm_is_scaled():
    picture = load_picture(open_picture(b"P5 3 1 65535\n" + bytes([0, 0, 0x80, 0, 0xFF, 0xFF])))
    assert np.asarray(picture.image).tolist() == [[0, 128, 255]]
    assert picture.notes == ("16 bits per channel reduced to 8",)


def test_16_bit_gray_with_a_transparent_value():
    values = np.array([[0, 1000, 1001]], np.uint16)
    image = Image.fromarray(values)
    image.info["transparency"] = 1000
    assert np.asarray(load_picture(image).image).tolist() == [[[0, 255], [0, 0], [4, 255]]]


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


@pytest.mark.parametrize(("mode", "is_kept"), [("YCbCr", True), ("HSV", True), ("LAB", False)])
def test_the_profile_of_other_coordinates_of_rgb_is_kept(mode, is_kept):
    image = Image.new(mode, (4, 4))
    image.info["icc_profile"] = SRGB
    assert load_picture(image).metadata.icc == (SRGB if is_kept else b"")


def test_a_transparent_colour_of_16_bits_is_noted():
    colours = struct.pack(">9H", 1000, 2000, 3000, 1001, 2000, 3000, 60_000, 2000, 3000)
    chunks = {
        b"IHDR": struct.pack(">2I5B", 3, 1, 16, 2, 0, 0, 0),
        b"tRNS": struct.pack(">3H", 1000, 2000, 3000),
        b"IDAT": zlib.compress(b"\0" + colours),
        b"IEND": b"",
    }
    png = b"\x89PNG\r\n\x1a\n" + b"".join(map(png_chunk, chunks, chunks.values()))
    picture = load_picture(open_picture(png))
    assert picture.image.getchannel("A").tobytes() == bytes([0, 0, 255])
    assert "colours that equal the transparent one in their high 8 bits are transparent too" in picture.notes


def test_a_ppm_with_carriage_returns():
    data = b"P6\r# comment\r2 1\r255\r" + bytes(range(6))
    assert load_picture(open_picture(data)).image.tobytes() == bytes(range(6))


def test_first_frame_of_an_animation_is_kept():
    frames = [Image.new("L", (4, 4), level) for level in (10, 20, 30)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    picture = load_picture(open_picture(data))
    assert picture.notes == ("several frames: only frame 1 is kept",)
    assert picture.image.convert("L").getpixel((0, 0)) == 10


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


def gray_tiff(bits, photometric, values):
    """A TIFF file of one row of 12 or 16 bits a value."""
    if bits == 12:
        pairs = zip(values[::2], values[1::2], strict=True)
        row = b"".join((a << 12 | b).to_bytes(3, "big") for a, b in pairs)
    else:
        row = struct.pack(f"<{len(values)}H", *values)
    tags = {
        256: len(values),
        257: 1,
        258: bits,
        259: 1,
        262: photometric,
        273: 8,
        277: 1,
        278: 1,
        279: len(row),
    }
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return (
        b"II*\0" + struct.pack("<I", 8 + len(row)) + row + struct.pack("<H", len(tags)) + entries + bytes(4)
    )


@pytest.mark.parametrize("is_loaded", [False, True])
@pytest.mark.parametrize(("bits", "photometric"), [(12, 1), (16, 1), (16, 0)])
def test_gray_tiff_of_many_bits(bits, photometric, is_loaded):
    top = 2**bits - 1
    image = open_picture(gray_tiff(bits, photometric, [0, top // 2 + 1, top // 4, top]))
    if is_loaded:
        image.load()
    picture = load_picture(image)
    levels = [0, 128, 64, 255] if photometric else [255, 127, 191, 0]
    assert np.asarray(picture.image)[0] == pytest.approx(levels, abs=1)
    assert picture.notes == (f"{bits} bits per channel reduced to 8",)


def planar_tiff(bits):
    """A TIFF of one RGB pixel whose channels lie in planes of their own."""
    entries = [
        (256, 3, 1, 1),
        (257, 3, 1, 1),
        (258, 3, 3, 150),
        (259, 3, 1, 1),
        (262, 3, 1, 2),
        (273, 4, 3, 156),
        (277, 3, 1, 3),
        (278, 3, 1, 1),
        (279, 4, 3, 168),
        (284, 3, 1, 2),
    ]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<2H2I", *entry) for entry in entries)
    start, size = 180, bits // 8
    values = struct.pack("<3H3I3I", *[bits] * 3, *range(start, start + 3 * size, size), *[size] * 3)
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(150, b"\0") + values + bytes(3 * size)


@pytest.mark.parametrize("is_loaded", [False, True])
def test_planes_of_16_bits_are_refused(is_loaded):
    assert load_picture(open_picture(planar_tiff(8))).image.getpixel((0, 0)) == (0, 0, 0)
    image = open_picture(planar_tiff(16))
    if is_loaded:
        image.load()
    with pytest.raises(ImageInputError, match="more than 8 bits per channel in separate planes"):
        load_picture(image)


def deep_ppm():
    return b"P6 # a comment\n1 1\n1023\n" + bytes(6)


def deep_sgi():
    return saved(Image.new("RGB", (4, 4)), "SGI", bpc=2)


def deep_jp2():
    return saved(Image.fromarray(np.zeros((8, 8), np.uint16)), "JPEG2000")


@pytest.mark.parametrize("make", [deep_ppm, deep_sgi, deep_jp2])
def test_more_than_8_bits_are_noted(make):
    assert load_picture(open_picture(make())).notes == ("16 bits per channel reduced to 8",)


def test_10_bits_of_avif():
    data = saved(Image.new("RGB", (16, 16)), "AVIF")
    # Pillow writes no such files, and does not open one whose header contradicts the rest.
    header = data.replace(b"\x03\x08\x08\x08", b"\x03\x0a\x0a\x0a")
    assert Storage.of(open_picture(data), header).is_16_bit


def test_8_bits_are_not_noted():
    for file_format in ("PPM", "SGI", "JPEG2000", "AVIF", "PNG", "TIFF"):
        assert load_picture(open_picture(saved(Image.new("RGB", (8, 8)), file_format))).notes == ()
