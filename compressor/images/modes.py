"""Every mode that Pillow knows, brought to one of four: L, LA, RGB, RGBA with 8 bits per channel."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from PIL import Image

from compressor.errors import ImageInputError

CODED_MODES = ("L", "LA", "RGB", "RGBA")

_NOTE_12_BIT, _NOTE_16_BIT = "12 bits per channel reduced to 8", "16 bits per channel reduced to 8"
_NOTE_TRANSPARENT = "colours that equal the transparent one in their high 8 bits are transparent too"

_BITS_TAG, _COMPRESSION_TAG, _PHOTOMETRIC_TAG, _PLANES_TAG = 258, 259, 262, 284
_UNCOMPRESSED, _SEPARATE_PLANES = 1, 2
# The first two markers of a JPEG 2000 codestream; its number of bits lies 42 bytes further.
_SIZ_MARKERS = b"\xff\x4f\xff\x51"

# Bytes 16 to 19 of an ICC profile.
_RGB_PROFILE = b"RGB "

# Factor from the values of a gray PNG of few bits, as its transparent value is given, to 8 bits.
_GRAY_SCALES = {"L;2": 85, "L;4": 17}


@dataclass(frozen=True, slots=True)
class Storage:
    """How pixels are stored in the file, which Pillow forgets when it loads them.

    Attributes:
        rawmode: Pillow's name, for example "RGB;16B"; empty where it is not known.
        file_format: Pillow's name, for example "PNG"; empty for pictures that come from no file.
        is_deep: whether channels have more than 8 bits, of which Pillow keeps 8.
        top: the largest value of a gray picture of more than 8 bits.
        is_white_zero: whether 0 stands for white in such a picture: Pillow does not invert its pixels.
    """

    rawmode: str
    file_format: str
    is_deep: bool = False
    top: int = 65535
    is_white_zero: bool = False

    @classmethod
    def of(cls, image: Image.Image, header: bytes = b"") -> Storage:
        """Look at a picture before it is loaded.

        Args:
            image: as Pillow has opened it.
            header: the beginning of its file.

        Raises:
            ImageInputError: for a layout that Pillow decodes incorrectly.
        """
        tiles = getattr(image, "tile", None)
        args = tiles[0][3] if tiles else ""
        rawmode = args[0] if isinstance(args, tuple) and args else args
        rawmode = rawmode if isinstance(rawmode, str) else ""
        file_format = image.format or ""
        # Unlike the raw mode, tags are still there when the picture is loaded already.
        tags = getattr(image, "tag_v2", {})
        is_separate = tags.get(_PLANES_TAG) == _SEPARATE_PLANES
        is_compressed = tags.get(_COMPRESSION_TAG, _UNCOMPRESSED) != _UNCOMPRESSED
        if is_separate and not is_compressed and max(tags.get(_BITS_TAG, (8,))) > 8:
            # Pillow takes them for planes of 8 bits.
            raise ImageInputError(
                "received a TIFF with more than 8 bits per channel in separate planes, expected interleaved "
                "channels: save it as PNG or as a compressed TIFF"
            )
        top = 4095 if tags.get(_BITS_TAG) == (12,) else 65535
        is_white_zero = tags.get(_PHOTOMETRIC_TAG) == 0
        return cls(rawmode, file_format, _is_deep(file_format, header), top, is_white_zero)

    @property
    def is_16_bit(self) -> bool:
        """Whether Pillow drops the low byte of each channel; in other formats ";16" is 5 bits per channel."""
        return self.is_deep or (self.file_format in ("PNG", "TIFF") and ";16" in self.rawmode)


def _is_deep(file_format: str, header: bytes) -> bool:
    """Return whether the header of a PPM, SGI, JPEG 2000 or AVIF file gives more than 8 bits per channel."""
    if file_format == "PPM":
        tokens = re.sub(rb"#[^\r\n]*", b"", header).split(maxsplit=4)
        is_integer = len(tokens) > 3 and tokens[0] in (b"P2", b"P3", b"P5", b"P6") and tokens[3].isdigit()
        return is_integer and int(tokens[3]) > 255
    if file_format == "SGI":
        return header[3:4] == b"\x02"
    if file_format == "JPEG2000":
        at = header.find(_SIZ_MARKERS)
        # One less than the number of bits; the highest bit stands for signed values.
        return at >= 0 and max(header[at + 42 : at + 43], default=0) & 0x7F > 7
    if file_format == "AVIF":
        at = header.find(b"pixi")
        # The number of channels, then the bits of each.
        count = max(header[at + 8 : at + 9], default=0)
        return at >= 0 and max(header[at + 9 : at + 9 + count], default=8) > 8
    return False


def to_coded_mode(
    image: Image.Image, storage: Storage, icc: bytes
) -> tuple[Image.Image, tuple[str, ...], bool]:
    """Convert a loaded picture to L, LA, RGB or RGBA.

    Args:
        image: the picture, loaded.
        storage: how it lay in its file.
        icc: its ICC profile, empty if it has none.

    Returns:
        The picture, notes on what was lost, and whether its ICC profile still describes its colours.

    Raises:
        ImageInputError: if the mode has a wider range than 8 or 16 bits.
    """
    mode = image.mode
    notes: tuple[str, ...] = (_NOTE_16_BIT,) if storage.is_16_bit or mode.startswith("I;16") else ()
    if mode in ("HSV", "YCbCr"):
        # Other coordinates of the same RGB colours, which a profile may describe.
        return image.convert("RGB"), (*notes, f"{mode} converted to RGB"), icc[16:20] == _RGB_PROFILE
    if mode in ("CMYK", "LAB"):
        rgb, conversion_notes = _to_srgb(image, icc)
        return rgb, notes + conversion_notes, False
    if mode.startswith("I;16") or (mode == "I" and storage.file_format == "PPM"):
        note = _NOTE_12_BIT if storage.top == 4095 else _NOTE_16_BIT
        return _from_16_bit_gray(image, storage), (note,), True
    if storage.rawmode.startswith("LA;16"):
        return image.convert("LA"), notes, True
    if storage.is_16_bit and isinstance(image.info.get("transparency"), tuple):
        notes += (_NOTE_TRANSPARENT,)
    return _to_8_bit(image, storage), notes, True


def _to_8_bit(image: Image.Image, storage: Storage) -> Image.Image:
    mode = image.mode
    transparency = image.info.get("transparency")
    if transparency is not None and mode in ("1", "L", "RGB"):
        # Pillow compares pixels of 8 bits with the value as the file gives it.
        marked = image.copy()
        marked.info["transparency"] = _transparency_8_bit(transparency, storage)
        return marked.convert("RGBA" if mode == "RGB" else "LA")
    if mode in CODED_MODES:
        return image
    if mode == "PA" or (mode == "P" and image.has_transparency_data):
        return image.convert("RGBA")
    targets = {"1": "L", "P": "RGB", "RGBX": "RGB", "RGBa": "RGBA", "La": "LA"}
    if mode not in targets:
        raise ImageInputError(
            f"received a picture of mode {mode}, expected 8 or 16 bits per channel: "
            "map its values to 0..255 (tone mapping) and convert it to RGB or L first"
        )
    return image.convert(targets[mode])


def _transparency_8_bit(transparency: Any, storage: Storage) -> Any:
    if storage.is_16_bit and isinstance(transparency, tuple):
        return tuple(value >> 8 for value in transparency)
    if isinstance(transparency, int):
        return transparency * _GRAY_SCALES.get(storage.rawmode, 1)
    return transparency


def _from_16_bit_gray(image: Image.Image, storage: Storage) -> Image.Image:
    import numpy as np

    # Image.convert would clip at 255 instead.
    values = np.asarray(image).astype(np.uint32)
    levels = (np.minimum(values, storage.top) * 255 + storage.top // 2) // storage.top
    gray = Image.fromarray((255 - levels if storage.is_white_zero else levels).astype(np.uint8))
    transparency = image.info.get("transparency")
    if isinstance(transparency, int):
        gray.putalpha(Image.fromarray(np.where(values == transparency, 0, 255).astype(np.uint8)))
    return gray


def _to_srgb(image: Image.Image, icc: bytes) -> tuple[Image.Image, tuple[str, ...]]:
    note = f"{image.mode} converted to RGB"
    if image.mode != "CMYK":
        return image.convert("RGB"), (note,)
    if not icc:
        return image.convert("RGB"), (f"{note} without a profile: colours are approximate",)

    from io import BytesIO

    from PIL import ImageCms

    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(icc)),
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImportError, OSError, ImageCms.PyCMSError):
        return image.convert("RGB"), (f"{note} without its profile, unusable: colours are approximate",)
    if converted is None:
        raise ImageInputError("the colour conversion gave no picture: convert it to RGB first")
    return converted, (f"{note} (sRGB) through its profile",)
