"""Pictures, metadata and streams that several test files make."""

import io
import struct
import zlib
from dataclasses import replace

import numpy as np
from PIL import Image, ImageCms

from compressor.bitstream.container import read_container, write_container
from compressor.bitstream.varint import write_varint
from compressor.spec.file_format import Flags

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
_RANDOM = np.random.default_rng(1)


def noise(*shape):
    """Random pixels, none of them black or transparent, of weak colours: others would be stored exactly."""
    light = _RANDOM.integers(1, 200, shape[:2] + (1,) * len(shape[2:]), dtype=np.uint8)
    return light + _RANDOM.integers(0, 56, shape, dtype=np.uint8)


def photo_like(height, width, seed=0):
    """Smooth shapes with some texture, on which codecs and metrics behave as on photographs."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width, 2)
    planes = [np.sin(7 * x + seed) + np.cos(9 * y * (c + 1)) + (x > 0.5) * (y > 0.3) for c in range(3)]
    image = 60 + 40 * np.stack(planes, axis=-1) + random.normal(0, 4, (height, width, 3))
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


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


def exif_with_maker(maker):
    """EXIF of one tag."""
    exif = Image.Exif()
    exif[0x010F] = maker
    return exif


def png_chunk(kind, content):
    """A chunk of a PNG file with a valid checksum."""
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def png_with_size(data, width, height):
    """A PNG file with another size in its header, and a valid checksum."""
    return data[:8] + png_chunk(b"IHDR", struct.pack(">2I", width, height) + data[24:29]) + data[33:]


def stripes(size):
    """Red and green stripes (size, size, 3) of 5 pixels."""
    image = np.zeros((size, size, 3), np.uint8)
    is_odd = np.arange(size) // 5 % 2 == 1
    image[:, ~is_odd], image[:, is_odd] = (220, 30, 30), (30, 160, 60)
    return image


def checker(size):
    """Black and white pixels in turn, (size, size, 3)."""
    return np.repeat(255 * (np.indices((size, size)).sum(axis=0) % 2)[..., None], 3, axis=2).astype(np.uint8)


def rebuilt(stream, *, sections=None, **changes):
    """A stream with other values and sections, and valid checksums."""
    container = read_container(stream)
    header = container.header
    values = {
        "model_id": header.model_id,
        "level": header.level,
        "width": header.width,
        "height": header.height,
        "gray": Flags.GRAY in header.flags,
    }
    return write_container(**values | changes, sections={**container.sections, **(sections or {})})


def with_later_section(stream, bit, payload):
    """A stream with one more section, of a later release, before its picture, with valid checksums."""
    container = read_container(stream)
    header = replace(container.header, flags=Flags(container.header.flags | 1 << bit))
    data = header.pack()
    crc, stream = zlib.crc32(data), data
    *optional, picture = container.sections.values()
    for each in (*optional, payload, picture):
        part = write_varint(len(each)) + each
        crc = zlib.crc32(part, crc)
        stream += part + struct.pack("<I", crc)
    return stream


def randomise(model, seed):
    """Give random values to the all-zero weights of a Keras model, so that every part has an effect."""
    random = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        value = np.asarray(variable)
        if not value.any():
            variable.assign(0.05 * random.standard_normal(value.shape))


def files_below(folder):
    """The content of every file below a folder, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_same_pixels(pixels, expected, model):
    """Assert equality up to rounding, which the 8-bit filter of flagship-iq amplifies."""
    pixels, expected = np.asarray(pixels, int), np.asarray(expected, int)
    assert pixels.shape == expected.shape
    difference = pixels - expected
    # The largest that was seen between two engines.
    assert np.abs(difference).max() <= (5 if model == "flagship-iq" else 1)
    # In a picture of a few pixels, one of them changes the means.
    assert np.abs(difference).mean() < max(0.6, 5 / difference.size)
    assert abs(difference.mean()) < max(0.05, 5 / difference.size)
