"""Refinement of a tile's latents by the effect of their symbols on the decoded picture."""

import math

import numpy as np

from compressor.coding.objectives import Objective
from compressor.coding.progress import OnProgress, ignore_progress
from compressor.coding.tile_coder import Pairs, TileCoder
from compressor.coding.tile_error import TileError, TilePixels, halo_of
from compressor.entropy.tables import ScaleTables
from compressor.models.runtime import ErrorGradient, ModelRuntime
from compressor.spec.arrays import Floats, Symbols
from compressor.spec.levels import levels_in
from compressor.spec.quality import HIGHEST_SEEN_LEVEL

# Factor by which quick moves may raise the rate before the error of the last coding is measured. They hardly
# change the rate of photographs, but can raise that of noise without a gain.
LARGEST_RISE = 1.1


class _Best:
    """Keeps the coding with the least rate + error.

    Args:
        tables: give the rate.

    Attributes:
        pairs: the coding.
        first_rate: rate of the first coding that was offered, in bits.
    """

    def __init__(self, tables: ScaleTables) -> None:
        self._tables, self._least = tables, math.inf
        self.pairs: Pairs = []
        self.first_rate = math.inf

    def rate(self, pairs: Pairs) -> float:
        """Return the rate of a coding, in bits."""
        return sum(self._tables.cost(*pair) for pair in pairs)

    def offer(self, pairs: Pairs, error: float) -> None:
        """Keep a coding if it is the first or the best so far; its error is in bits."""
        rate = self.rate(pairs)
        if not self.pairs:
            self.first_rate = rate
        if not self.pairs or rate + error < self._least:
            self.pairs, self._least = pairs, rate + error


class Refiner:
    """Moves latents so that the symbols they are rounded to lower rate + lambda x error.

    Each step codes the latents, takes the gradient of the error of the decoded picture back through the
    synthesis, and moves the latents against it. Quick moves, which come first, leave out the filter on the
    way back, and take less than half of the time; at fine levels they also leave out rounding. The best of
    all codings is used. After quick moves alone, the last one is used without measuring its error, unless the
    rate has risen by more than `LARGEST_RISE`.

    Args:
        runtime: the model.
        coder: codes its tiles.
        error_gradient: error gradient of the runtime.
        objective: the error, and how the latents move.
        quick_moves: number of quick moves.
        steps: number of moves after these.
        window: see `TileError`.

    Reference: Yang, Bamler and Mandt, "Improving inference for neural image compression", NeurIPS 2020.
    The aim is the same; here latents are rounded in every step, as when they are coded.
    """

    def __init__(
        self,
        runtime: ModelRuntime,
        coder: TileCoder,
        error_gradient: ErrorGradient,
        objective: Objective,
        quick_moves: int,
        steps: int,
        window: int,
    ) -> None:
        self._runtime, self._coder, self._error_gradient = runtime, coder, error_gradient
        self._objective, self._quick_moves, self._steps = objective, quick_moves, steps
        self._window = window

    @property
    def halo(self) -> int:
        """Number of positions around a tile whose pixels and latents are needed."""
        return halo_of(self._runtime, through_filter=self._steps > 0)

    def __call__(
        self, original: TilePixels, around: Floats, side: Symbols, on_progress: OnProgress = ignore_progress
    ) -> Pairs:
        """Code a tile.

        Args:
            original: the tile and its surroundings.
            around: latents of the same positions from the analysis, (h, w, C), in quantisation steps. Those
                outside of the tile stand in for what other tiles decode to.
            side: side information of the tile. It is not computed again as latents move, because the networks
                were trained with that of latents from the analysis.
            on_progress: called after every step.

        Returns:
            The best coding.
        """
        tile = original.tile
        of_tile = levels_in(original.levels, tile.slices)
        latents, around = around[tile.slices].copy(), around.copy()
        is_fine = np.asarray(of_tile) > HIGHEST_SEEN_LEVEL
        moves = self._quick_moves + self._steps
        saving_share = self._objective.saving_share
        measure = TileError(
            self._runtime, self._error_gradient, self._objective.error, original, self._window, self.halo
        )
        best = _Best(self._runtime.tables)
        descent = self._objective.descent(self._worth(original), moves)
        for move in range(moves):
            is_quick = move < self._quick_moves
            # At fine levels, nearly all latents have rounding errors, and correcting one for the errors of
            # others would do more harm than good. So quick moves leave these latents unrounded.
            unrounded = is_fine & is_quick
            seen = latents
            if not unrounded.all():
                coded = self._coder.code(latents, side, of_tile, saving_share)
                seen = np.where(unrounded[..., None], latents, coded.decoded)
            around[tile.slices] = seen
            error, gradient = measure.with_gradient(around, through_filter=not is_quick)
            if not unrounded.any():
                best.offer(coded.pairs(), error)
            if self._objective.rate_weight:
                slope = coded.rate_slope(latents, self._runtime.tables)
                gradient += np.float32(self._objective.rate_weight) * slope
            latents = descent.move(latents, seen, gradient)
            if self._steps:
                on_progress((move + 1) / moves)
        coded = self._coder.code(latents, side, of_tile, saving_share)
        last = coded.pairs()
        if not self._steps and best.rate(last) <= LARGEST_RISE * best.first_rate:
            return last
        around[tile.slices] = coded.decoded
        best.offer(last, measure(around))
        return best.pairs

    def _worth(self, original: TilePixels) -> Floats:
        """Return what a squared quantisation step of error is worth in bits; levels may vary.

        The error of a latent reaches into the neighbouring positions, whose lambda may be far higher.
        """
        tile = original.tile.slices
        worth = self._runtime.worth(levels_in(original.levels, tile))
        weight = self._runtime.distortion_weight(original.levels)
        return worth if np.ndim(weight) == 0 else worth * (_blurred(weight) / weight)[tile][..., None]


def _blurred(values: Floats) -> Floats:
    """Return means over each value of (h, w) and its neighbours, with weights 1, 2, 1 along both axes."""
    padded = np.pad(values, 1, "edge")
    rows = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    blurred: Floats = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / np.float32(16)
    return blurred
