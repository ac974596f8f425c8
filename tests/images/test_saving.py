"""Decoded pictures are written in other formats, exactly and with their metadata."""

import io

import pytest
from PIL import Image

from compressor.errors import OptionError
from compressor.images.metadata import Metadata, without_prefix
from compressor.images.saving import check_extension, save_picture
from tests.samples import SRGB, XMP, exif_with_orientation, noise


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".jpg"])
def test_metadata_are_in_the_written_file(extension):
    image = Image.fromarray(noise(16, 16, 3))
    metadata = Metadata(icc=SRGB, exif=exif_with_orientation(1)[6:], xmp=XMP)
    image.info.update(metadata.info())
    reread = Image.open(io.BytesIO(save_picture(image, check_extension(extension)).data))
    assert reread.info["icc_profile"] == SRGB
    assert reread.getexif()[0x010F] == "Maker"
    assert reread.info["xmp"] == XMP


@pytest.mark.parametrize("extension", [".png", ".webp", ".tif", ".jpg", ".avif"])
def test_exif_of_a_camera_is_kept(extension):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif.get_ifd(0x8769).update({0x9003: "2020:01:01 00:00:00", 0xA005: {1: "R98"}})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 1.0, 2.0)})
    image = Image.fromarray(noise(16, 16, 3))
    image.info["exif"] = exif.tobytes()
    saved_picture = save_picture(image, check_extension(extension))
    reread = Image.open(io.BytesIO(saved_picture.data)).getexif()
    assert saved_picture.notes == ()
    assert reread[0x010F] == "Maker"
    assert reread.get_ifd(0x8769)[0x9003] == "2020:01:01 00:00:00"
    assert reread.get_ifd(0x8825) == {1: "N", 2: (48.0, 1.0, 2.0)}


@pytest.mark.parametrize("extension", [".png", ".webp", ".jpg", ".avif"])
def test_exif_is_written_as_it_is(extension):
    """Programs address thumbnails and makers' notes by their offset."""
    image = Image.fromarray(noise(16, 16, 3))
    # The last bytes belong to no entry.
    exif = exif_with_orientation(1) + b"a maker's note"
    image.info["exif"] = exif
    reread = Image.open(io.BytesIO(save_picture(image, check_extension(extension)).data))
    written = without_prefix(reread.info["exif"])
    assert written.endswith(b"a maker's note")
    assert len(written) == len(without_prefix(exif))


def test_xmp_that_png_cannot_hold_is_left_out():
    image = Image.fromarray(noise(4, 4, 3))
    image.info["xmp"] = XMP.decode().encode("utf-16")
    saved_picture = save_picture(image, ".png")
    assert saved_picture.notes == ("left out, because .png cannot hold it: XMP",)
    assert "xmp" not in Image.open(io.BytesIO(saved_picture.data)).info


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("extension", [".png", ".webp", ".tiff", ".jp2", ".tga"])
def test_written_pixels_are_exact(mode, extension):
    image = Image.fromarray(noise(16, 16, 4)).convert(mode)
    reread = Image.open(io.BytesIO(save_picture(image, check_extension(extension)).data))
    assert reread.convert(mode).tobytes() == image.tobytes()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("extension", [".JPG", ".bmp", ".ppm"])
def test_formats_without_alpha(extension, mode):
    with pytest.raises(OptionError, match=f"a picture with alpha for {extension.lower()}, which holds none"):
        save_picture(Image.new(mode, (4, 4)), check_extension(extension))


# Width, height, bits per sample, compression, photometric interpretation, fill order, samples per pixel,
# planar configuration, extra samples and sample format.
@pytest.mark.parametrize("tag", [0x100, 0x101, 0x102, 0x103, 0x106, 0x10A, 0x115, 0x11C, 0x152, 0x153])
def test_exif_does_not_change_the_layout_of_a_tiff(tag):
    exif = Image.Exif()
    exif[tag], exif[0x010F] = 2, "Maker"
    image = Image.fromarray(noise(16, 24, 3))
    image.info["exif"] = exif.tobytes()
    reread = Image.open(io.BytesIO(save_picture(image, ".tif").data))
    assert reread.getexif()[0x010F] == "Maker"
    assert reread.size == image.size
    assert reread.tobytes() == image.tobytes()


def test_a_tiff_keeps_the_resolution():
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 300.0, 300.0, 2
    image = Image.new("L", (8, 8))
    image.info["exif"] = exif.tobytes()
    assert Image.open(io.BytesIO(save_picture(image, ".tif").data)).info["dpi"] == (300, 300)


@pytest.mark.parametrize(
    ("exif", "extension"), [(b"Exif\0\0garbage", ".tif"), (exif_with_orientation(1) + bytes(70_000), ".jpg")]
)
def test_exif_that_cannot_be_written_is_left_out(exif, extension):
    image = Image.fromarray(noise(16, 16, 3))
    image.info |= {"icc_profile": SRGB, "exif": exif}
    picture = save_picture(image, extension)
    assert picture.notes == (f"left out, because {extension} cannot hold it: EXIF",)
    assert Image.open(io.BytesIO(picture.data)).info["icc_profile"] == SRGB


@pytest.mark.parametrize("extension", [".jp2", ".bmp", ".tga", ".ppm"])
def test_formats_without_metadata(extension):
    image = Image.fromarray(noise(16, 16, 3))
    image.info |= {"icc_profile": SRGB, "xmp": XMP}
    picture = save_picture(image, check_extension(extension))
    assert picture.notes == (f"left out, because {extension} cannot hold it: the ICC profile, XMP",)


@pytest.mark.parametrize(
    ("extension", "is_kept"), [(".png", True), (".jpg", True), (".webp", False), (".avif", False)]
)
def test_a_gray_profile_is_not_written_with_rgb(extension, is_kept):
    image = Image.new("L", (16, 16))
    image.info["icc_profile"] = SRGB[:16] + b"GRAY" + SRGB[20:]
    picture = save_picture(image, check_extension(extension))
    assert ("icc_profile" in Image.open(io.BytesIO(picture.data)).info) == is_kept
    assert bool(picture.notes) != is_kept


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("extension", [".bmp", ".ppm"])
def test_opaque_formats_are_exact(mode, extension):
    image = Image.fromarray(noise(16, 16, 3)).convert(mode)
    reread = Image.open(io.BytesIO(save_picture(image, extension).data))
    assert reread.convert(mode).tobytes() == image.tobytes()


@pytest.mark.parametrize("extension", ["", ".doc", ".cmpr", ".gif", ".pdf"])
def test_unknown_formats(extension):
    with pytest.raises(OptionError, match="expected one of .avif, .bmp"):
        check_extension(extension)
