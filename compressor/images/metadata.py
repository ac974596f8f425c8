"""Metadata that travel with the pixels: ICC profile, EXIF, XMP, and the orientation that two of them hold."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from compressor.errors import OptionError, shown
from compressor.spec.file_format import EXIF, ICC, XMP

if TYPE_CHECKING:
    from PIL import Image

STRIP_CHOICES = ("all", "exif", "icc", "xmp")

EXIF_PREFIX = b"Exif\x00\x00"
_ORIENTATION_TAG = 0x0112
_SHORT = 3
# Integer types of TIFF, as `struct` names them: some programs write others than the standard asks for.
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")

# TIFF keeps its EXIF among the tags that describe the file's own layout. These describe the picture:
# DocumentName, ImageDescription, Make, Model, the resolution, PageName, Software, DateTime, Artist,
# HostComputer, Copyright, and what Windows adds.
_DESCRIPTIVE_TAGS = frozenset(
    [0x010D, 0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x011D, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298]
    + [0x4746, 0x4749, *range(0x9C9B, 0x9CA0)]
)
# Tags of a TIFF file's layout, colours and padding, and those of XMP, IPTC and the ICC profile, which are
# carried or have notes of their own.
_LAYOUT_TAGS = frozenset(
    [*range(254, 269), *range(273, 282), 284, *range(288, 294), 296, 297, 301, *range(317, 348)]
    + [*range(512, 533), 700, 33723, 34675, 59932]
)
# Limits for a list in a note: number of names, and characters per name.
_NUM_NAMED, _NAME_LENGTH = 5, 60
# Resolutions that programs write when they know none; 1 is an aspect ratio.
_DEFAULT_DPI = (0, 1, 72, 96)
_EXIF_IFDS = (0x8769, 0x8825)
# A directory inside the first of them; its offset is valid in the original file only.
_INTEROPERABILITY_TAG = 0xA005
_RESOLUTION_TAG = 0x011A
_IPTC_TAG = 0x83BB


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

    @classmethod
    def of_sections(cls, sections: Mapping[str, bytes]) -> Metadata:
        """Return the metadata among the sections of a stream."""
        icc, exif, xmp = (sections.get(name, b"") for name in (ICC, EXIF, XMP))
        return cls(icc, without_prefix(exif), xmp)

    def sections(self) -> dict[str, bytes]:
        """Return the payloads of the sections of a stream, by name; empty where there is none."""
        return {ICC: self.icc, EXIF: self.exif, XMP: self.xmp}

    def stripped(self, strip: frozenset[str]) -> Metadata:
        """Leave out the metadata named in a set from `parse_strip`."""
        return replace(self, **dict.fromkeys(strip, b""))

    def info(self) -> dict[str, bytes]:
        """Return what is present under the keys that Pillow uses, in `info` and as arguments of `save`."""
        exif = EXIF_PREFIX + self.exif if self.exif else b""
        entries = {"icc_profile": self.icc, "exif": exif, "xmp": self.xmp}
        return {key: value for key, value in entries.items() if value}


def without_prefix(exif: bytes) -> bytes:
    """Remove the "Exif" prefix of JPEG, which some programs write twice."""
    while exif.startswith(EXIF_PREFIX):
        exif = exif.removeprefix(EXIF_PREFIX)
    return exif


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


def is_profile_for(icc: bytes, mode: str) -> bool:
    """Return whether an ICC profile, possibly empty, can be kept with pixels of mode L, LA, RGB or RGBA.

    Only gray profiles of colour pictures cannot. RGB profiles of gray pictures are kept, since programs often
    leave them there after a conversion.
    """
    return icc[16:20] != b"GRAY" or mode in ("L", "LA")


def read_metadata(image: Image.Image) -> Metadata:
    """Collect the metadata of a picture that Pillow has loaded; what cannot be read counts as absent."""
    info = image.info
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp")
    metadata = Metadata(
        icc=_as_bytes(info.get("icc_profile")),
        exif=without_prefix(_read_exif(image)),
        xmp=_as_bytes(xmp),
    )
    # Pillow rotates the pixels of a TIFF itself, but removes only some spellings of the orientation tag.
    return reset_orientation(metadata) if image.format == "TIFF" else metadata


def orientation_of(metadata: Metadata) -> int:
    """Return the EXIF orientation, 1 to 8, from EXIF or else from XMP; 1 (upright) where there is none."""
    if (entry := _find_orientation(metadata.exif)) is not None:
        order, offset = entry
        (kind,) = struct.unpack_from(order + "H", metadata.exif, offset + 2)
        value: int = struct.unpack_from(order + _INTEGERS[kind], metadata.exif, offset + 8)[0]
        return value if 1 <= value <= 8 else 1
    match = _XMP_ORIENTATION.search(metadata.xmp)
    return int(match[2]) if match else 1


def reset_orientation(metadata: Metadata) -> Metadata:
    """Set the orientation in EXIF and XMP to 1.

    The value is changed in place: writing EXIF again would break what it addresses by offset (thumbnails,
    makers' notes).
    """
    exif = metadata.exif
    if (entry := _find_orientation(exif)) is not None:
        order, offset = entry
        upright = struct.pack(order + "HHIHH", _ORIENTATION_TAG, _SHORT, 1, 1, 0)
        exif = exif[:offset] + upright + exif[offset + len(upright) :]
    return replace(metadata, exif=exif, xmp=_XMP_ORIENTATION.sub(rb"\g<1>1", metadata.xmp))


def without_orientation(exif: bytes) -> bytes:
    """Remove the orientation from EXIF without its prefix; data that entries point to stay in place."""
    if (entry := _find_orientation(exif)) is None:
        return exif
    order, offset = entry
    (directory,) = struct.unpack_from(order + "I", exif, 4)
    (num_entries,) = struct.unpack_from(order + "H", exif, directory)
    start, next_entry = directory + 2, offset + 12
    # After the entries comes the offset of the next directory.
    end = start + 12 * num_entries + 4
    count = struct.pack(order + "H", num_entries - 1)
    entries = exif[start:offset] + exif[next_entry:end] + bytes(12)
    return exif[:directory] + count + entries + exif[end:]


def left_out_notes(image: Image.Image) -> tuple[str, ...]:
    """Return a note that names the metadata that a stream cannot hold."""
    info, found = image.info, []
    if 0x0404 in (info.get("photoshop") or {}) or _IPTC_TAG in getattr(image, "tag_v2", {}):
        found.append("IPTC")
    # JPEG 2000 encoders write their name there.
    if info.get("comment") and image.format != "JPEG2000":
        found.append("comment")
    carried = ("XML:com.adobe.xmp", "xmp", "Raw profile type exif")
    texts = [key for key in getattr(image, "text", {}) if key not in carried]
    if texts:
        found.append(f"text ({_listed(map(shown, texts))})")
    if image.format == "TIFF":
        known = _DESCRIPTIVE_TAGS | _LAYOUT_TAGS | set(_EXIF_IFDS)
        if others := sorted(set(getattr(image, "tag_v2", {})) - known):
            found.append(f"TIFF tags ({_listed(map(str, others))})")
    dpi = _dpi(info.get("dpi"))
    if dpi not in _DEFAULT_DPI and not _has_resolution(without_prefix(_read_exif(image))):
        found.append(f"resolution ({dpi} dpi)")
    return (f"left out: {', '.join(found)}",) if found else ()


def _listed(names: Iterable[str]) -> str:
    first = [name[:_NAME_LENGTH] for name in islice(names, _NUM_NAMED + 1)]
    return ", ".join(first[:_NUM_NAMED]) + ", ..." * (len(first) > _NUM_NAMED)


def _dpi(resolution: Any) -> int:
    """Return the horizontal resolution, 0 if there is none or it is not a number."""
    try:
        return round(float(resolution[0]))
    except (TypeError, ValueError, OverflowError, LookupError, ZeroDivisionError):
        return 0


def _has_resolution(exif: bytes) -> bool:
    from PIL import Image

    tags = Image.Exif()
    try:
        tags.load(exif)
        return _RESOLUTION_TAG in tags
    except Exception:
        # Damaged EXIF is carried as it is.
        return False


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
            if tag == _ORIENTATION_TAG and kind in _INTEGERS:
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
    try:
        exif = _descriptive(image.getexif())
        return exif.tobytes() if exif else b""
    except Exception:
        # Pillow raises almost anything on damaged tags; the pixels do not depend on them.
        return b""


def tiff_tags(exif: bytes) -> Image.Exif:
    """Return the tags of EXIF that a TIFF file can take over.

    Others describe the layout of the file that the EXIF comes from: its size, its compression.

    Args:
        exif: with or without its prefix.

    Raises:
        Exception: of many types, from Pillow, if the EXIF is damaged.
    """
    from PIL import Image

    tags = Image.Exif()
    tags.load(exif)
    return _descriptive(tags)


def _descriptive(tags: Image.Exif) -> Image.Exif:
    from PIL import Image

    chosen = Image.Exif()
    for tag in sorted(_DESCRIPTIVE_TAGS.intersection(tags)):
        chosen[tag] = tags[tag]
    for tag in _EXIF_IFDS:
        directory = dict(tags.get_ifd(tag))
        directory.pop(_INTEROPERABILITY_TAG, None)
        if directory:
            # Pillow writes the entry only if it is set, and takes its content from `get_ifd`.
            chosen.get_ifd(tag).update(directory)
            chosen[tag] = directory
    return chosen


def _as_bytes(value: object) -> bytes:
    if isinstance(value, str):
        # A picture made in Python may hold text that UTF-8 cannot encode, such as lone surrogates.
        return value.encode(errors="replace")
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""
