"""The error of the pixels that the latents of a tile decode to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compressor.coding.area import Area
from compressor.models.runtime import ErrorGradient, ModelRuntime, PixelError
from compressor.spec.arrays import Floats
from compressor.spec.levels import Levels, levels_in, pixel_values

# Side, in latent positions, of the part whose gradient through the filter is computed at once: it bounds the
# memory.
WINDOW = 48
# (original (H, W, 3), pixels minus 128; lambda, () or (H, W, 1)) -> the error of decoded pixels, in bits.
WeightedError = Callable[[Floats, Floats], PixelError]


@dataclass(frozen=True, slots=True)
class TilePixels:
    """A tile of a picture and its surroundings, as an encoder sees them.

    Attributes:
        pixels: pixels - 128 of the tile and of `halo` positions around it, (block * h, block * w, 3).
        size: height and width of the part of these that is inside the picture.
        levels: quality levels 0..396 of the positions: one, or (h, w).
        tile: where the tile is among the positions.
    """

    pixels: Floats
    size: tuple[int, int]
    levels: Levels
    tile: Area


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a tile whose gradient is computed at once.

    Attributes:
        core: positions whose gradient is kept.
        window: these and the positions around them, which the gradient depends on.
        levels: quality levels of the window.
        error: error of the window's pixels, in bits.
        share: share of this error that is counted, since windows of a tile overlap.
    """

    core: Area
    window: Area
    levels: Levels
    error: PixelError
    share: float


def _inside(error: PixelError, original: Floats, inside: Area) -> PixelError:
    """Return an error that ignores pixels beyond the picture.

    Args:
        error: error of all pixels.
        original: (H, W, 3), pixels minus 128.
        inside: the pixels of these that are inside the picture.
    """

    def inside_only(pixels: Floats) -> tuple[float, Floats]:
        seen, slope = original.copy(), np.zeros_like(original)
        seen[inside.slices] = pixels[inside.slices]
        value, found = error(seen)
        slope[inside.slices] = found[inside.slices]
        return value, slope

    return inside_only


def halo_of(runtime: ModelRuntime, *, through_filter: bool) -> int:
    """Return the distance, in positions, from which latents and pixels affect the gradient of a latent.

    Args:
        runtime: the model.
        through_filter: see `ErrorGradient`.
    """
    # From a latent to the pixels that it affects, and from those to the latents that they depend on. Without
    # the filter, the first distance is half a position, for which the second, rounded up, has room.
    return (2 if through_filter else 1) * runtime.synthesis_halo


class TileError:
    """The error of a tile, in bits, as a function of its latents and of those around it.

    Args:
        runtime: the model.
        error_gradient: error gradient of the runtime.
        error: see `Objective`.
        original: the tile and its surroundings.
        window: side, in latent positions, of the part whose gradient is computed at once.
        halo: from `halo_of`.

    Attributes:
        tile: where the tile is among the positions of `original`.
    """

    def __init__(
        self,
        runtime: ModelRuntime,
        error_gradient: ErrorGradient,
        error: WeightedError,
        original: TilePixels,
        window: int,
        halo: int,
    ) -> None:
        self._runtime, self._error_gradient, self._halo = runtime, error_gradient, halo
        self.tile = original.tile
        self._parts = [self._part(core, error, original) for core in self.tile.cut(window)]

    def _part(self, core: Area, error: WeightedError, original: TilePixels) -> _Part:
        block, pixels, levels = self._runtime.block, original.pixels, original.levels
        grid = Area(0, 0, pixels.shape[0] // block, pixels.shape[1] // block)
        window = core.widened(self._halo, grid)
        area, of_window = window.scaled(block), levels_in(levels, window.slices)
        seen, inside = pixels[area.slices], area.common(Area(0, 0, *original.size)).within(area)
        weight = np.asarray(self._runtime.distortion_weight(of_window), np.float32)
        of_pixels = _inside(error(seen, pixel_values(weight, block)), seen, inside)
        inner = window.common(self.tile)
        share = core.height * core.width / (inner.height * inner.width)
        return _Part(core, window, of_window, of_pixels, share)

    def __call__(self, latents: Floats) -> float:
        """Return the error of decoded latents (h, w, C)."""
        run = self._runtime.synthesis(1).run
        return sum(p.share * p.error(run(latents[p.window.slices], p.levels))[0] for p in self._parts)

    def with_gradient(self, latents: Floats, *, through_filter: bool = True) -> tuple[float, Floats]:
        """Return the error of decoded latents (h, w, C), and its gradient for those of the tile.

        Args:
            latents: in quantisation steps, of the tile and around it.
            through_filter: see `ErrorGradient`.
        """
        total, gradient = 0.0, np.empty_like(latents[self.tile.slices])
        for part in self._parts:
            error, found = self._error_gradient(
                latents[part.window.slices], part.error, part.levels, through_filter
            )
            gradient[part.core.within(self.tile).slices] = found[part.core.within(part.window).slices]
            total += error * part.share
        return total, gradient
