"""Photographs in memory: decoded up to a limit on their size, the others as encoded bytes."""

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
    """Decode the bytes of an image file to uint8 RGB (H, W, 3)."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


class Photos(Sequence):
    """A sequence of photographs, uint8 (H, W, 3); those kept as bytes are decoded at each access.

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
    """Read every image of a source whose shorter side is long enough; warn about unreadable files.

    Args:
        source: see `encoded_images`.
        min_side: the shortest side allowed, in pixels; smaller pictures are skipped, not scaled up.
        decoded_bytes: memory for decoded pictures, in bytes; the others stay encoded.

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
        warnings.warn(f"skipped {unreadable} unreadable files of {source}", stacklevel=2)
    if not items:
        raise TrainingError(
            f"{source}: no image of at least {min_side}x{min_side} pixels "
            f"({unreadable} unreadable, {small} too small); give larger images or a smaller --crop"
        )
    return Photos(items)
