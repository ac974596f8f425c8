"""ICC, EXIF and XMP are kept or stripped."""

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from compressor.errors import OptionError
from compressor.images.loading import load_picture, open_picture
from tests.samples import SRGB, XMP, exif_with_orientation, noise, saved


def test_exif_that_png_holds_as_text():
    exif = exif_with_orientation(3)[6:]
    text = PngInfo()
    text.add_text("Raw profile type exif", f"\nexif\n{len(exif):8}\n{exif.hex()}\n")
    picture = load_picture(open_picture(saved(Image.fromarray(noise(5, 8)), "PNG", pnginfo=text)))
    assert len(picture.metadata.exif) == len(exif)
    assert picture.metadata.orientation == 1


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


@pytest.mark.parametrize("strip", ["gps", ["gps"], None, 5, b"exif", [["exif"]]])
def test_strip_of_something_else(strip):
    with pytest.raises(OptionError, match="received strip .*, expected all, exif, icc, xmp"):
        load_picture(noise(4, 4), strip=strip)


@pytest.mark.parametrize(("mode", "is_kept"), [("L", True), ("RGB", False)])
def test_a_gray_profile_stays_with_gray(mode, is_kept):
    image = Image.new(mode, (8, 8))
    image.info["icc_profile"] = SRGB[:16] + b"GRAY" + SRGB[20:]
    picture = load_picture(image)
    assert (bool(picture.metadata.icc), not picture.notes) == (is_kept, is_kept)
