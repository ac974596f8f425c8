"""Refinement of a picture's symbols by what each changes in the decoded picture, window by window."""

import numpy as np
from numpy.typing import NDArray

from compressor.area import Area
from compressor.effort import DEFAULT, ROUNDED, OnProgress
from compressor.families import FlagshipFamily
from compressor.latent_coder import Indices, Symbols

Floats = NDArray[np.float32]

# Latent positions along the side of what a gradient is taken of at once: the memory of its graph.
WINDOW = 48
# Of the moves that pay, how many are made in a step.
SHARE = 0.7
# The curvature, in that of an orthonormal synthesis, over the course of a refinement.
CURVATURE_STEPS, CURVATURE = (0, 0.75), (0.7, 1.0)


class Refiner:
    """Moves symbols by one where that lowers rate + lambda x error.

    What a move costs is estimated: its own bits by the coder's tables, the error by its gradient through
    the whole synthesis and by the curvature of an orthonormal one. Moves disturb each other, so only some
    of those that pay are made in a step, drawn at random (from a fixed seed), and those that seemed good and
    were not can be taken back in a later one.

    It serves the aim of Yang, Bamler and Mandt, "Improving inference for neural image compression", NeurIPS
    2020, but stays with integers, as the rate-distortion optimised quantisation of video encoders does.

    Args:
        model: whose latents are refined.
        steps: how often all symbols are looked at.
    """

    def __init__(self, model: FlagshipFamily, steps: int) -> None:
        self._model, self._steps = model, steps

    def __call__(
        self, pixels: Floats, latents: Floats, level: int, on_progress: OnProgress
    ) -> tuple[Floats, Symbols]:
        """Latents (h, w, C) to be rounded when they are coded, and the side information to go with them.

        Args:
            pixels: (block * h, block * w, 3), minus 128.
            latents: (h, w, C) from the analysis, in quantisation steps.
            level: quality level 0..396.
            on_progress: called after every step.
        """
        coder, random = self._model.tile_coder, np.random.default_rng(0)
        # That of the analysis stays: decoded latents would tell the networks of smaller ones.
        side = coder.side_information(latents, level)
        moved, effort = latents, DEFAULT
        grid = Area(0, 0, *latents.shape[:2])
        # Lambda weighs the mean over three samples a pixel; the gradient is half of that of their sum.
        weight = 2 / 3 * self._model.distortion_weight(level)
        for step in range(self._steps):
            trial = coder.trial(moved, side, level, effort)
            # Boldly at first, and warily in the end.
            wariness = float(np.interp(step / self._steps, CURVATURE_STEPS, CURVATURE))
            curvature = wariness * self._model.bits_per_square(level)
            moved = trial.decoded.copy()
            for core in grid.cut(WINDOW):
                slope = weight * self._gradient(trial.decoded, pixels, level, core, grid)
                moved[core.slices] += self._moves(
                    trial.symbols[core.slices], trial.indices[core.slices], slope, curvature, random
                )
            effort = ROUNDED
            on_progress((step + 1) / self._steps)
        return moved, side

    def _gradient(self, latents: Floats, pixels: Floats, level: int, core: Area, grid: Area) -> Floats:
        # Forward to the pixels that a latent reaches, and back from those.
        window = core.widened(2 * self._model.synthesis_halo, grid)
        part = pixels[window.scaled(self._model.block).slices]
        gradient = self._model.error_gradient(latents[window.slices], part, level)
        return gradient[core.within(window).slices]

    def _moves(
        self,
        symbols: Symbols,
        indices: Indices,
        slope: Floats,
        curvature: Floats,
        random: np.random.Generator,
    ) -> NDArray[np.int8]:
        """-1, 0 or 1 for each symbol.

        Args:
            symbols, indices: (h, w, C), see `Trial`.
            slope: (h, w, C) bits that the error rises by, per quantisation step, for a small change.
            curvature: (C,) bits that it rises by beyond that for a whole step.
            random: draws those that may move.
        """
        moves = np.zeros(slope.shape, np.int8)
        where = np.nonzero((indices > 0) & (random.random(slope.shape, np.float32) < SHARE))
        symbols, indices, slope, curvature = (
            symbols[where],
            indices[where],
            slope[where],
            curvature[where[-1]],
        )
        bits = self._model.tile_coder.tables.bits
        top = bits.shape[1] - 1

        def change(direction: int) -> Floats:
            now, then = (bits[indices, np.minimum(np.abs(s), top)] for s in (symbols, symbols + direction))
            return then - now + direction * slope + curvature

        up, down = change(1), change(-1)
        moves[where] = np.where(np.minimum(up, down) < 0, np.where(up < down, 1, -1), 0)
        return moves
