"""Some pixels of a picture as lossless WebP and back; the alpha channel says which."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

from compressor.errors import CorruptStreamError, one_line
from compressor.images.pillow_limit import limit_of_pillow

# Positions in a WebP file that holds a lossless picture and nothing else. Lengths count the bytes after them.
_CONTAINER, _FILE_LENGTH, _TYPE, _LENGTH = slice(0, 4), slice(4, 8), slice(8, 16), slice(16, 20)
_SIZE, _HEADER_NUM_BYTES = slice(21, 25), 25
# Out of 6 and 100: higher values are much slower, and the files hardly smaller.
_METHOD, _EFFORT = 4, 75


def encode_lossless(image_uint8: npt.NDArray[np.uint8], mask: npt.NDArray[np.bool_]) -> bytes:
    """Encode the pixels of a mask without loss.

    Args:
        image_uint8: colours (H, W, 3), each side at most 16,383.
        mask: (H, W), True where pixels are stored.

    Returns:
        A WebP file. Its alpha is 255 where pixels are stored, and 0 elsewhere.

    Reference: RFC 9649, "WebP Image Format", the lossless format.
    """
    alpha = np.where(mask, np.uint8(255), np.uint8(0))
    rgba = np.dstack([np.where(mask[..., None], image_uint8, np.uint8(0)), alpha])
    buffer = BytesIO()
    Image.fromarray(rgba).save(buffer, "WEBP", lossless=True, exact=True, method=_METHOD, quality=_EFFORT)
    return buffer.getvalue()


def quick_num_bytes(image_uint8: npt.NDArray[np.uint8]) -> int:
    """Return the size of a picture as a quickly written PNG file.

    `encode_lossless` takes 0.4 to 0.7 times as many bytes for photographs, and ten times as long.

    Args:
        image_uint8: (H, W, 3).
    """
    buffer = BytesIO()
    Image.fromarray(image_uint8).save(buffer, "PNG", compress_level=1)
    return buffer.tell()


def decode_lossless(
    data: bytes, height: int, width: int
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Decode the pixels of a mask.

    Args:
        data: from `encode_lossless`.
        height: the height that they must have.
        width: the width that they must have.

    Returns:
        Colours (height, width, 3), and the mask (height, width).

    Raises:
        CorruptStreamError: if the data are not a lossless WebP picture of that size.
    """
    if not _is_single_lossless_chunk(data):
        raise CorruptStreamError("the stored section is not lossless WebP: get the file again")
    # Checked before the library sees the data: it would allocate whatever size they claim.
    fields = int.from_bytes(data[_SIZE], "little")
    found = (fields & 0x3FFF) + 1, (fields >> 14 & 0x3FFF) + 1
    if found != (width, height):
        raise CorruptStreamError(
            f"a tile of the stored section is {found[0]}x{found[1]}, expected {width}x{height}: "
            "get the file again"
        )

    from PIL.WebPImagePlugin import WebPImageFile

    try:
        # The size is already checked against our own limit.
        with limit_of_pillow(None):
            image = WebPImageFile(BytesIO(data))
        rgba = np.asarray(image.convert("RGBA"))
    except MemoryError:
        raise
    except Exception as error:
        raise CorruptStreamError(
            f"the stored section cannot be read ({one_line(error)}): get the file again"
        ) from error
    return rgba[..., :3], rgba[..., 3] == 255


def _is_single_lossless_chunk(data: bytes) -> bool:
    if len(data) < _HEADER_NUM_BYTES or (data[_CONTAINER], data[_TYPE]) != (b"RIFF", b"WEBPVP8L"):
        return False
    file_length, length = (int.from_bytes(data[part], "little") for part in (_FILE_LENGTH, _LENGTH))
    # Chunks are padded to an even length.
    padded = length + length % 2
    return len(data) == _FILE_LENGTH.stop + file_length == _LENGTH.stop + padded
