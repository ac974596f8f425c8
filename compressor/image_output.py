"""Decoded pictures into files of other formats, with their metadata."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from compressor.bitstream.header import FILE_EXTENSION
from compressor.errors import OptionError

DEFAULT_EXTENSION = ".png"

_XMP_TAG = 700

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
    """A buffer with a file name: by it, Pillow imports the one plugin that is needed instead of five."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


def check_extension(extension: str) -> str:
    """Find the format of an output.

    Args:
        extension: with its dot, for example ".png".

    Returns:
        The extension in lower case.

    Raises:
        OptionError: if Pillow writes no such files.
    """
    extension = extension.lower()
    if extension != DEFAULT_EXTENSION:
        known = Image.registered_extensions()
        if extension == FILE_EXTENSION or known.get(extension) not in Image.SAVE:
            raise OptionError(
                f"received {extension or 'no extension'} as the type of the output, "
                "expected one that Pillow writes, such as .png, .webp or .jpg"
            )
    return extension


def save_picture(image: Image.Image, extension: str) -> bytes:
    """Write a picture in another format, with the ICC profile, EXIF and XMP of its `info` where it has room.

    Args:
        image: the picture, of mode L, LA, RGB or RGBA.
        extension: one that `check_extension` has returned.

    Returns:
        The file's content.

    Raises:
        OptionError: if the format cannot hold the picture.
    """
    buffer = _NamedBuffer(f"picture{extension}")
    try:
        # Pillow registers the format of an extension when it sees one.
        file_format = "PNG" if extension == DEFAULT_EXTENSION else Image.registered_extensions()[extension]
        image.save(buffer, **_SAVE_OPTIONS.get(file_format, {}), **_metadata_options(image, file_format))
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OptionError(
            f"the picture of mode {image.mode} cannot be written as {extension} ({reason}): choose .png"
        ) from error
    return buffer.getvalue()


def _metadata_options(image: Image.Image, file_format: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        key: image.info[key] for key in ("icc_profile", "exif", "xmp") if key in image.info
    }
    if xmp := options.get("xmp"):
        if file_format == "PNG":
            from PIL.PngImagePlugin import PngInfo

            options["pnginfo"] = PngInfo()
            options["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp.decode(errors="replace"))
        if file_format == "TIFF":
            tags = Image.Exif()
            tags.load(options.get("exif", b""))
            tags[_XMP_TAG] = xmp
            options["exif"] = tags
    return options
