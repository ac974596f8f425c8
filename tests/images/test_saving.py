"""Decoded pictures are written in other formats, exactly and with their metadata."""

import io

import pytest
from PIL import Image

from compressor.errors import OptionError
from compressor.images.metadata import Metadata
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


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("extension", [".png", ".webp", ".tiff"])
def test_written_pixels_are_exact(mode, extension):
    image = Image.fromarray(noise(16, 16, 4)).convert(mode)
    reread = Image.open(io.BytesIO(save_picture(image, check_extension(extension)).data))
    assert reread.convert(mode).tobytes() == image.tobytes()


def test_a_format_without_alpha():
    with pytest.raises(OptionError, match="mode RGBA cannot be written as .jpg"):
        save_picture(Image.new("RGBA", (4, 4)), check_extension(".JPG"))


@pytest.mark.parametrize(
    ("exif", "extension"), [(b"Exif\0\0garbage", ".tif"), (exif_with_orientation(1) + bytes(70_000), ".jpg")]
)
def test_exif_that_cannot_be_written_is_left_out(exif, extension):
    image = Image.fromarray(noise(16, 16, 3))
    image.info |= {"icc_profile": SRGB, "exif": exif}
    picture = save_picture(image, extension)
    assert picture.notes == (f"left out, because {extension} cannot hold it: EXIF",)
    assert Image.open(io.BytesIO(picture.data)).info["icc_profile"] == SRGB


@pytest.mark.parametrize("extension", [".jp2", ".bmp", ".gif", ".tga", ".ico", ".pdf"])
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


@pytest.mark.parametrize(("extension", "size"), [(".ico", (257, 20)), (".icns", (64, 64))])
def test_sizes_that_a_format_would_change(extension, size):
    with pytest.raises(
        OptionError, match=f"received a picture of {size[0]}x{size[1]} pixels for {extension}"
    ):
        save_picture(Image.new("RGB", size), check_extension(extension))


@pytest.mark.parametrize("size", [(1, 1), (100, 60), (256, 256)])
def test_icons_have_the_size_of_the_picture(size):
    assert Image.open(io.BytesIO(save_picture(Image.new("RGB", size), ".ico").data)).size == size


@pytest.mark.parametrize("extension", ["", ".doc", ".cmpr"])
def test_unknown_formats(extension):
    with pytest.raises(OptionError, match="expected one that Pillow writes"):
        check_extension(extension)
