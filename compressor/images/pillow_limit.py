"""Pillow's limit of pixels, which is one for the whole process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

from compressor.locks import ForkSafeLock

# Pillow warns about pictures above its limit, and refuses those above this many times the limit.
_REFUSED = 2

_lock = ForkSafeLock()
# The limit that a thread has replaced, if one has.
_replaced: list[int | None] = []


def _restore() -> None:
    while _replaced:
        Image.MAX_IMAGE_PIXELS = _replaced.pop()


# The thread that would restore the limit does not exist in a forked process.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restore)


def current_limit() -> int | None:
    """Return the number of pixels above which Pillow refuses a picture; None for no limit."""
    return None if Image.MAX_IMAGE_PIXELS is None else _REFUSED * int(Image.MAX_IMAGE_PIXELS)


@contextmanager
def limit_of_pillow(max_pixels: int | None) -> Iterator[None]:
    """Replace the limit for a while, in one thread at a time.

    Args:
        max_pixels: number of pixels above which Pillow refuses a picture; None for no limit.
    """
    with _lock.current:
        _replaced[:] = [Image.MAX_IMAGE_PIXELS]
        try:
            Image.MAX_IMAGE_PIXELS = None if max_pixels is None else -(-max_pixels // _REFUSED)
            yield
        finally:
            _restore()
