"""Tiles of latents: decoded when a window first needs them."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from compressor.coding.area import Area

Floats = NDArray[np.float32]
Part = TypeVar("Part")


class TileReader(Generic[Part]):
    """Reads latents of any window of a picture; a tile is decoded when a window first needs it.

    Windows must be asked for from the top downwards: tiles above them are dropped.

    Args:
        parts: the data of each tile, in coding order.
        grid: of the picture's latents, from (0, 0).
        channels: number of latent channels.
        tile: positions along a tile's side.
        decode: converts the data of a tile and its area to its latents (h, w, channels).
    """

    def __init__(
        self,
        parts: Sequence[Part],
        grid: Area,
        channels: int,
        tile: int,
        decode: Callable[[Part, Area], Floats],
    ) -> None:
        self._grid, self._channels, self._tile, self._decode = grid, channels, tile, decode
        self._parts = dict(zip(grid.cut(tile), parts, strict=True))
        self._decoded: dict[Area, Floats] = {}

    def window(self, window: Area) -> Floats:
        """Return the latents (h, w, channels) of a part of the grid.

        Raises:
            CorruptStreamError: if a tile cannot have come from the encoder.
        """
        self._decoded = {tile: x for tile, x in self._decoded.items() if tile.bottom > window.top}
        latents = np.empty((window.height, window.width, self._channels), np.float32)
        for number in window.covering(self._tile).cut(1):
            tile = number.scaled(self._tile).common(self._grid)
            shared = tile.common(window)
            latents[shared.within(window).slices] = self._latents(tile)[shared.within(tile).slices]
        return latents

    def _latents(self, tile: Area) -> Floats:
        if tile not in self._decoded:
            self._decoded[tile] = self._decode(self._parts[tile], tile)
        return self._decoded[tile]
