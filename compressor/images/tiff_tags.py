"""Tags of TIFF files as EXIF, and back."""

from PIL import Image

# TIFF keeps its EXIF among the tags that describe the file's own layout. These describe the picture:
# DocumentName, ImageDescription, Make, Model, the resolution, PageName, Software, DateTime, Artist,
# HostComputer, Copyright, and what Windows adds.
DESCRIPTIVE_TAGS = frozenset(
    [0x010D, 0x010E, 0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x011D, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298]
    + [0x4746, 0x4749, *range(0x9C9B, 0x9CA0)]
)
EXIF_IFDS = (0x8769, 0x8825)
# A directory inside the first of them; its offset is valid in the original file only.
_INTEROPERABILITY_TAG = 0xA005


def exif_of_tiff(image: Image.Image) -> bytes:
    """Return EXIF, with its prefix, of the tags of a TIFF that describe the picture; empty without any."""
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
    tags = Image.Exif()
    tags.load(exif)
    return _descriptive(tags)


def _descriptive(tags: Image.Exif) -> Image.Exif:
    chosen = Image.Exif()
    for tag in sorted(DESCRIPTIVE_TAGS.intersection(tags)):
        chosen[tag] = tags[tag]
    for tag in EXIF_IFDS:
        directory = dict(tags.get_ifd(tag))
        directory.pop(_INTEROPERABILITY_TAG, None)
        if directory:
            # Pillow writes the entry only if it is set, and takes its content from `get_ifd`.
            chosen.get_ifd(tag).update(directory)
            chosen[tag] = directory
    return chosen
