"""Refinement of a tile's symbols by their effect on the decoded picture, window by window."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compressor.coding.area import Area
from compressor.coding.effort import DEFAULT, ROUNDED, OnProgress
from compressor.coding.tile_coder import TileCoder
from compressor.models.runtime import ErrorGradient, ModelRuntime
from compressor.spec.arrays import Floats, Indices, Symbols
from compressor.spec.levels import Levels, levels_in


@dataclass(frozen=True, slots=True)
class Schedule:
    """How boldly a refinement moves symbols.

    Attributes:
        window: side, in latent positions, of the part whose gradient is computed at once: it bounds the
            memory.
        share: share of the moves that pay which are made in a step.
        first_curvature: factor of the curvature in the first step.
        last_curvature: factor of the curvature from three quarters of the steps on.
    """

    window: int = 48
    share: float = 0.7
    first_curvature: float = 0.7
    last_curvature: float = 1.0

    def curvature(self, progress: float) -> float:
        """Return the factor of the curvature at 0..1 of the steps."""
        return float(np.interp(progress, (0, 0.75), (self.first_curvature, self.last_curvature)))


class Refiner:
    """Moves symbols by one where that lowers rate + lambda x error.

    The effect of a move is estimated: its bits from the coder's tables, the error from its gradient through
    the whole synthesis and from the worth of a squared step. Moves disturb each other, so only some of those
    that pay are made in a step, drawn at random (from a fixed seed), and a later step can take back a move
    that turned out badly.

    Args:
        runtime: the model.
        coder: codes its tiles.
        error_gradient: of the runtime.
        steps: how often all symbols are reconsidered.
        schedule: how boldly.

    Reference: the aim is that of Yang, Bamler and Mandt, "Improving inference for neural image compression",
    NeurIPS 2020; symbols stay integers, as in the rate-distortion optimised quantisation of video encoders.
    """

    def __init__(
        self,
        runtime: ModelRuntime,
        coder: TileCoder,
        error_gradient: ErrorGradient,
        steps: int,
        schedule: Schedule = Schedule(),
    ) -> None:
        self._runtime, self._coder, self._error_gradient = runtime, coder, error_gradient
        self._steps, self._schedule = steps, schedule

    def __call__(
        self, pixels: Floats, latents: Floats, levels: Levels, on_progress: OnProgress
    ) -> tuple[Floats, Symbols]:
        """Refine a tile.

        Args:
            pixels: (block * h, block * w, 3), minus 128.
            latents: (h, w, C) from the analysis, in quantisation steps.
            levels: quality levels 0..396: one, or (h, w).
            on_progress: called after every step.

        Returns:
            Latents (h, w, C), to be rounded when they are coded, and the side information to code with them.
        """
        random = np.random.default_rng(0)
        # Keep that of the analysis: decoded latents are smaller, and would mislead the networks.
        side = self._runtime.side_information(latents, levels)
        moved, effort = latents, DEFAULT
        grid = Area(0, 0, *latents.shape[:2])
        # Lambda weighs the mean over three samples a pixel; the gradient is half of that of their sum.
        weight = 2 / 3 * self._runtime.distortion_weight(levels)[..., None]
        # Of each position, also where all have the same.
        weight = np.broadcast_to(weight, (*latents.shape[:2], 1))
        worth = np.broadcast_to(self._runtime.worth(levels), latents.shape)
        for step in range(self._steps):
            tile = self._coder.code(moved, levels, effort, side)
            symbols, indices = tile.planes()
            curvature = self._schedule.curvature(step / self._steps) * worth
            moved = tile.decoded.copy()
            for core in grid.cut(self._schedule.window):
                part = core.slices
                gradient = self._gradient(tile.decoded, pixels, levels, core, grid)
                slope = weight[part] * gradient
                moved[part] += self.moves(symbols[part], indices[part], slope, curvature[part], random)
            effort = ROUNDED
            on_progress((step + 1) / self._steps)
        return moved, side

    def _gradient(self, latents: Floats, pixels: Floats, levels: Levels, core: Area, grid: Area) -> Floats:
        # Forward to the pixels that a latent affects, and back from those.
        window = core.widened(2 * self._runtime.synthesis_halo, grid)
        part = pixels[window.scaled(self._runtime.block).slices]
        gradient = self._error_gradient(latents[window.slices], part, levels_in(levels, window.slices))
        return gradient[core.within(window).slices]

    def moves(
        self,
        symbols: Symbols,
        indices: Indices,
        slope: Floats,
        curvature: Floats,
        random: np.random.Generator,
    ) -> NDArray[np.int8]:
        """Return -1, 0 or 1 for each symbol.

        Args:
            symbols: (h, w, C).
            indices: (h, w, C) scale indices.
            slope: (h, w, C) bits by which the error rises per quantisation step, for a small change.
            curvature: (h, w, C) bits by which it rises beyond that for a whole step.
            random: draws the symbols that may move.
        """
        moves = np.zeros(slope.shape, np.int8)
        where = np.nonzero((indices > 0) & (random.random(slope.shape, np.float32) < self._schedule.share))
        symbols, indices, slope, curvature = symbols[where], indices[where], slope[where], curvature[where]
        bits = self._runtime.tables.bits
        top = bits.shape[1] - 1

        def change(direction: int) -> Floats:
            now, then = (bits[indices, np.minimum(np.abs(s), top)] for s in (symbols, symbols + direction))
            return then - now + direction * slope + curvature

        up, down = change(1), change(-1)
        moves[where] = np.where(np.minimum(up, down) < 0, np.where(up < down, 1, -1), 0)
        return moves
