"""Squared error and PSNR of decoded pictures."""

import math

import numpy as np
import numpy.typing as npt

_STRIP = 256


def squared_error(decoded_uint8: npt.NDArray[np.uint8], image_uint8: npt.NDArray[np.uint8]) -> int:
    """Return the sum of the squared differences of two pictures, in squared 8-bit levels.

    Args:
        decoded_uint8: any shape.
        image_uint8: the same shape.

    Example:
        >>> a = np.zeros((4, 4, 3), np.uint8)
        >>> squared_error(a + np.uint8(2), a)
        192
    """
    # In strips: the differences of a large picture would take eight times its memory.
    total = 0
    for top in range(0, len(image_uint8), _STRIP):
        rows = slice(top, top + _STRIP)
        error = decoded_uint8[rows].astype(np.int32) - image_uint8[rows]
        total += int(np.square(error, out=error).sum(dtype=np.int64))
    return total


def psnr_db(decoded_uint8: npt.NDArray[np.uint8], image_uint8: npt.NDArray[np.uint8]) -> float:
    """Return the peak signal-to-noise ratio of two pictures in dB; infinite if they are equal.

    Args:
        decoded_uint8: any shape.
        image_uint8: the same shape.

    Reference: 10 log10(255^2 / mean squared error), over all values.

    Example:
        >>> a = np.zeros((4, 4, 3), np.uint8)
        >>> round(psnr_db(a + np.uint8(1), a), 2)
        48.13
    """
    total = squared_error(decoded_uint8, image_uint8)
    return 10 * math.log10(255**2 * image_uint8.size / total) if total else math.inf
