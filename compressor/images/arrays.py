"""Pillow images to arrays and back. The only place where pixels are rounded and clipped."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image


def to_uint8(pixels: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Round and clip pixels.

    Args:
        pixels: floats in 8-bit levels, any shape. NaN becomes 0.

    Returns:
        uint8, 0..255, of the same shape; halves are rounded to even.

    Example:
        >>> to_uint8(np.array([-3.0, 0.5, 1.6, 300.0])).tolist()
        [0, 0, 2, 255]
    """
    rounded: npt.NDArray[np.floating[Any]] = np.rint(pixels)
    np.clip(rounded, 0, 255, out=rounded)
    rounded[np.isnan(rounded)] = 0
    return rounded.astype(np.uint8)


def colour_array(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the colours of a picture of mode L, LA, RGB or RGBA as an array (H, W, 3), gray replicated."""
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def colour_image(image_uint8: npt.NDArray[np.uint8], *, gray: bool) -> Image.Image:
    """Return a picture of mode RGB, or L with the rounded mean of the channels, from an array (H, W, 3)."""
    if not gray:
        return Image.fromarray(image_uint8)
    # A third is never halfway between two integers, so this is the nearest one.
    total = image_uint8.sum(axis=2, dtype=np.uint16)
    return Image.fromarray(((total + 1) // 3).astype(np.uint8))
