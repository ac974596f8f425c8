"""Reuse of the memory of freed arrays."""

import numpy as np

# Memory of arrays of up to 8 MB is reused, less some bytes for the allocator's own use.
_NUM_BYTES = (8 << 20) - (64 << 10)


def keep_freed_memory() -> None:
    """Make the allocator of glibc reuse the memory of arrays of up to 8 MB, or more.

    By default, glibc returns the memory of such arrays to the system when they are freed. Every page of the
    next array then has to be mapped again, which took a tenth of the time of encoding and decoding. When an
    array larger than any before is freed, glibc raises two limits: it takes arrays of up to that size from
    the heap, and returns the top of the heap only when it exceeds twice that size. This function frees such
    an array. It is never written to, so it takes no physical memory. With other allocators, this has no
    effect.

    Freeing a larger array, of up to 32 MB, raises the limits further. The function does not start at 32 MB,
    because freed arrays leave gaps in the heaps of several threads: coding a picture of five megapixels
    repeatedly then took 0.3 GB more.

    Reference: M_MMAP_THRESHOLD and M_TRIM_THRESHOLD in mallopt(3).
    """
    np.empty(_NUM_BYTES, np.uint8)
