"""How each family of models turns pictures into tiles of latents and back, on an engine."""

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compressor.effort import DEFAULT, Effort
from compressor.engines import Engine
from compressor.entropy.model import load_entropy_model, load_factorized_model
from compressor.entropy.tables import ScaleTables
from compressor.latent_coder import FactorizedCoder, LatentCoder
from compressor.model_files import ModelFiles
from compressor.passes import CodingPass
from compressor.quality import load_gains

Floats = NDArray[np.float32]


class TileCoder(Protocol):
    """Latents of one tile to bytes and back.

    Attributes:
        tables: what symbols cost.
    """

    tables: ScaleTables

    def symbols(
        self, latents: Floats, level: int
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.uint8]]]: ...

    def encode(
        self,
        latents: Floats,
        level: int,
        effort: Effort = DEFAULT,
        side: Any = None,
        *,
        verify: bool = False,
    ) -> bytes: ...

    def decode(self, data: bytes, height: int, width: int, level: int) -> Floats: ...


class Family(Protocol):
    """Transforms and tile coder of one exported model.

    Attributes:
        block: pixels per latent position, down and across.
        analysis_halo: how many positions away from a latent its analysis sees pixels.
        synthesis_halo: how many positions away from a pixel its synthesis sees latents.
        channels: of the latents.
        tile_coder: codes tiles of latents.
    """

    block: int
    analysis_halo: int
    synthesis_halo: int
    channels: int
    tile_coder: TileCoder

    def analyse(self, pixels: Floats, level: int) -> Floats:
        """Pixels minus 128 (1, H, W, 3) -> latents (h, w, C) in quantisation steps."""
        ...

    def synthesise(self, latents: Floats, level: int) -> Floats:
        """Latents (h, w, C) -> pixels minus 128 (H, W, 3)."""
        ...


def passes_of(files: ModelFiles) -> tuple[CodingPass, ...]:
    """The coding order of a model with context."""
    passes = files.manifest["passes"]
    return tuple(CodingPass(**p | {"cells": tuple(map(tuple, p["cells"]))}) for p in passes)


class FlagshipFamily:
    """Lapped transform and networks that know the quality; hyperprior and context."""

    block = 16
    # The receptive field of f: 140 pixels to each side.
    analysis_halo = 9

    def __init__(self, files: ModelFiles, engine: Engine) -> None:
        self._engine = engine
        # Older models have none.
        self.has_gradient = "error_gradient.onnx" in files.manifest["files"]
        self._gains = load_gains(files.read("gains.npz"))
        self.channels = len(self._gains.magnitude)
        self.synthesis_halo = self._synthesis_halo(files.manifest["config"])
        passes = passes_of(files)
        entropy = load_entropy_model(files.read("entropy.npz"), len(passes))
        self.tile_coder = LatentCoder(entropy, self._gains, passes, engine)

    def _synthesis_halo(self, config: dict[str, Any]) -> int:
        # The receptive field of g's stride and 3x3 convolutions, and of the post-filter.
        stride, blocks = config["filter_stride"], config["filter_blocks"]
        pixels = stride * (2 * blocks + 1) + stride // 2 + self.block // 2
        return -(-pixels // self.block)

    def _plane(self, height: int, width: int, level: int) -> Floats:
        return np.full((1, height, width, 1), self._gains.plane_value(level), np.float32)

    def analyse(self, pixels: Floats, level: int) -> Floats:
        """See `Family.analyse`."""
        limit = self._gains.correction_limit(level)[None, None, None]
        _, height, width, _ = pixels.shape
        latents = self._engine.run("analysis", pixels, self._plane(height, width, level), limit)[0]
        latents *= self._gains.gain(level)
        return latents

    def _to_synthesise(self, latents: Floats, level: int) -> tuple[Floats, Floats, Floats]:
        """Coefficients, quality plane, and the filter's amplitude."""
        h, w, _ = latents.shape
        amplitude = np.full((1, 1, 1, 1), self._gains.filter_amplitude(level), np.float32)
        plane = self._plane(self.block * h, self.block * w, level)
        return latents[None] * self._gains.inverse_gain(level), plane, amplitude

    def synthesise(self, latents: Floats, level: int) -> Floats:
        """See `Family.synthesise`."""
        pixels: Floats = self._engine.run("synthesis", *self._to_synthesise(latents, level))[0]
        return pixels

    def error_gradient(self, latents: Floats, pixels: Floats, level: int) -> Floats:
        """Half the gradient of the squared error of decoded pixels, by latents (h, w, C).

        Args:
            latents: (h, w, C) in quantisation steps.
            pixels: (block * h, block * w, 3), those that are meant, minus 128.
            level: quality level 0..396.
        """
        inputs = self._to_synthesise(latents, level)
        gradient: Floats = self._engine.run("error_gradient", *inputs, pixels[None])[0]
        gradient *= self._gains.inverse_gain(level)
        return gradient

    def distortion_weight(self, level: int) -> float:
        """What a squared 8-bit level of mean error is worth in bits per pixel."""
        return self._gains.distortion_weight(level)

    def bits_per_square(self, level: int) -> Floats:
        """(C,) what a squared quantisation step of error is worth, in bits."""
        return self._gains.bits_per_square(level)


class CnnFamily:
    """The textbook autoencoder with a factorised prior."""

    block = 4
    analysis_halo = 2
    synthesis_halo = 2

    def __init__(self, files: ModelFiles, engine: Engine) -> None:
        self._engine = engine
        self._gains = load_gains(files.read("gains.npz"))
        self._scale = float(files.manifest["pixel_scale"])
        self.channels = self._gains.log_gain.shape[1]
        self.tile_coder = FactorizedCoder(load_factorized_model(files.read("entropy.npz")))

    def analyse(self, pixels: Floats, level: int) -> Floats:
        """See `Family.analyse`."""
        latents: Floats = self._engine.run("analysis", pixels / self._scale)[0]
        latents *= self._gains.gain(level)
        return latents

    def synthesise(self, latents: Floats, level: int) -> Floats:
        """See `Family.synthesise`."""
        coefficients = latents[None] * self._gains.inverse_gain(level)
        pixels: Floats = self._engine.run("synthesis", coefficients)[0]
        pixels *= self._scale
        return pixels


FAMILIES: dict[str, Any] = {"flagship": FlagshipFamily, "cnn": CnnFamily}
