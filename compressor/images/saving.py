"""Decoded pictures into files of other formats, with their metadata."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image

from compressor.errors import OptionError, one_line
from compressor.images.metadata import is_profile_for, without_prefix
from compressor.images.orientation import without_orientation
from compressor.images.tiff_tags import tiff_tags

DEFAULT_EXTENSION = ".png"

_XMP_TAG = 700
# Metadata by Pillow's keys, with their names for messages.
_NAMES = {"icc_profile": "the ICC profile", "exif": "EXIF", "xmp": "XMP"}

# The formats that hold decoded pixels as they are, or nearly so, by extension.
_FORMATS = {
    ".avif": "AVIF",
    ".bmp": "BMP",
    ".jp2": "JPEG2000",
    ".jpeg": "JPEG",
    ".jpg": "JPEG",
    DEFAULT_EXTENSION: "PNG",
    ".ppm": "PPM",
    ".tga": "TGA",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".webp": "WEBP",
}
# Of these, the formats in which Pillow writes all metadata.
_METADATA_FORMATS = ("AVIF", "JPEG", "PNG", "TIFF", "WEBP")
# Gray is written as RGB.
_RGB_FORMATS = ("AVIF", "WEBP")
# Pillow would write the first and the last without a word, but as opaque pictures.
_OPAQUE_FORMATS = ("BMP", "JPEG", "PPM")

# Decoding should lose nothing more, or next to nothing. The fast PNG level is also the smaller one here:
# decoded photographs are filtered well, and then hardly repeat.
_SAVE_OPTIONS: dict[str, dict[str, Any]] = {
    "AVIF": {"quality": 95, "subsampling": "4:4:4"},
    "JPEG": {"quality": 95, "subsampling": 0},
    "JPEG2000": {"irreversible": False},
    "PNG": {"compress_level": 1},
    "WEBP": {"lossless": True, "exact": True},
}


class _NamedBuffer(BytesIO):
    """A buffer with a file name, so that Pillow imports the one plugin that is needed instead of five."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def check_extension(extension: str) -> str:
    """Check the extension of an output.

    Args:
        extension: with its dot, for example ".png".

    Returns:
        The extension in lower case.

    Raises:
        OptionError: if it is not one of those that `decode` writes.
    """
    extension = extension.lower()
    if extension not in _FORMATS:
        raise OptionError(
            f"received {extension or 'no extension'} as the type of the output, "
            f"expected one of {', '.join(_FORMATS)}"
        )
    return extension


def is_other_type(extension: str, chosen: str) -> bool:
    """Return whether an extension names another type of picture than a chosen one.

    Args:
        extension: any, with its dot, in lower case.
        chosen: one that `check_extension` has returned.

    Example:
        >>> is_other_type(".jpeg", ".jpg"), is_other_type(".png", ".jpg"), is_other_type(".tmp", ".jpg")
        (False, True, False)
    """
    return _FORMATS.get(extension, _FORMATS[chosen]) != _FORMATS[chosen]


@dataclass(frozen=True, slots=True)
class SavedPicture:
    """A picture in another format.

    Attributes:
        data: the file's content.
        notes: one sentence for each thing that the format could not hold.
    """

    data: bytes
    notes: tuple[str, ...]


def save_picture(image: Image.Image, extension: str) -> SavedPicture:
    """Write a picture in another format, with the ICC profile, EXIF and XMP that the format can hold.

    Pixels come first: metadata that cannot be written are left out.

    Args:
        image: the picture, of mode L, LA, RGB or RGBA.
        extension: one that `check_extension` has returned.

    Raises:
        OptionError: if the format cannot hold the picture.
    """
    file_format = _FORMATS[extension]
    if file_format in _OPAQUE_FORMATS and image.mode in ("LA", "RGBA"):
        raise OptionError(f"received a picture with alpha for {extension}, which holds none: choose .png")
    metadata = {key: image.info[key] for key in _NAMES if image.info.get(key)}
    usable = dict(metadata) if file_format in _METADATA_FORMATS else {}
    is_gray = image.mode in ("L", "LA") and file_format not in _RGB_FORMATS
    if not is_profile_for(usable.get("icc_profile", b""), "L" if is_gray else "RGB"):
        del usable["icc_profile"]
    try:
        data = _written(image, extension, usable)
    except OptionError:
        if not usable:
            raise
        usable = _writable(image, extension, usable)
        data = _written(image, extension, usable)
    lost = [name for key, name in _NAMES.items() if key in metadata and key not in usable]
    notes = (f"left out, because {extension} cannot hold it: {', '.join(lost)}",) if lost else ()
    return SavedPicture(data, notes)


def _writable(image: Image.Image, extension: str, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata that can be written: damaged EXIF must not cost the profile."""
    pixel = image.crop((0, 0, 1, 1))
    usable: dict[str, Any] = {}
    for key, value in metadata.items():
        try:
            _written(pixel, extension, usable | {key: value})
        except OptionError:
            continue
        usable[key] = value
    return usable


def _written(image: Image.Image, extension: str, metadata: dict[str, Any]) -> bytes:
    """Return the bytes of a file with some metadata."""
    buffer, file_format = _NamedBuffer(f"picture{extension}"), _FORMATS[extension]
    try:
        # Pillow would take metadata from the picture itself.
        plain = image.copy()
        plain.info = {}
        options = _SAVE_OPTIONS.get(file_format, {}) | _metadata_options(metadata, file_format)
        plain.save(buffer, **options)
    except MemoryError:
        raise
    except Exception as error:
        raise OptionError(
            f"the picture of mode {image.mode} cannot be written as {extension} ({one_line(error)}): "
            "choose .png"
        ) from error
    return buffer.getvalue()


def _metadata_options(metadata: dict[str, Any], file_format: str) -> dict[str, Any]:
    options = dict(metadata)
    xmp = options.get("xmp")
    if file_format == "PNG" and xmp:
        from PIL.PngImagePlugin import PngInfo

        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode())
    if file_format == "AVIF" and "exif" in options:
        # Pillow rewrites EXIF that has an orientation, which breaks data addressed by offset.
        options["exif"] = without_orientation(without_prefix(options["exif"]))
    if file_format == "TIFF":
        options["exif"] = tiff_tags(options.get("exif", b""))
        if xmp:
            options["exif"][_XMP_TAG] = xmp
    return options
