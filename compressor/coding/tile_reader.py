"""Windows of latents that reach across tiles."""

from collections.abc import Iterator

import numpy as np

from compressor.coding.area import Area
from compressor.spec.arrays import Floats


class TileReader:
    """Reads latents of any window of a picture; tiles are decoded when a window first needs them.

    Windows must be asked for from the top downwards: tiles above them are dropped.

    Args:
        tiles: areas of tiles and their latents (h, w, channels), decoded as they are drawn, in coding order.
        grid: grid of the picture's latents, from (0, 0).
        channels: number of latent channels.
        tile: positions along a tile's side.
    """

    def __init__(self, tiles: Iterator[tuple[Area, Floats]], grid: Area, channels: int, tile: int) -> None:
        self._tiles, self._grid, self._channels, self._tile = tiles, grid, channels, tile
        self._decoded: dict[Area, Floats] = {}

    def window(self, window: Area) -> Floats:
        """Return the latents (h, w, channels) of a part of the grid; do not modify them.

        Raises:
            CorruptStreamError: if a tile cannot have come from the encoder.
        """
        self._decoded = {tile: x for tile, x in self._decoded.items() if tile.bottom > window.top}
        numbers = window.covering(self._tile).cut(1)
        tiles = [number.scaled(self._tile).common(self._grid) for number in numbers]
        if len(tiles) == 1:
            return self._latents(tiles[0])[window.within(tiles[0]).slices]
        latents = np.empty((window.height, window.width, self._channels), np.float32)
        for tile in tiles:
            shared = tile.common(window)
            latents[shared.within(window).slices] = self._latents(tile)[shared.within(tile).slices]
        return latents

    def _latents(self, wanted: Area) -> Floats:
        while wanted not in self._decoded:
            tile, latents = next(self._tiles)
            self._decoded[tile] = latents
        return self._decoded[wanted]
