"""Every mode that Pillow knows, brought to one of four: L, LA, RGB, RGBA with 8 bits a channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from PIL import Image

from compressor.errors import ImageInputError

CODED_MODES = ("L", "LA", "RGB", "RGBA")

_NOTE_16_BIT = "16 bits a channel reduced to 8"

# Factor from the values of a gray PNG of few bits, as its transparent value is given, to 8 bits.
_GRAY_SCALES = {"L;2": 85, "L;4": 17}


@dataclass(frozen=True, slots=True)
class Storage:
    """How the pixels lie in the file: what Pillow knows before it loads them, and forgets then.

    Attributes:
        rawmode: Pillow's name, for example "RGB;16B"; empty where it is not known.
        file_format: Pillow's name, for example "PNG"; empty for pictures that come from no file.
    """

    rawmode: str
    file_format: str

    @classmethod
    def of(cls, image: Image.Image) -> Storage:
        """Look at a picture before it is loaded."""
        tiles = getattr(image, "tile", None)
        args = tiles[0][3] if tiles else ""
        rawmode = args[0] if isinstance(args, tuple) and args else args
        return cls(rawmode if isinstance(rawmode, str) else "", image.format or "")

    @property
    def is_16_bit(self) -> bool:
        """Whether Pillow drops the low byte of each channel; in other formats ";16" is 5 bits a channel."""
        return self.file_format in ("PNG", "TIFF") and ";16" in self.rawmode


def to_coded_mode(image: Image.Image, storage: Storage) -> tuple[Image.Image, tuple[str, ...], bool]:
    """Convert a loaded picture to L, LA, RGB or RGBA.

    Args:
        image: the picture, loaded.
        storage: how it lay in its file.

    Returns:
        The picture, notes on what was lost, and whether its ICC profile still describes its colours.

    Raises:
        ImageInputError: if the mode has a wider range than 8 or 16 bits.
    """
    mode = image.mode
    notes = (_NOTE_16_BIT,) if storage.is_16_bit or mode.startswith("I;16") else ()
    if mode in ("CMYK", "LAB", "HSV", "YCbCr"):
        rgb, conversion_notes = _to_srgb(image)
        return rgb, notes + conversion_notes, False
    if mode.startswith("I;16") or (mode == "I" and storage.file_format == "PPM"):
        return _from_16_bit_gray(image), (_NOTE_16_BIT,), True
    if storage.rawmode.startswith("LA;16"):
        return image.convert("LA"), notes, True
    return _to_8_bit(image, storage), notes, True


def _to_8_bit(image: Image.Image, storage: Storage) -> Image.Image:
    mode = image.mode
    transparency = image.info.get("transparency")
    if transparency is not None and mode in ("1", "L", "RGB"):
        # Pillow compares pixels of 8 bits with the value as the file gives it.
        opaque = image.copy()
        opaque.info["transparency"] = _transparency_8_bit(transparency, storage)
        return opaque.convert("RGBA" if mode == "RGB" else "LA")
    if mode in CODED_MODES:
        return image
    if mode == "PA" or (mode == "P" and image.has_transparency_data):
        return image.convert("RGBA")
    targets = {"1": "L", "P": "RGB", "RGBX": "RGB", "RGBa": "RGBA", "La": "LA"}
    if mode not in targets:
        raise ImageInputError(
            f"received a picture of mode {mode}, expected 8 or 16 bits a channel: "
            "map its values to 0..255 (tone mapping) and convert it to RGB or L first"
        )
    return image.convert(targets[mode])


def _transparency_8_bit(transparency: Any, storage: Storage) -> Any:
    if storage.is_16_bit and isinstance(transparency, tuple):
        return tuple(value >> 8 for value in transparency)
    if isinstance(transparency, int):
        return transparency * _GRAY_SCALES.get(storage.rawmode, 1)
    return transparency


def _from_16_bit_gray(image: Image.Image) -> Image.Image:
    import numpy as np

    # Image.convert would clip at 255 instead.
    values = np.asarray(image).astype(np.uint32)
    gray = Image.fromarray(((values * 255 + 32767) // 65535).astype(np.uint8))
    transparency = image.info.get("transparency")
    if isinstance(transparency, int):
        gray.putalpha(Image.fromarray(np.where(values == transparency, 0, 255).astype(np.uint8)))
    return gray


def _to_srgb(image: Image.Image) -> tuple[Image.Image, tuple[str, ...]]:
    note = f"{image.mode} converted to RGB"
    profile = image.info.get("icc_profile")
    if image.mode != "CMYK":
        return image.convert("RGB"), (note,)
    if not profile:
        return image.convert("RGB"), (f"{note} without a profile: colours are approximate",)

    from io import BytesIO

    from PIL import ImageCms

    try:
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
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
