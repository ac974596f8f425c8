"""The exact section: pixels that are stored without loss, and replace those of the picture section."""

import numpy as np
from numpy.typing import NDArray

from compressor.bitstream.tiles import join_tiles, split_tiles
from compressor.coding.area import Area
from compressor.errors import CorruptStreamError
from compressor.images.lossless import decode_lossless, encode_lossless
from compressor.spec.file_format import EXACT_TILE


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


def read_exact(
    payload: bytes, height: int, width: int, area: Area
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Read the stored pixels of an area of a picture.

    Args:
        payload: payload of the exact section.
        height: height of the whole picture, in pixels.
        width: width of the whole picture, in pixels.
        area: inside the picture.

    Returns:
        Colours (h, w, 3) of the area, and a mask (h, w), True where they are stored.

    Raises:
        StreamError: if the payload cannot have come from `encode_exact`.

    Example:
        >>> image, mask = np.full((20, 30, 3), 200, np.uint8), np.ones((20, 30), bool)
        >>> colours, mask = read_exact(encode_exact(image, mask), 20, 30, Area(2, 3, 7, 11))
        >>> colours.shape, int(colours.min()), bool(mask.all())
        ((5, 8, 3), 200, True)
    """
    tiles = list(Area(0, 0, height, width).cut(EXACT_TILE))
    colours, mask = (
        np.zeros((area.height, area.width, 3), np.uint8),
        np.zeros((area.height, area.width), bool),
    )
    for tile, data in zip(tiles, split_tiles(payload, len(tiles)), strict=True):
        if data and tile.meets(area):
            shared = tile.common(area)
            inside, outside = shared.within(tile).slices, shared.within(area).slices
            tile_colours, tile_mask = decode_lossless(data, tile.height, tile.width)
            colours[outside], mask[outside] = tile_colours[inside], tile_mask[inside]
    return colours, mask


def verify_exact(payload: bytes, image_uint8: NDArray[np.uint8], mask: NDArray[np.bool_]) -> None:
    """Read a payload of `encode_exact` again.

    Raises:
        CorruptStreamError: if it does not give back the pixels.
    """
    height, width = mask.shape
    colours, found = read_exact(payload, height, width, Area(0, 0, height, width))
    np.copyto(colours, image_uint8, where=~mask[..., None])
    if not (np.array_equal(found, mask) and np.array_equal(colours, image_uint8)):
        raise CorruptStreamError("the exact section does not give back the pixels: encode the picture again")
