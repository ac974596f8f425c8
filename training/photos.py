"""Photographs in memory: decoded as far as a budget goes, beyond it as the bytes that they came as."""

import io
import warnings
from collections.abc import Sequence

import numpy as np
from PIL import Image

from training.data import encoded_images
from training.errors import TrainingError

DECODED_BYTES = 4 << 30
UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def decode_photo(data: bytes) -> np.ndarray:
    """Bytes of an image file -> uint8 (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


class Photos(Sequence):
    """Photographs by number, each uint8 (H, W, 3); those kept as bytes are decoded each time.

    Args:
        items: decoded pictures, or bytes of image files.
    """

    def __init__(self, items: list[np.ndarray | bytes]):
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Photos(self.items[index])
        item = self.items[index]
        return decode_photo(item) if isinstance(item, bytes) else item


def load_photos(source: str, min_side: int, decoded_bytes: int = DECODED_BYTES) -> Photos:
    """Read every image of `source` whose shorter side is at least `min_side` pixels.

    Args:
        source: see `encoded_images`.
        min_side: smaller pictures are left out: nothing is ever scaled up.
        decoded_bytes: how much memory decoded pictures may take; the others stay as bytes.

    Raises:
        TrainingError: if no image is left.
    """
    items, unreadable, small, used = [], 0, 0, 0
    for _, data in encoded_images(source):
        try:
            photo = decode_photo(data)
        except UNREADABLE:
            unreadable += 1
            continue
        if min(photo.shape[:2]) < min_side:
            small += 1
            continue
        used += photo.nbytes
        items.append(photo if used <= decoded_bytes else data)
    if unreadable:
        warnings.warn(f"{unreadable} unreadable files left out of {source}", stacklevel=2)
    if not items:
        raise TrainingError(
            f"{source}: no image of at least {min_side}x{min_side} pixels "
            f"({unreadable} unreadable, {small} too small); give larger images or a smaller --crop"
        )
    return Photos(items)
