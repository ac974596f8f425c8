"""The orientation of a picture, read from and changed in the bytes of its EXIF and XMP.

EXIF is a TIFF structure here, without the "Exif" prefix that JPEG puts before it.
"""

import re
import struct

_ORIENTATION_TAG = 0x0112
_SHORT = 3
# Integer types of TIFF, as `struct` names them: some programs write others than the standard asks for.
_INTEGERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation(?:\s*=\s*[\"']|>)\s*)([1-8])")


def orientation_of(exif: bytes, xmp: bytes) -> int:
    """Return the EXIF orientation, 1 to 8, from EXIF or else from XMP; 1 (upright) where there is none."""
    if (entry := _find_orientation(exif)) is not None:
        order, offset = entry
        (kind,) = struct.unpack_from(order + "H", exif, offset + 2)
        value: int = struct.unpack_from(order + _INTEGERS[kind], exif, offset + 8)[0]
        return value if 1 <= value <= 8 else 1
    match = _XMP_ORIENTATION.search(xmp)
    return int(match[2]) if match else 1


def reset_orientation(exif: bytes, xmp: bytes) -> tuple[bytes, bytes]:
    """Set the orientation in EXIF and XMP to 1, and return both.

    The value is changed in place: writing EXIF again would break what it addresses by offset (thumbnails,
    makers' notes).
    """
    if (entry := _find_orientation(exif)) is not None:
        order, offset = entry
        upright = struct.pack(order + "HHIHH", _ORIENTATION_TAG, _SHORT, 1, 1, 0)
        exif = exif[:offset] + upright + exif[offset + len(upright) :]
    return exif, _XMP_ORIENTATION.sub(rb"\g<1>1", xmp)


def without_orientation(exif: bytes) -> bytes:
    """Remove the orientation from EXIF; data that entries point to stay in place."""
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
