"""The stored section: pixels that are stored, and replace those of the picture section."""

import numpy as np
from numpy.typing import NDArray

from compressor.bitstream.tiles import join_tiles, split_tiles
from compressor.coding.area import Area
from compressor.errors import CorruptStreamError
from compressor.images.fewer_colours import with_fewer_colours
from compressor.images.lossless import decode_lossless, encode_lossless
from compressor.spec.file_format import STORED_TILE


def encode_stored(
    image_uint8: NDArray[np.uint8],
    mask: NDArray[np.bool_],
    *,
    num_colours: int | None = None,
    verify: bool = False,
) -> bytes:
    """Encode the pixels of a mask.

    Args:
        image_uint8: (H, W, 3).
        mask: (H, W), True where pixels are stored; at least one must be.
        num_colours: largest number of colours in each tile, 4 to 256; None for all colours, without loss.
        verify: whether to read each tile again.

    Returns:
        The payload of the stored section.

    Raises:
        CorruptStreamError: with `verify`, if a tile does not give back its pixels.
    """
    tiles = [tile.slices for tile in Area(0, 0, *mask.shape).cut(STORED_TILE)]
    return join_tiles([_encode_tile(image_uint8[tile], mask[tile], num_colours, verify) for tile in tiles])


def _encode_tile(
    image_uint8: NDArray[np.uint8], mask: NDArray[np.bool_], num_colours: int | None, verify: bool
) -> bytes:
    if not mask.any():
        return b""
    if num_colours is not None:
        image_uint8 = with_fewer_colours(image_uint8, mask, num_colours)
    data = encode_lossless(image_uint8, mask)
    if verify:
        colours, found = decode_lossless(data, *mask.shape)
        if not (np.array_equal(found, mask) and np.array_equal(colours[mask], image_uint8[mask])):
            raise CorruptStreamError(
                "the stored section does not give back the pixels: encode the picture again"
            )
    return data


def read_stored(
    payload: bytes, height: int, width: int, area: Area
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Read the stored pixels of an area of a picture.

    Args:
        payload: payload of the stored section.
        height: height of the whole picture, in pixels.
        width: width of the whole picture, in pixels.
        area: inside the picture.

    Returns:
        Colours (h, w, 3) of the area, and a mask (h, w), True where they are stored.

    Raises:
        StreamError: if the payload cannot have come from `encode_stored`.

    Example:
        >>> image, mask = np.full((20, 30, 3), 200, np.uint8), np.ones((20, 30), bool)
        >>> colours, mask = read_stored(encode_stored(image, mask), 20, 30, Area(2, 3, 7, 11))
        >>> colours.shape, int(colours.min()), bool(mask.all())
        ((5, 8, 3), 200, True)
    """
    tiles = list(Area(0, 0, height, width).cut(STORED_TILE))
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
