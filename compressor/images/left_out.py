"""Notes on the metadata of a picture that a stream cannot hold."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

from PIL import Image

from compressor.errors import shown
from compressor.images.metadata import read_exif
from compressor.images.tiff_tags import DESCRIPTIVE_TAGS, EXIF_IFDS

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
_RESOLUTION_TAG = 0x011A
_IPTC_TAG = 0x83BB


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
        known = DESCRIPTIVE_TAGS | _LAYOUT_TAGS | set(EXIF_IFDS)
        if others := sorted(set(getattr(image, "tag_v2", {})) - known):
            found.append(f"TIFF tags ({_listed(map(str, others))})")
    dpi = _dpi(info.get("dpi"))
    if dpi not in _DEFAULT_DPI and not _has_resolution(read_exif(image)):
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
    tags = Image.Exif()
    try:
        tags.load(exif)
        return _RESOLUTION_TAG in tags
    except Exception:
        # Damaged EXIF is carried as it is.
        return False
