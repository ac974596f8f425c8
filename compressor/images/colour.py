"""Colour spaces that a file describes without an ICC profile."""

from __future__ import annotations

import struct
from contextlib import suppress
from numbers import Real

from PIL import Image

# Where files describe their colours and depth; pixels come later.
_HEADER_NUM_BYTES = 65536

# Code points of ITU-T H.273 that sRGB stands for here: unspecified, and the curves that are close to its own.
_SRGB_PRIMARIES = (1, 2)
_SRGB_TRANSFERS = (1, 2, 6, 13, 14, 15)
_PRIMARIES = {9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
_TRANSFERS = {8: "linear", 16: "PQ", 18: "HLG"}

# Length (4) and type of a cICP chunk.
_CICP_CHUNK = b"\0\0\0\x04cICP"

_SRGB_GAMMA, _GAMMA_TOLERANCE = 1 / 2.2, 0.02
_WHITE_POINT_TAG, _PRIMARIES_TAG = 318, 319
# x and y of white, red, green and blue, as a PNG file gives them.
_SRGB_CHROMATICITY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
_CHROMATICITY_TOLERANCE = 0.01


def read_header(image: Image.Image) -> bytes:
    """Return the beginning of a picture's file; empty if there is none, or it is closed already."""
    file = getattr(image, "fp", None)
    # Pillow needs no more of a file than read, seek and tell.
    if file is None or getattr(file, "closed", False):
        return b""
    position = file.tell()
    file.seek(0)
    header: bytes = file.read(_HEADER_NUM_BYTES)
    file.seek(position)
    return header


def colour_notes(image: Image.Image, header: bytes) -> tuple[str, ...]:
    """Return a note if a picture's colours are described as other than sRGB, and not by an ICC profile.

    Descriptions that are close to sRGB get no note.

    Args:
        image: the picture, as Pillow has opened it.
        header: from `read_header`.

    Reference: ITU-T H.273 for code points; PNG, third edition, for cICP, gAMA and cHRM.
    """
    if image.info.get("icc_profile"):
        return ()
    # In PNG, cICP takes precedence over sRGB, and both over gAMA and cHRM.
    if (code_points := _code_points(image.format, header)) is not None:
        primaries, transfer = code_points
        found = []
        if primaries not in _SRGB_PRIMARIES:
            found.append(_PRIMARIES.get(primaries, f"primaries {primaries}"))
        if transfer not in _SRGB_TRANSFERS:
            found.append(_TRANSFERS.get(transfer, f"transfer {transfer}"))
        return _note(" ".join(found)) if found else ()
    if "srgb" in image.info:
        return ()
    (gamma,) = _numbers([image.info.get("gamma")]) or [0.0]
    if gamma and abs(gamma - _SRGB_GAMMA) > _GAMMA_TOLERANCE:
        return _note(f"gamma {gamma:g}")
    # A damaged list may be shorter.
    chromaticity = _numbers(image.info.get("chromaticity", _tiff_chromaticity(image)))
    pairs = zip(chromaticity, _SRGB_CHROMATICITY, strict=False)
    if any(abs(a - b) > _CHROMATICITY_TOLERANCE for a, b in pairs):
        return _note("other primaries")
    return ()


def _note(found: str) -> tuple[str, ...]:
    return (f"colours described as {found} are read as sRGB, and will look different: convert them to sRGB",)


def _tiff_chromaticity(image: Image.Image) -> list[float]:
    tags = getattr(image, "tag_v2", {})
    white, primaries = (_numbers(tags.get(tag)) for tag in (_WHITE_POINT_TAG, _PRIMARIES_TAG))
    return [*white, *primaries] if white and primaries else []


def _numbers(values: object) -> list[float]:
    """Return a list of numbers as floats; empty for anything else, which files may hold in its place."""
    if isinstance(values, list | tuple) and all(isinstance(value, Real) for value in values):
        with suppress(OverflowError):
            return [float(value) for value in values]
    return []


def _code_points(file_format: str | None, header: bytes) -> tuple[int, int] | None:
    """Return primaries and transfer of a cICP chunk (PNG) or an nclx box (AVIF)."""
    if file_format == "PNG" and (at := header.find(_CICP_CHUNK)) >= 0 and at + 10 <= len(header):
        return header[at + 8], header[at + 9]
    if file_format == "AVIF" and (at := header.find(b"colrnclx")) >= 0 and at + 12 <= len(header):
        primaries, transfer = struct.unpack_from(">HH", header, at + 8)
        return primaries, transfer
    return None
