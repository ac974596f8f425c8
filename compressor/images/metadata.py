"""Metadata that travel with the pixels: ICC profile, EXIF and XMP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from PIL import Image

from compressor.errors import OptionError
from compressor.images.orientation import orientation_of, reset_orientation
from compressor.images.tiff_tags import exif_of_tiff
from compressor.spec.file_format import EXIF, ICC, XMP

STRIP_CHOICES = ("all", "exif", "icc", "xmp")

EXIF_PREFIX = b"Exif\x00\x00"


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

    @property
    def orientation(self) -> int:
        """The EXIF orientation, 1 to 8, from EXIF or else from XMP; 1 (upright) where there is none."""
        return orientation_of(self.exif, self.xmp)

    def upright(self) -> Metadata:
        """Set the orientation in EXIF and XMP to 1."""
        exif, xmp = reset_orientation(self.exif, self.xmp)
        return replace(self, exif=exif, xmp=xmp)

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
        OptionError: if something else is among them.
    """
    given = [strip] if isinstance(strip, str | bytes) or not isinstance(strip, Iterable) else list(strip)
    if unknown := sorted(str(name) for name in given if name not in STRIP_CHOICES):
        raise OptionError(f"received strip {', '.join(unknown)}, expected {', '.join(STRIP_CHOICES)}")
    names = frozenset(given)
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
        exif=read_exif(image),
        xmp=_as_bytes(xmp),
    )
    # Pillow rotates the pixels of a TIFF itself, but removes only some spellings of the orientation tag.
    return metadata.upright() if image.format == "TIFF" else metadata


def read_exif(image: Image.Image) -> bytes:
    """Return the EXIF of a picture that Pillow has loaded, without its prefix; empty where there is none."""
    return without_prefix(_stored_exif(image))


def _stored_exif(image: Image.Image) -> bytes:
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
        return exif_of_tiff(image)
    return b""


def _as_bytes(value: object) -> bytes:
    if isinstance(value, str):
        # A picture made in Python may hold text that UTF-8 cannot encode, such as lone surrogates.
        return value.encode(errors="replace")
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else b""
