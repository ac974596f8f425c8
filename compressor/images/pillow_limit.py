"""Pillow's limit of pixels, which is one for the whole process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from compressor.locks import ForkSafeLock

_lock = ForkSafeLock()


@contextmanager
def limit_of_pillow(max_pixels: int | None) -> Iterator[None]:
    """Replace the limit for a while, in one thread at a time.

    Args:
        max_pixels: number of pixels above which Pillow refuses a picture; None for no limit.
    """
    with _lock:
        before = Image.MAX_IMAGE_PIXELS
        # Pillow warns at its limit and refuses at twice that.
        Image.MAX_IMAGE_PIXELS = None if max_pixels is None else (max_pixels + 1) // 2
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before
