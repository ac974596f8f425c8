"""Pictures and metadata that several test files make."""

import io

import numpy as np
from PIL import Image, ImageCms

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
_RANDOM = np.random.default_rng(1)


def noise(*shape):
    """Random pixels, none of them black or transparent, of weak colours: others would be stored exactly."""
    light = _RANDOM.integers(1, 200, shape[:2] + (1,) * len(shape[2:]), dtype=np.uint8)
    return light + _RANDOM.integers(0, 56, shape, dtype=np.uint8)


def saved(image, file_format, **options):
    """The bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()


def exif_with_orientation(orientation, endian="<"):
    """EXIF of two tags."""
    exif = Image.Exif()
    exif.endian = endian
    exif[0x010F] = "Maker"
    exif[0x0112] = orientation
    return exif.tobytes()


def assert_same_pixels(pixels, expected, model):
    """Assert equality up to rounding, which the 8-bit filter of flagship-iq amplifies."""
    pixels, expected = np.asarray(pixels, int), np.asarray(expected, int)
    assert pixels.shape == expected.shape
    difference = pixels - expected
    # The largest that was seen between two engines.
    assert np.abs(difference).max() <= (4 if model == "flagship-iq" else 1)
    assert np.abs(difference).mean() < 0.4
    assert abs(difference.mean()) < 0.05
