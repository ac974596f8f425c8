"""Pixels that are stored instead of being coded by the networks, with all of their colours or with fewer."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from compressor.coding.stored_section import encode_stored
from compressor.locks import CachedProperty

# Numbers of colours that are tried. A WebP palette has up to 256 colours. Pixels that are not stored need one
# of them.
NUMBERS_OF_COLOURS = (255, 127, 63, 31)


class StoredPixels:
    """Payloads of the stored section for the pixels of a mask.

    Each is made when it is first needed, then kept.

    Args:
        image_uint8: (H, W, 3).
        mask: (H, W), True where pixels are stored; at least one must be.
        verify: whether to read payloads again.
    """

    def __init__(self, image_uint8: NDArray[np.uint8], mask: NDArray[np.bool_], *, verify: bool) -> None:
        self._image_uint8, self._mask, self._verify = image_uint8, mask, verify
        self._with_fewer: dict[int, bytes] = {}

    @CachedProperty
    def lossless(self) -> bytes:
        """The payload that stores the pixels without loss."""
        return encode_stored(self._image_uint8, self._mask, verify=self._verify)

    def payloads(self) -> Iterator[bytes]:
        """Yield the payload without loss, then payloads with fewer and fewer colours.

        Raises:
            CorruptStreamError: with `verify`, if a payload does not give back what was stored.
        """
        yield self.lossless
        for number in NUMBERS_OF_COLOURS:
            if number not in self._with_fewer:
                self._with_fewer[number] = encode_stored(
                    self._image_uint8, self._mask, num_colours=number, verify=self._verify
                )
            # The payload is the same if no tile has more colours.
            if self._with_fewer[number] != self.lossless:
                yield self._with_fewer[number]
