"""Pictures to payloads and back, tile by tile; transforms see enough around a tile to leave no seam."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compressor.area import Area
from compressor.effort import DEFAULT, ROUNDED, Effort, OnProgress, ignore_progress, progress_of_part
from compressor.engines import load_engine
from compressor.errors import OptionError, UnsupportedStreamError, WeightsError
from compressor.families import FAMILIES, Family, FlagshipFamily
from compressor.image_io import to_uint8
from compressor.model_files import SHELF, ModelFiles
from compressor.refiner import Refiner
from compressor.tiling import TILE, TileReader, join_tiles

Floats = NDArray[np.float32]


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
            OptionError: if the effort refines, and the model has no error gradient.
        """
        refine = self._refiner(effort) if effort.refinement_steps else None
        grid = Area(0, 0, *image_uint8.shape[:2]).covering(self._family.block)
        tiles, payloads = list(grid.cut(TILE)), []
        for number, tile in enumerate(tiles):
            pixels, latents = self._analyse(image_uint8, tile, grid, level)
            rounding, side = effort, None
            if refine:
                progress = progress_of_part(on_progress, number, len(tiles))
                latents, side = refine(pixels, latents, level, progress)
                rounding = ROUNDED
            payloads.append(self._family.tile_coder.encode(latents, level, rounding, side, verify=verify))
        return join_tiles(payloads)

    def _refiner(self, effort: Effort) -> Refiner:
        if isinstance(self._family, FlagshipFamily) and self._family.has_gradient:
            return Refiner(self._family, effort.refinement_steps)
        raise OptionError(
            f"received an effort above 5, and model {self.model_name} has no error gradient to refine by: "
            "take the default model, or an effort of at most 5"
        )

    def symbols(
        self, image_uint8: NDArray[np.uint8], level: int
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.uint8]]]:
        """What `encode` codes, tile by tile: see `LatentCoder.symbols`."""
        grid = Area(0, 0, *image_uint8.shape[:2]).covering(self._family.block)
        for tile in grid.cut(TILE):
            _, latents = self._analyse(image_uint8, tile, grid, level)
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
        # Quarters of tiles: the filter's layers take more memory for each pixel than anything else does.
        for part in region.covering(block).cut(TILE // 2):
            window = part.widened(self._family.synthesis_halo, grid)
            pixels = self._family.synthesise(reader.window(window), level)
            kept = part.scaled(block).common(region)
            inner = pixels[kept.within(window.scaled(block)).slices]
            image_uint8[kept.within(region).slices] = to_uint8((inner + 128) / 255)
        return image_uint8

    def _analyse(
        self, image_uint8: NDArray[np.uint8], tile: Area, grid: Area, level: int
    ) -> tuple[Floats, Floats]:
        """Pixels minus 128 (block * h, block * w, 3) and latents (h, w, C) of a tile of a picture."""
        block = self._family.block
        window = tile.widened(self._family.analysis_halo, grid)
        part = image_uint8[window.scaled(block).slices]
        # Whole blocks: what the last row and column lack.
        missing = (window.height * block - part.shape[0], window.width * block - part.shape[1])
        padded = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
        # Floats are made of one tile at a time: those of a whole picture may be more than the memory.
        pixels = padded.astype(np.float32) - 128
        inner = tile.within(window)
        latents = self._family.analyse(pixels[None], level)[inner.slices]
        return pixels[inner.scaled(block).slices], latents


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
