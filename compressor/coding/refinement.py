"""Refinement of a tile's latents by the effect of their symbols on the decoded picture."""

from dataclasses import dataclass

import numpy as np

from compressor.coding.area import Area
from compressor.coding.effort import OnProgress
from compressor.coding.objectives import Objective
from compressor.coding.tile_coder import TileCoder
from compressor.models.runtime import ErrorGradient, ModelRuntime, Slope
from compressor.spec.arrays import Floats, Symbols
from compressor.spec.levels import Levels, levels_in

# Side, in latent positions, of the part whose gradient is computed at once: it bounds the memory.
WINDOW = 48


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a tile whose gradient is computed at once.

    Attributes:
        core: positions whose gradient is kept.
        window: these and the positions around them, which the gradient depends on.
        slope: of the error of the window's pixels.
        levels: quality levels of the window.
    """

    core: Area
    window: Area
    slope: Slope
    levels: Levels


class Refiner:
    """Moves latents so that the symbols they are rounded to lower rate + lambda x error.

    Each step codes the latents, takes the gradient of the error of the decoded picture back through the whole
    synthesis, and moves the latents against it.

    Args:
        runtime: the model.
        coder: codes its tiles.
        error_gradient: of the runtime.
        objective: the error, and how the latents move.
        steps: number of moves.
        window: see `WINDOW`.

    Reference: the aim is that of Yang, Bamler and Mandt, "Improving inference for neural image compression",
    NeurIPS 2020; here latents are rounded in every step, as they are when they are coded.
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
    def saving_share(self) -> float:
        """Share of the bits saved that counts, of `Effort`, with which refined latents are to be coded."""
        return self._objective.saving_share

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
            Latents (h, w, C), to be coded with `saving_share`, and the side information to code them with.
        """
        # Keep that of the analysis: the networks have learned to make it from latents that were not moved.
        side = self._runtime.side_information(latents, levels)
        descent = self._objective.descent(self._runtime.worth(levels), self._steps)
        parts = self._parts(pixels, levels)
        for step in range(self._steps):
            decoded = self._coder.code(latents, levels, self.saving_share, side).decoded
            latents = descent.move(latents, decoded, self._gradient(decoded, parts))
            on_progress((step + 1) / self._steps)
        return latents, side

    def _parts(self, pixels: Floats, levels: Levels) -> list[_Part]:
        """Cut a tile into parts."""
        block = self._runtime.block
        grid, parts = Area(0, 0, pixels.shape[0] // block, pixels.shape[1] // block), []
        for core in grid.cut(self._window):
            # Forward to the pixels that a latent affects, and back from those.
            window = core.widened(2 * self._runtime.synthesis_halo, grid)
            slope = self._objective.slope(pixels[window.scaled(block).slices])
            parts.append(_Part(core, window, slope, levels_in(levels, window.slices)))
        return parts

    def _gradient(self, latents: Floats, parts: list[_Part]) -> Floats:
        """Return the bits by which the error rises per quantisation step of each latent."""
        gradient = np.empty_like(latents)
        for part in parts:
            weight = np.asarray(self._runtime.distortion_weight(part.levels))[..., None]
            found = weight * self._error_gradient(latents[part.window.slices], part.slope, part.levels)
            gradient[part.core.slices] = found[part.core.within(part.window).slices]
        return gradient
