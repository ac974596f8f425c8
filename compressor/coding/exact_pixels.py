"""The exact section: pixels that are stored without loss, and replace those of the picture section."""

import numpy as np
from numpy.typing import NDArray

from compressor.bitstream.tiles import join_tiles, split_tiles
from compressor.coding.area import Area
from compressor.errors import CorruptStreamError
from compressor.images.lossless import decode_lossless, encode_lossless
from compressor.spec.constants import EXACT_TILE


def encode_exact(image_uint8: NDArray[np.uint8], mask: NDArray[np.bool_]) -> bytes:
    """Encode the pixels of a mask.

    Args:
        image_uint8: (H, W, 3).
        mask: (H, W), True where pixels are stored; at least one is.

    Returns:
        The payload of the exact section.
    """
    tiles = (tile.slices for tile in Area(0, 0, *mask.shape).cut(EXACT_TILE))
    return join_tiles(
        [encode_lossless(image_uint8[part], mask[part]) if mask[part].any() else b"" for part in tiles]
    )


def paste_exact(payload: bytes, height: int, width: int, pixels: NDArray[np.uint8], area: Area) -> None:
    """Replace pixels by those that are stored.

    Args:
        payload: of the exact section.
        height: of the whole picture, in pixels.
        width: of the whole picture, in pixels.
        pixels: (h, w, 3) of an area of the picture; changed in place.
        area: where they are in the picture.

    Raises:
        StreamError: if the payload cannot have come from `encode_exact`.

    Example:
        >>> image, mask = np.full((20, 30, 3), 200, np.uint8), np.ones((20, 30), bool)
        >>> pixels = np.zeros((5, 8, 3), np.uint8)
        >>> paste_exact(encode_exact(image, mask), 20, 30, pixels, Area(2, 3, 7, 11))
        >>> int(pixels.min())
        200
    """
    whole = Area(0, 0, height, width)
    tiles = list(whole.cut(EXACT_TILE))
    parts = dict(zip(tiles, split_tiles(payload, len(tiles)), strict=True))
    for number in area.covering(EXACT_TILE).cut(1):
        tile = number.scaled(EXACT_TILE).common(whole)
        if parts[tile]:
            colours, mask = decode_lossless(parts[tile], tile.height, tile.width)
            shared = tile.common(area)
            inside = shared.within(tile).slices
            np.copyto(pixels[shared.within(area).slices], colours[inside], where=mask[inside][..., None])


def verify_exact(payload: bytes, image_uint8: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Read a payload of `encode_exact` again.

    Raises:
        CorruptStreamError: if it does not give back the pixels.
    """
    pixels = np.where(mask[..., None], np.uint8(0), image_uint8)
    height, width = mask.shape
    paste_exact(payload, height, width, pixels, Area(0, 0, height, width))
    if not np.array_equal(pixels, image_uint8):
        raise CorruptStreamError("the exact section does not give back the pixels: encode the picture again")
