"""Refinement of a picture's latents window by window, so that its memory is bounded; takes Keras."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.area import Area
from compressor.effort import OnProgress, progress_of_part
from compressor.entropy.tables import ScaleTables
from compressor.errors import MissingDependencyError
from compressor.latent_coder import GRID
from compressor.model_files import ModelFiles
from compressor.quality import TOP_LEVEL

Floats = NDArray[np.float32]

# Latent positions along a window's side, and how many more on each side are refined with it, for its sake.
WINDOW, HALO = 48, 4


class Refiner:
    """Improves latents for their pixels by gradient through model and tables.

    Args:
        files: the exported model.
        tables: what symbols cost.
        steps: of gradient descent for each window.

    Raises:
        MissingDependencyError: if Keras or its backend is not installed.
    """

    def __init__(self, files: ModelFiles, tables: ScaleTables, steps: int) -> None:
        # TensorFlow tells of its own start on the standard error output.
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        try:
            from compressor.models.exported import load_exported
            from compressor.models.refinement import Refinement
        except ImportError as error:
            raise MissingDependencyError(
                f"an effort above 6 needs Keras ({error}): lower it, or pip install 'compressor[train]'"
            ) from error
        model = load_exported(files)
        self._steps = steps
        self._new: Callable[[], Any] = lambda: Refinement(model, tables.bits, steps)
        # One for each shape: it holds a compiled step.
        self._refinements: dict[tuple[int, ...], Any] = {}

    def __call__(self, pixels: Floats, latents: Floats, level: int, on_progress: OnProgress) -> Floats:
        """Refined latents, (h, w, C) in quantisation steps.

        Args:
            pixels: (block * h, block * w, 3), minus 128.
            latents: (h, w, C) from the analysis.
            level: quality level 0..396.
            on_progress: called after every step.
        """
        grid = Area(0, 0, *latents.shape[:2])
        block = pixels.shape[0] // latents.shape[0]
        refined = np.empty_like(latents)
        cores = list(grid.cut(WINDOW))
        for number, core in enumerate(cores):
            window = core.widened(HALO, grid)
            part = self._refine(
                _padded(pixels[window.scaled(block).slices], GRID * block),
                _padded(latents[window.slices], GRID),
                level,
                progress_of_part(on_progress, number, len(cores)),
            )
            refined[core.slices] = part[core.within(window).slices]
        return refined

    def _refine(self, pixels: Floats, latents: Floats, level: int, on_progress: OnProgress) -> Floats:
        import keras

        refinement = self._refinements.get(latents.shape)
        if refinement is None:
            refinement = self._refinements[latents.shape] = self._new()
        refinement.hold(latents[None])
        done = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: on_progress((epoch + 1) / self._steps)
        )
        inputs = {
            "images": (pixels[None] + 128) / 255,
            "quality": np.array([level / TOP_LEVEL], np.float32),
        }
        refinement.fit(inputs, batch_size=1, epochs=self._steps, callbacks=[done], verbose=0)
        return np.asarray(refinement.latents)[0]


def _padded(x: Floats, multiple: int) -> Floats:
    """(h, w, C) with the last row and column repeated until both sides are divisible."""
    h, w, _ = x.shape
    return np.pad(x, ((0, -h % multiple), (0, -w % multiple), (0, 0)), mode="edge")
