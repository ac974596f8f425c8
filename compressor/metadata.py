"""What travels beside the pixels: ICC profile, EXIF, XMP, and the orientation that two of them hold."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compressor.errors import OptionError

if TYPE_CHECKING:
    from PIL import Image

STRIP_CHOICES = ("all", "exif", "icc", "xmp")

EXIF_PREFIX = b"Exif\x00\x00"
_ORIENTATION_TAG = 0x0112
_SHORT = 3
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")

# TIFF keeps its EXIF among the tags that describe the file's own layout; these describe the picture.
_DESCRIPTIVE_TAGS = (0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298)
_EXIF_IFDS = (0x8769, 0x8825)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata of a picture, as bytes; empty where there is none.

    Attributes:
        icc: ICC profile.
        exif: EXIF as a TIFF structure, without the "Exif" prefix that JPEG puts before it.
        xmp: XMP packet.
    """

    icc: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""

    def stripped(self, strip: frozenset[str]) -> Metadata:
        """Leave out what is named in a set that `parse_strip` made."""
        return replace(self, **dict.fromkeys(strip, b""))

    def info(self) -> dict[str, bytes]:
        """Return what is present under the keys that Pillow uses, in `info` and as arguments of `save`."""
        exif = EXIF_PREFIX + self.exif if self.exif else b""
        entries = {"icc_profile": self.icc, "exif": exif, "xmp": self.xmp}
        return {key: value for key, value in entries.items() if value}


def parse_strip(strip: str | Iterable[str]) -> frozenset[str]:
    """Read the `strip` option.

    Args:
        strip: one or several of "all", "exif", "icc", "xmp".

    Returns:
        The fields of `Metadata` to leave out.

    Raises:
        OptionError: if another name is among them.
    """
    names = frozenset([strip] if isinstance(strip, str) else strip)
    if unknown := sorted(str(name) for name in names - set(STRIP_CHOICES)):
        raise OptionError(f"received strip {', '.join(unknown)}, expected {', '.join(STRIP_CHOICES)}")
    return frozenset(STRIP_CHOICES[1:]) if "all" in names else names


def read_metadata(image: Image.Image) -> Metadata:
    """Collect the metadata of a picture that Pillow has loaded; what cannot be read counts as absent."""
    info = image.info
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    return Metadata(
        icc=_as_bytes(info.get("icc_profile")),
        exif=_read_exif(image).removeprefix(EXIF_PREFIX),
        xmp=_as_bytes(xmp),
    )


def orientation_of(metadata: Metadata) -> int:
    """Return the EXIF orientation, 1 to 8, from EXIF or else from XMP; 1 (upright) where there is none."""
    if (entry := _find_orientation(metadata.exif)) is not None:
        order, offset = entry
        value: int = struct.unpack_from(order + "H", metadata.exif, offset + 8)[0]
        return value if 1 <= value <= 8 else 1
    match = _XMP_ORIENTATION.search(metadata.xmp)
    return int(match[2]) if match else 1


def reset_orientation(metadata: Metadata) -> Metadata:
    """Set the orientation in EXIF and XMP to 1.

    The value is changed in place: writing EXIF anew would break what it addresses by offset (thumbnails,
    makers' notes).
    """
    exif = metadata.exif
    if (entry := _find_orientation(exif)) is not None:
        order, offset = entry
        upright = struct.pack(order + "HHIHH", _ORIENTATION_TAG, _SHORT, 1, 1, 0)
        exif = exif[:offset] + upright + exif[offset + len(upright) :]
    return replace(metadata, exif=exif, xmp=_XMP_ORIENTATION.sub(rb"\g<1>1", metadata.xmp))


def _find_orientation(exif: bytes) -> tuple[str, int] | None:
    """Return the byte order and the offset of the orientation's entry in the first directory."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(order + "I", exif, 4)
        (num_entries,) = struct.unpack_from(order + "H", exif, directory)
        for offset in range(directory + 2, directory + 2 + 12 * num_entries, 12):
            tag, kind, _, _ = struct.unpack_from(order + "HHII", exif, offset)
            if tag == _ORIENTATION_TAG and kind == _SHORT:
                return order, offset
    except struct.error:
        # The directory reaches beyond the data: such EXIF is carried as it is.
        return None
    return None


def _read_exif(image: Image.Image) -> bytes:
    if exif := _as_bytes(image.info.get("exif")):
        return exif
    # PNG files of ImageMagick hold it as text: a line feed, a name, a length, then hexadecimal digits.
    raw_profile = image.info.get("Raw profile type exif")
    if isinstance(raw_profile, str):
        try:
            return bytes.fromhex("".join(raw_profile.split("\n")[3:]))
        except ValueError:
            return b""
    if image.format == "TIFF":
        return _exif_from_tiff(image)
    return b""


def _exif_from_tiff(image: Image.Image) -> bytes:
    from PIL import Image

    try:
        tags = image.getexif()
        exif = Image.Exif()
        for tag in _DESCRIPTIVE_TAGS:
            if tag in tags:
                exif[tag] = tags[tag]
        for tag in _EXIF_IFDS:
            if directory := tags.get_ifd(tag):
                exif[tag] = directory
        return exif.tobytes() if exif else b""
    except Exception:
        # Pillow raises almost anything on damaged tags; the pixels do not depend on them.
        return b""


def _as_bytes(value: object) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""
