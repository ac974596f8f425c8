"""Photographs in memory: decoded up to a limit on their size, the others as encoded bytes."""

import hashlib
import warnings
from collections.abc import Sequence

import numpy as np

from compressor.errors import CompressorError
from compressor.images.arrays import colour_array
from compressor.images.loading import load_picture, open_picture
from training.conditions import Conditions
from training.data import encoded_images
from training.errors import TrainingError

# Number of unreadable files that a warning names; the others are only counted.
NAMED_FILES = 12


def decode_photo(data: bytes) -> np.ndarray:
    """Decode an image file to the colours that the encoder would code, without alpha.

    Args:
        data: bytes of the file.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        CompressorError: if it cannot be read, is too large, or its mode is not supported.
    """
    return colour_array(load_picture(open_picture(data), strip="all").image)


class Photos(Sequence):
    """A sequence of photographs, uint8 (H, W, 3); those kept as bytes are decoded at each access.

    Args:
        items: decoded pictures, or bytes of image files.
        sha256: hexadecimal digest over names and contents of all images of the source, in order, including
            those that were left out.
    """

    def __init__(self, items: list[np.ndarray | bytes], sha256: str):
        self.items, self.sha256 = items, sha256

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index):
        item = self.items[index]
        return decode_photo(item) if isinstance(item, bytes) else item


def load_photos(source: str, min_side: int, decoded_bytes: int = Conditions.decoded_bytes) -> Photos:
    """Read every image of a source whose shorter side is long enough; warn about unreadable files, by name.

    Args:
        source: see `encoded_images`.
        min_side: shortest side allowed, in pixels; smaller pictures are skipped, not scaled up.
        decoded_bytes: memory for decoded pictures, in bytes; the others stay encoded.

    Raises:
        TrainingError: if no image is left.
    """
    items, unreadable, small, used = [], [], 0, 0
    digest = hashlib.sha256()
    for name, data in encoded_images(source, lambda name, reason: unreadable.append(f"{name} ({reason})")):
        # Names of files need not be valid text.
        digest.update(name.encode(errors="surrogateescape") + b"\0" + hashlib.sha256(data).digest())
        try:
            photo = decode_photo(data)
        except CompressorError as error:
            unreadable.append(f"{name} ({error})")
            continue
        if min(photo.shape[:2]) < min_side:
            small += 1
            continue
        used += photo.nbytes
        items.append(photo if used <= decoded_bytes else data)
    if unreadable:
        named = "; ".join(unreadable[:NAMED_FILES]) + "; ..." * (len(unreadable) > NAMED_FILES)
        warnings.warn(f"skipped {len(unreadable)} unreadable files of {source}: {named}", stacklevel=2)
    if not items:
        raise TrainingError(
            f"{source}: no image of at least {min_side}x{min_side} pixels "
            f"({len(unreadable)} unreadable, {small} too small); give larger images or a smaller --crop"
        )
    return Photos(items, digest.hexdigest())
