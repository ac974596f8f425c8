"""Tiles of latents in a payload: what is entropy-coded together, and can be decoded alone."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from compressor.area import Area
from compressor.bitstream.varint import read_varint, write_varint
from compressor.errors import CorruptStreamError

Floats = NDArray[np.float32]

# Latent positions along a tile's side (2048 pixels): entropy coding never looks across tiles, and the
# transforms run on one tile and its surroundings, so memory is bounded. Most photographs of up to four
# megapixels are a single tile.
TILE = 128


def join_tiles(parts: list[bytes]) -> bytes:
    """The bytes of all tiles in coding order -> payload."""
    # The last tile takes what is left, so a single tile needs no length.
    return b"".join([write_varint(len(part)) + part for part in parts[:-1]] + parts[-1:])


def split_tiles(payload: bytes, count: int) -> list[bytes]:
    """A payload -> the bytes of its tiles in coding order.

    Raises:
        StreamError: if the tiles' lengths contradict the payload's.
    """
    parts, position = [], 0
    for number in range(count - 1):
        length, position = read_varint(payload, position, name="tile length")
        if length > len(payload) - position:
            raise CorruptStreamError(
                f"tile {number} claims {length} bytes, and {len(payload) - position} are left; "
                "the file is damaged"
            )
        parts.append(payload[position : position + length])
        position += length
    return [*parts, payload[position:]]


class TileReader:
    """Latents of any window of a payload; a tile is decoded when a window first needs it.

    Windows are asked for from the top downwards: tiles above them are forgotten.

    Args:
        payload: all tiles.
        grid: of the picture's latents, from (0, 0).
        channels: of the latents.
        decode: the bytes of a tile, its height and its width -> its latents (h, w, channels).

    Raises:
        StreamError: if the tiles' lengths contradict the payload's.
    """

    def __init__(
        self, payload: bytes, grid: Area, channels: int, decode: Callable[[bytes, int, int], Floats]
    ) -> None:
        self._grid, self._channels, self._decode = grid, channels, decode
        areas = list(grid.cut(TILE))
        self._parts = dict(zip(areas, split_tiles(payload, len(areas)), strict=True))
        self._decoded: dict[Area, Floats] = {}

    def window(self, window: Area) -> Floats:
        """Latents (h, w, channels) of a part of the grid.

        Raises:
            CorruptStreamError: if a tile cannot have come from the encoder.
        """
        self._decoded = {tile: x for tile, x in self._decoded.items() if tile.bottom > window.top}
        latents = np.empty((window.height, window.width, self._channels), np.float32)
        for number in window.covering(TILE).cut(1):
            tile = number.scaled(TILE).common(self._grid)
            shared = tile.common(window)
            latents[shared.within(window).slices] = self._tile(tile)[shared.within(tile).slices]
        return latents

    def _tile(self, tile: Area) -> Floats:
        if tile not in self._decoded:
            self._decoded[tile] = self._decode(self._parts[tile], tile.height, tile.width)
        return self._decoded[tile]
