"""Memory that arrays have freed: kept for the next ones."""

import numpy as np

# The largest size, less some bytes for the allocator's own use, at which freeing an array has this effect.
_NUM_BYTES = (32 << 20) - (64 << 10)


def keep_freed_memory() -> None:
    """Make the allocator of glibc reuse the memory of arrays of up to 32 MB.

    By default, glibc returns large arrays to the system when they are freed, and each page of the next one
    has to be mapped again: that took a tenth of the time of encoding and decoding. It raises its limit to the
    size of the largest array freed so far, but not above 32 MB, and then keeps at most twice as much. An
    array that nobody writes to takes no memory. Elsewhere, this has no effect.

    Reference: M_MMAP_THRESHOLD and M_TRIM_THRESHOLD in mallopt(3).
    """
    np.empty(_NUM_BYTES, np.uint8)
