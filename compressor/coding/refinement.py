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

    Each step codes the latents, takes the gradient of the error of the decoded picture back through the
    synthesis, and moves the latents against it. Quick moves, which come first, leave out the filter on the
    way back, and take less than half of the time. After quick moves alone, the last coding is used, whose
    error is not known. Otherwise, the best of all codings is used.

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
        latents, around = around[tile.slices].copy(), around.copy()
        saving_share = self._objective.saving_share
        measure = TileError(
            self._runtime, self._error_gradient, self._objective.error, original, self._window
        )
        is_fine = np.max(of_tile) > HIGHEST_SEEN_LEVEL
        # Where fine levels meet others, errors weigh far more on one side than on the other.
        quick_moves = 0 if is_fine and np.ndim(of_tile) else self._quick_moves
        descent = self._objective.descent(self._runtime.worth(of_tile), quick_moves + self._steps)
        for _ in range(quick_moves):
            # At fine levels, nearly all latents are coded with errors, and corrections for those of others
            # would do more harm than good.
            decoded = latents if is_fine else self._coder.code(latents, side, of_tile, saving_share).decoded
            around[tile.slices] = decoded
            _, gradient = measure.with_gradient(around, through_filter=False)
            latents = descent.move(latents, decoded, gradient)
        coded = self._coder.code(latents, side, of_tile, saving_share)
        if not self._steps:
            return coded.pairs()
        best = _Best(self._runtime.tables)
        for step in range(self._steps):
            around[tile.slices] = coded.decoded
            error, gradient = measure.with_gradient(around)
            best.offer(coded.pairs(), error)
            if self._objective.rate_weight:
                slope = coded.rate_slope(latents, self._runtime.tables)
                gradient += np.float32(self._objective.rate_weight) * slope
            latents = descent.move(latents, coded.decoded, gradient)
            coded = self._coder.code(latents, side, of_tile, saving_share)
            on_progress((step + 1) / self._steps)
        around[tile.slices] = coded.decoded
        best.offer(coded.pairs(), measure(around))
        return best.pairs
