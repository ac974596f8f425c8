"""Refinement of a tile's latents by the effect of their symbols on the decoded picture."""

import math
from dataclasses import dataclass

import numpy as np

from compressor.coding.area import Area
from compressor.coding.objectives import Objective
from compressor.coding.progress import OnProgress
from compressor.coding.tile_coder import Pairs, TileCoder
from compressor.entropy.tables import ScaleTables
from compressor.models.runtime import ErrorGradient, ModelRuntime, PixelError
from compressor.spec.arrays import Floats, Symbols
from compressor.spec.constants import SAVING_SHARE
from compressor.spec.levels import Levels, levels_in, pixel_values

# Side, in latent positions, of the part whose gradient is computed at once: it bounds the memory.
WINDOW = 48


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


def _in_bits(error: PixelError, original: Floats, inside: Area, weight: Floats) -> PixelError:
    """Return an error times lambda, without pixels beyond the picture.

    Where lambda varies, the value is weighted by its mean, since an error need not be a sum over pixels.

    Args:
        error: in squared 8-bit levels.
        original: (H, W, 3), pixels minus 128.
        inside: the pixels of these that are inside the picture.
        weight: lambda, () or (H, W, 1).
    """
    mean_weight = float(weight.mean())

    def in_bits(pixels: Floats) -> tuple[float, Floats]:
        seen, slope = original.copy(), np.zeros_like(original)
        seen[inside.slices] = pixels[inside.slices]
        value, found = error(seen)
        slope[inside.slices] = (weight * found)[inside.slices]
        return mean_weight * value, slope

    return in_bits


class _Best:
    """Keeps the coding with the least rate + error.

    Args:
        tables: give the rate.
    """

    def __init__(self, tables: ScaleTables) -> None:
        self._tables, self._least = tables, math.inf
        self.pairs: Pairs = []

    def offer(self, pairs: Pairs, error: float) -> None:
        """Keep a coding if it is the first or the best so far; its error is in bits."""
        cost = error + sum(self._tables.cost(*pair) for pair in pairs)
        if not self.pairs or cost < self._least:
            self.pairs, self._least = pairs, cost


class Refiner:
    """Moves latents so that the symbols they are rounded to lower rate + lambda x error.

    Each step codes the latents, takes the gradient of the error of the decoded picture back through the whole
    synthesis, and moves the latents against it. The best of all codings is kept; the first is that without
    refinement.

    Args:
        runtime: the model.
        coder: codes its tiles.
        error_gradient: error gradient of the runtime.
        objective: the error, and how the latents move.
        steps: number of moves.
        window: see `WINDOW`.

    Reference: Yang, Bamler and Mandt, "Improving inference for neural image compression", NeurIPS 2020.
    The aim is the same; here latents are rounded in every step, as when they are coded.
    """

    def __init__(
        self,
        runtime: ModelRuntime,
        coder: TileCoder,
        error_gradient: ErrorGradient,
        objective: Objective,
        steps: int,
        window: int = WINDOW,
    ) -> None:
        self._runtime, self._coder, self._error_gradient = runtime, coder, error_gradient
        self._objective, self._steps, self._window = objective, steps, window

    @property
    def halo(self) -> int:
        """Distance, in positions, from which latents and pixels affect the gradient of a latent."""
        # From a latent to the pixels that it affects, and from those to the latents that they depend on.
        return 2 * self._runtime.synthesis_halo

    def __call__(
        self,
        pixels: Floats,
        size: tuple[int, int],
        around: Floats,
        side: Symbols,
        levels: Levels,
        tile: Area,
        on_progress: OnProgress,
    ) -> Pairs:
        """Code a tile.

        Args:
            pixels: pixels - 128 of the tile and of `halo` positions around it, (block * h, block * w, 3).
            size: height and width of the part of these that is inside the picture.
            around: latents of the same positions from the analysis, (h, w, C), in quantisation steps. Those
                outside of the tile stand in for what other tiles decode to.
            side: side information of the tile. It is not computed again as latents move, because the networks
                were trained with that of latents from the analysis.
            levels: quality levels 0..396 of the positions of `around`: one, or (h, w).
            tile: where the tile is among them.
            on_progress: called after every step.

        Returns:
            The best coding.
        """
        around = around.copy()
        latents, of_tile = around[tile.slices].copy(), levels_in(levels, tile.slices)
        descent = self._objective.descent(self._runtime.worth(of_tile), self._steps)
        parts = self._parts(pixels, size, levels, tile)
        best, saving_share = _Best(self._runtime.tables), SAVING_SHARE
        for step in range(self._steps):
            coded = self._coder.code(latents, side, of_tile, saving_share)
            around[tile.slices] = coded.decoded
            error, gradient = self._error_and_gradient(around, parts, tile)
            best.offer(coded.pairs(), error)
            if self._objective.rate_weight:
                slope = coded.rate_slope(latents, self._runtime.tables)
                gradient += np.float32(self._objective.rate_weight) * slope
            latents = descent.move(latents, coded.decoded, gradient)
            saving_share = self._objective.saving_share
            on_progress((step + 1) / self._steps)
        coded = self._coder.code(latents, side, of_tile, saving_share)
        around[tile.slices] = coded.decoded
        best.offer(coded.pairs(), self._error(around, parts))
        return best.pairs

    def _parts(self, pixels: Floats, size: tuple[int, int], levels: Levels, tile: Area) -> list[_Part]:
        """Cut a tile into parts."""
        block, parts = self._runtime.block, []
        grid = Area(0, 0, pixels.shape[0] // block, pixels.shape[1] // block)
        for core in tile.cut(self._window):
            window = core.widened(self.halo, grid)
            area, of_window = window.scaled(block), levels_in(levels, window.slices)
            original, inside = pixels[area.slices], area.common(Area(0, 0, *size)).within(area)
            weight = np.asarray(self._runtime.distortion_weight(of_window), np.float32)
            error = _in_bits(self._objective.error(original), original, inside, pixel_values(weight, block))
            inner = window.common(tile)
            share = core.height * core.width / (inner.height * inner.width)
            parts.append(_Part(core, window, of_window, error, share))
        return parts

    def _error_and_gradient(self, latents: Floats, parts: list[_Part], tile: Area) -> tuple[float, Floats]:
        """Return the error of decoded latents, and its gradient for those of the tile, in bits."""
        total, gradient = 0.0, np.empty_like(latents[tile.slices])
        for part in parts:
            error, found = self._error_gradient(latents[part.window.slices], part.error, part.levels)
            gradient[part.core.within(tile).slices] = found[part.core.within(part.window).slices]
            total += error * part.share
        return total, gradient

    def _error(self, latents: Floats, parts: list[_Part]) -> float:
        """Return the error of decoded latents, in bits."""
        run = self._runtime.synthesis(1).run
        return sum(p.share * p.error(run(latents[p.window.slices], p.levels))[0] for p in parts)
