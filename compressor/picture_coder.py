"""Pictures to payloads and back, tile by tile; transforms see enough around a tile to leave no seam."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compressor.area import Area
from compressor.effort import DEFAULT, Effort, OnProgress, ignore_progress, progress_of_part
from compressor.engines import load_engine
from compressor.errors import UnsupportedStreamError, WeightsError
from compressor.families import FAMILIES, Family
from compressor.image_io import to_uint8
from compressor.model_files import SHELF, ModelFiles
from compressor.refiner import Refiner
from compressor.tiling import TILE, TileReader, join_tiles


class PictureCoder:
    """Codes pictures with one model on one engine.

    Args:
        files: the exported model.
        engine: see `compressor.engines.load_engine`.
        threads: of the engine; None leaves it to the engine.
    """

    def __init__(self, files: ModelFiles, engine: str = "auto", threads: int | None = None) -> None:
        self.model_id, self.model_name = files.model_id, files.name
        running = load_engine(engine, files, threads)
        self.engine_name = running.name
        family = FAMILIES.get(files.manifest["family"])
        if family is None:
            raise WeightsError(
                f"{files.folder} holds a model of family {files.manifest['family']!r}; "
                f"known: {', '.join(FAMILIES)}; upgrade the package"
            )
        self._family: Family = family(files, running)
        self._files = files
        self._refiners: dict[int, Refiner] = {}

    def encode(
        self,
        image_uint8: NDArray[np.uint8],
        level: int,
        effort: Effort = DEFAULT,
        *,
        verify: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> bytes:
        """A picture (H, W, 3) at a quality level 0..396 -> payload.

        Args:
            image_uint8: (H, W, 3).
            level: quality level 0..396.
            effort: how hard to try.
            verify: whether to read the payload again.
            on_progress: called after every step of a refinement.

        Raises:
            CorruptStreamError: if `verify` is asked for, and the payload does not hold what was meant.
            MissingDependencyError: if the effort takes Keras, and it is not installed.
        """
        coder = self._family.tile_coder

        def attempt(effort: Effort) -> bytes:
            tiles = self._analyse(image_uint8, level, effort, on_progress)
            return join_tiles([coder.encode(latents, level, effort, verify=verify) for latents in tiles])

        payload = attempt(effort)
        if not effort.refinement_steps:
            return payload
        # Steps are few and random: on some pictures the analysis alone is better.
        return min(payload, attempt(DEFAULT), key=lambda data: self._cost(image_uint8, data, level))

    def _cost(self, image_uint8: NDArray[np.uint8], payload: bytes, level: int) -> float:
        """The objective of training: bits per pixel + lambda x mean squared error."""
        height, width, _ = image_uint8.shape
        error = self.decode(payload, height, width, level).astype(np.float32) - image_uint8
        rate = 8 * len(payload) / (height * width)
        return rate + self._family.distortion_weight(level) * float(np.mean(np.square(error)))

    def symbols(
        self, image_uint8: NDArray[np.uint8], level: int
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.uint8]]]:
        """What `encode` codes, tile by tile: see `LatentCoder.symbols`."""
        for latents in self._analyse(image_uint8, level, DEFAULT, ignore_progress):
            yield from self._family.tile_coder.symbols(latents, level)

    def decode(
        self,
        payload: bytes | memoryview,
        height: int,
        width: int,
        level: int,
        region: Area | None = None,
    ) -> NDArray[np.uint8]:
        """A payload -> picture (height, width, 3), or one region of it at the cost of that region.

        Args:
            payload: from `encode`.
            height, width: of the whole picture, in pixels.
            level: quality level 0..396.
            region: pixels inside the picture; None for all of them.

        Raises:
            StreamError: if the payload cannot have come from `encode`.
        """
        block, coder = self._family.block, self._family.tile_coder
        picture = Area(0, 0, height, width)
        grid = picture.covering(block)
        reader = TileReader(
            bytes(payload), grid, self._family.channels, lambda data, h, w: coder.decode(data, h, w, level)
        )
        region = picture if region is None else region
        image_uint8 = np.empty((region.height, region.width, 3), np.uint8)
        for part in region.covering(block).cut(TILE):
            window = part.widened(self._family.synthesis_halo, grid)
            pixels = self._family.synthesise(reader.window(window), level)
            kept = part.scaled(block).common(region)
            inner = pixels[kept.within(window.scaled(block)).slices]
            image_uint8[kept.within(region).slices] = to_uint8((inner + 128) / 255)
        return image_uint8

    def _analyse(
        self,
        image_uint8: NDArray[np.uint8],
        level: int,
        effort: Effort,
        on_progress: OnProgress,
    ) -> Iterator[NDArray[np.float32]]:
        """Picture (H, W, 3) -> latents of each tile (h, w, C); height and width in blocks rounded up."""
        height, width, _ = image_uint8.shape
        block = self._family.block
        grid = Area(0, 0, height, width).covering(block)
        tiles = list(grid.cut(TILE))
        for number, tile in enumerate(tiles):
            window = tile.widened(self._family.analysis_halo, grid)
            part = image_uint8[window.scaled(block).slices]
            # Whole blocks: what the last row and column lack.
            missing = (window.height * block - part.shape[0], window.width * block - part.shape[1])
            padded = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
            # Floats are made of one tile at a time: those of a whole picture may be more than the memory.
            pixels = padded.astype(np.float32) - 128
            inner = tile.within(window)
            latents = self._family.analyse(pixels[None], level)[inner.slices]
            if effort.refinement_steps:
                latents = self._refiner(effort.refinement_steps)(
                    pixels[inner.scaled(block).slices],
                    latents,
                    level,
                    progress_of_part(on_progress, number, len(tiles)),
                )
            yield latents

    def _refiner(self, steps: int) -> Refiner:
        if steps not in self._refiners:
            self._refiners[steps] = Refiner(self._files, self._family.tile_coder.tables, steps)
        return self._refiners[steps]


@lru_cache(maxsize=4)
def load_coder(
    model: int | str | None = None,
    *,
    engine: str = "auto",
    threads: int | None = None,
    weights: str | Path | None = None,
) -> PictureCoder:
    """A coder, kept for the next call with the same arguments.

    Args:
        model: id or name of a shipped model; None is the default one.
        engine, threads: see `PictureCoder`.
        weights: folder of an exported model to take in place of a shipped one.

    Raises:
        UnsupportedStreamError: for a model id that does not ship, or that `weights` does not have.
        OptionError: for a model name or an engine that is not known.
        WeightsError: if the model's files are damaged.
        MissingDependencyError: if the engine is not installed.
    """
    files = SHELF.files(model) if weights is None else ModelFiles(Path(weights))
    if isinstance(model, int) and files.model_id != model:
        raise UnsupportedStreamError(
            f"the stream needs model {model}, and {weights} holds model {files.model_id}: give the folder "
            "of the model that it was made with"
        )
    return PictureCoder(files, engine, threads)
