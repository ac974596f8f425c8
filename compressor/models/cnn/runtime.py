"""The textbook autoencoder, exported: transforms on an engine, a fixed table per channel and quality."""

import numpy as np

from compressor.engines.interface import Engine
from compressor.entropy.exact import knots_at
from compressor.entropy.tables import load_tables
from compressor.models.gains import load_gains
from compressor.models.runtime import Analysis, Passes, Step, Synthesis
from compressor.spec.arrays import Floats, Indices, Symbols
from compressor.spec.constants import TOP_INDEX
from compressor.spec.fine_levels import FineLevels
from compressor.spec.levels import Levels
from compressor.spec.passes import CELLS, CodingPass
from compressor.spec.quality import TOP_LEVEL
from compressor.weights.files import ModelFiles

# Scale indices are stored times 2**16, so that they can be interpolated between knots.
INDEX_BITS = 16


class CnnRuntime:
    """See `compressor.models.runtime.ModelRuntime`. No side information; one pass codes everything.

    Args:
        files: the exported model.
        engine: runs `analysis` and `synthesis`.
    """

    side_stride = 1
    reductions = ()
    error_gradient = None
    quick_moves = 0

    def __init__(self, files: ModelFiles, engine: Engine) -> None:
        self._engine = engine
        # No fine levels: the transforms lose more than finer steps could recover.
        self._gains = load_gains(files.arrays("gains.npz"), FineLevels(TOP_LEVEL))
        self.metric: str = files.manifest["metric"]
        numbers = files.manifest["numbers"]
        self.block: int = numbers["block"]
        self.analysis_halo: int = numbers["analysis_halo"]
        self.synthesis_halo: int = numbers["synthesis_halo"]
        self._pixel_scale: float = numbers["pixel_scale"]
        self._channels = self._gains.channels
        entropy = files.arrays("entropy.npz")
        self.tables, self._scale_bias = load_tables(entropy), entropy["bias"]

    def analyse(self, pixels: Floats, levels: Levels) -> Analysis:
        """See `ModelRuntime`."""
        latents: Floats = self._engine.run("analysis", pixels / self._pixel_scale)[0]
        latents *= self._gains.gain(levels)
        return Analysis(latents, latents)

    def _synthesise(self, latents: Floats, levels: Levels) -> Floats:
        """See `Synthesis.run`."""
        coefficients = latents[None] * self._gains.inverse_gain(levels)
        pixels: Floats = self._engine.run("synthesis", coefficients)[0]
        pixels *= self._pixel_scale
        return pixels

    def synthesis(self, reduction: int) -> Synthesis:
        """See `ModelRuntime`."""
        return Synthesis(self.block, self.synthesis_halo, 1, self._channels, self._synthesise)

    def side_information(self, for_side: Floats, levels: Levels) -> Symbols:
        """See `ModelRuntime`."""
        return np.zeros((0, 0, 0), np.int32)

    def side_indices(self, height: int, width: int) -> Indices:
        """See `ModelRuntime`."""
        return np.zeros((0, 0, 0), np.uint8)

    def passes(
        self, side: Symbols, height: int, width: int, levels: Levels, num_passes: int | None = None
    ) -> Passes:
        """See `ModelRuntime`."""
        shape = (1, height, width, self._channels)
        # One index for each channel, or for each latent if positions have levels of their own.
        indices = np.clip(knots_at(self._scale_bias, levels) >> INDEX_BITS, 0, TOP_INDEX).astype(np.uint8)
        indices = np.broadcast_to(indices, shape)
        everything = CodingPass(CELLS, 0, self._channels, seen=0, kernel=1)
        symbols = yield Step(everything, lambda: np.zeros(shape, np.float32), indices)
        return symbols[0].astype(np.float32)

    def worth(self, levels: Levels) -> Floats:
        """See `ModelRuntime`."""
        return self._gains.worth(levels)

    def distortion_weight(self, levels: Levels) -> Floats:
        """See `ModelRuntime`."""
        # The gains are in units of the transforms' pixels.
        return self._gains.distortion_weight(levels) / self._pixel_scale**2
