"""Refinement of a tile's latents by the effect of their symbols on the decoded picture."""

import math

import numpy as np

from compressor.coding.anticipation import ANTICIPATED_SHARE, anticipated
from compressor.coding.objectives import Objective
from compressor.coding.progress import OnProgress, ignore_progress
from compressor.coding.tile_coder import Pairs, TileCoder
from compressor.coding.tile_error import WINDOW, TileError, TilePixels, halo_of
from compressor.entropy.tables import ScaleTables
from compressor.models.runtime import ErrorGradient, ModelRuntime
from compressor.spec.arrays import Floats, Symbols
from compressor.spec.constants import SAVING_SHARE
from compressor.spec.levels import levels_in


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
    synthesis, and moves the latents against it. The best of all codings is kept; the first is that of effort
    5. Without steps, it is the only one.

    Args:
        runtime: the model.
        coder: codes its tiles.
        error_gradient: error gradient of the runtime.
        objective: the error, and how the latents move.
        steps: number of moves after the first coding.
        anticipates: whether latents are moved before the first coding; see `anticipated`.
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
        steps: int,
        *,
        anticipates: bool = False,
        window: int = WINDOW,
    ) -> None:
        self._runtime, self._coder, self._error_gradient = runtime, coder, error_gradient
        self._objective, self._steps = objective, steps
        self._anticipates, self._window = anticipates, window

    @property
    def halo(self) -> int:
        """Number of positions around a tile whose pixels and latents are needed."""
        return halo_of(self._runtime)

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
        worth = self._runtime.worth(of_tile)
        measure = TileError(
            self._runtime, self._error_gradient, self._objective.error, original, self._window
        )
        if self._anticipates:
            latents, saving_share = anticipated(around, original.levels, measure, worth), ANTICIPATED_SHARE
        else:
            latents, saving_share = around[tile.slices].copy(), SAVING_SHARE
        if not self._steps:
            return self._coder.code(latents, side, of_tile, saving_share).pairs()
        around = around.copy()
        best, descent = _Best(self._runtime.tables), self._objective.descent(worth, self._steps)
        for step in range(self._steps):
            coded = self._coder.code(latents, side, of_tile, saving_share)
            around[tile.slices] = coded.decoded
            error, gradient = measure.with_gradient(around)
            best.offer(coded.pairs(), error)
            if self._objective.rate_weight:
                slope = coded.rate_slope(latents, self._runtime.tables)
                gradient += np.float32(self._objective.rate_weight) * slope
            latents = descent.move(latents, coded.decoded, gradient)
            saving_share = self._objective.saving_share
            on_progress((step + 1) / self._steps)
        coded = self._coder.code(latents, side, of_tile, saving_share)
        around[tile.slices] = coded.decoded
        best.offer(coded.pairs(), measure(around))
        return best.pairs
