"""Decoded pictures are written in other formats, exactly and with their metadata."""

import io

import pytest
from PIL import Image

from compressor.errors import OptionError
from compressor.image_output import check_extension, save_picture
from compressor.metadata import Metadata
from tests.samples import SRGB, XMP, exif_with_orientation, noise


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
