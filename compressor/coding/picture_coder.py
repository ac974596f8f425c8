"""Pictures to payloads and back, tile by tile; transforms read enough around a tile to leave no seam."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compressor.bitstream.tiles import join_tiles, split_cut_tiles, split_tiles
from compressor.coding.area import Area
from compressor.coding.effort import Effort
from compressor.coding.progress import OnProgress, ignore_progress, progress_of_part
from compressor.coding.threads import map_ahead
from compressor.coding.tile_coder import Pairs, TileCoder
from compressor.coding.tile_error import WINDOW, TilePixels
from compressor.coding.tile_reader import TileReader
from compressor.errors import WeightsError
from compressor.images.arrays import to_uint8
from compressor.models.runtime import Analysis, ModelRuntime
from compressor.spec.arrays import Floats, Indices, Symbols, extended
from compressor.spec.constants import PIXEL_OFFSET, TILE
from compressor.spec.levels import Levels, levels_in

if TYPE_CHECKING:
    from compressor.coding.refinement import Refiner

# Side, in latent positions, of the parts that are synthesised at once: the filter's layers take more memory
# for each pixel than anything else does.
PART = TILE // 2


class PictureCoder:
    """Codes pictures with one model.

    Args:
        runtime: the model on an engine.
        model_id: number of the model in streams.
        model_name: name of the model, for messages.
        engine_name: name of the engine, for messages.
        tile: latent positions along a tile's side. Encoder and decoder must agree; streams have `TILE`.
        part: latent positions along the side of what is synthesised at once.
        workers: number of tiles to work on at once.
    """

    def __init__(
        self,
        runtime: ModelRuntime,
        *,
        model_id: int = 0,
        model_name: str = "",
        engine_name: str = "",
        tile: int = TILE,
        part: int = PART,
        workers: int = 1,
    ) -> None:
        self.runtime, self.tile_coder = runtime, TileCoder(runtime)
        self.model_id, self.model_name, self.engine_name = model_id, model_name, engine_name
        self._tile, self._part, self._workers = tile, part, workers

    @property
    def reductions(self) -> tuple[int, ...]:
        """Factors by which `decode` can divide width and height."""
        return (1, *self.runtime.reductions)

    def encode(
        self,
        image_uint8: NDArray[np.uint8],
        levels: Levels,
        effort: Effort = Effort(),
        *,
        verify: bool = False,
        on_progress: OnProgress = ignore_progress,
    ) -> bytes:
        """Encode a picture at quality levels.

        Args:
            image_uint8: (H, W, 3).
            levels: quality levels 0..396: one, or one for each latent position of the picture.
            effort: how symbols are chosen.
            verify: whether to read the payload again.
            on_progress: called after every step of a refinement.

        Returns:
            The payload of the picture section.

        Raises:
            CorruptStreamError: with `verify`, if the payload does not give back the symbols.
            WeightsError: if the effort moves latents, and the model lacks the gradients.
        """
        tiles = self._coded_tiles(image_uint8, levels, effort, on_progress)
        return join_tiles([self.tile_coder.encode(pairs, verify=verify) for pairs in tiles])

    def _coded_tiles(
        self,
        image_uint8: NDArray[np.uint8],
        levels: Levels,
        effort: Effort,
        on_progress: OnProgress = ignore_progress,
    ) -> Iterator[Pairs]:
        """Code a picture tile by tile."""
        refine = self._refiner(effort)
        tiles = list(self._grid(image_uint8).cut(self._tile))
        for number, tile in enumerate(tiles):
            if refine is None:
                yield self._coded_as_analysed(image_uint8, tile, levels)
            else:
                on_tile_progress = progress_of_part(on_progress, number, len(tiles))
                yield self._refined(refine, image_uint8, tile, levels, on_tile_progress)

    def _refiner(self, effort: Effort) -> Refiner | None:
        """Return what moves latents before they are coded; None to code those of the analysis."""
        runtime, steps, gradient = self.runtime, effort.refinement_steps, self.runtime.error_gradient
        quick_moves = effort.quick_moves(runtime.quick_moves)
        if not steps and not quick_moves:
            return None

        from compressor.coding.objectives import OBJECTIVES
        from compressor.coding.refinement import Refiner

        objective = OBJECTIVES.get(runtime.metric)
        if gradient is None or objective is None:
            raise WeightsError(
                f"model {self.model_name} lacks the gradients that move latents: export it again"
            )
        # Quick moves alone keep no activations of the filter, so they take no more memory than decoding.
        window = WINDOW if steps else self._part
        return Refiner(runtime, self.tile_coder, gradient, objective, quick_moves, steps, window)

    def _refined(
        self,
        refine: Refiner,
        image_uint8: NDArray[np.uint8],
        tile: Area,
        levels: Levels,
        on_progress: OnProgress,
    ) -> Pairs:
        """Code a tile of a picture with latents that are moved first."""
        wide = tile.widened(refine.halo, self._grid(image_uint8))
        pixels, latents, side = self._latents_and_side(image_uint8, wide, tile, levels)
        inside = wide.scaled(self.runtime.block).common(Area(0, 0, *image_uint8.shape[:2]))
        size, of_wide = (inside.height, inside.width), levels_in(levels, wide.slices)
        return refine(TilePixels(pixels, size, of_wide, tile.within(wide)), latents, side, on_progress)

    def _coded_as_analysed(self, image_uint8: NDArray[np.uint8], tile: Area, levels: Levels) -> Pairs:
        """Code a tile of a picture with the latents of the analysis."""
        _, latents, side = self._latents_and_side(image_uint8, tile, tile, levels)
        return self.tile_coder.code(latents, side, levels_in(levels, tile.slices)).pairs()

    def _latents_and_side(
        self, image_uint8: NDArray[np.uint8], area: Area, tile: Area, levels: Levels
    ) -> tuple[Floats, Floats, Symbols]:
        """Return pixels minus 128 and latents of an area, and the side information of the tile in it."""
        pixels, analysis = self.analyse(image_uint8, area, levels)
        for_side = analysis.for_side[tile.within(area).slices]
        side = self.runtime.side_information(for_side, levels_in(levels, tile.slices))
        return pixels, analysis.latents, side

    def symbols(self, image_uint8: NDArray[np.uint8], levels: Levels) -> Iterator[tuple[Symbols, Indices]]:
        """Yield flat arrays of symbols and of their scale indices, as `encode` codes them, tile by tile."""
        for pairs in self._coded_tiles(image_uint8, levels, Effort()):
            yield from pairs

    def decode(
        self,
        payload: bytes,
        height: int,
        width: int,
        levels: Levels,
        region: Area | None = None,
        reduction: int = 1,
        *,
        is_cut: bool = False,
    ) -> NDArray[np.uint8]:
        """Decode a picture, or one region of it at the cost of that region.

        Args:
            payload: from `encode`.
            height: height of the whole picture, in pixels.
            width: width of the whole picture, in pixels.
            levels: quality levels 0..396: one, or one for each latent position of the picture.
            region: the part to return, in pixels of the returned size; None for all of them.
            reduction: factor by which width and height are divided and rounded up; one of `reductions`.
            is_cut: whether the payload is only the beginning of one. Then passes that are missing add no
                detail, and tiles that are missing are gray.

        Returns:
            uint8 (height, width, 3) of the region.

        Raises:
            StreamError: if the payload cannot have come from `encode`.
        """
        synthesis = self.runtime.synthesis(reduction)
        block, picture = synthesis.block, Area(0, 0, height, width)
        grid = picture.covering(self.runtime.block)

        def decode_tile(item: tuple[Area, tuple[bytes, bool]]) -> tuple[Area, Floats]:
            tile, (data, tile_is_cut) = item
            if not data and tile_is_cut:
                return tile, np.zeros((tile.height, tile.width, synthesis.channels), np.float32)
            of_tile = levels_in(levels, tile.slices)
            latents = self.tile_coder.decode(
                data, tile.height, tile.width, of_tile, synthesis.num_passes, is_cut=tile_is_cut
            )
            return tile, latents

        region = picture.covering(reduction) if region is None else region
        positions = region.covering(block)
        tiles = list(grid.cut(self._tile))
        data_of_tiles = zip(tiles, _data_of_tiles(payload, len(tiles), is_cut=is_cut), strict=True)
        needed = positions.widened(synthesis.halo, grid)
        wanted = [(tile, data) for tile, data in data_of_tiles if tile.meets(needed)]
        # The next tiles are decoded while the latents of one become pixels.
        decoded = map_ahead(decode_tile, wanted, min(self._workers, len(wanted)))
        reader = TileReader(decoded, grid, synthesis.channels, self._tile)
        image_uint8 = np.empty((region.height, region.width, 3), np.uint8)
        for part in positions.cut(self._part):
            window = part.widened(synthesis.halo, grid)
            pixels = synthesis.run(reader.window(window), levels_in(levels, window.slices))
            kept = part.scaled(block).common(region)
            inner = pixels[kept.within(window.scaled(block)).slices]
            inner += PIXEL_OFFSET
            image_uint8[kept.within(region).slices] = to_uint8(inner)
        return image_uint8

    def read_symbols(
        self, payload: bytes, height: int, width: int, levels: Levels
    ) -> Iterator[tuple[Symbols, Indices]]:
        """Yield flat arrays of the symbols of a payload and of their scale indices, tile by tile."""
        tiles = list(Area(0, 0, height, width).covering(self.runtime.block).cut(self._tile))
        for tile, data in zip(tiles, split_tiles(payload, len(tiles)), strict=True):
            of_tile = levels_in(levels, tile.slices)
            yield from self.tile_coder.read_pairs(data, tile.height, tile.width, of_tile)

    def analyse(self, image_uint8: NDArray[np.uint8], area: Area, levels: Levels) -> tuple[Floats, Analysis]:
        """Return pixels minus 128 (block * h, block * w, 3) and the analysis of an area of a picture."""
        block = self.runtime.block
        window = area.widened(self.runtime.analysis_halo, self._grid(image_uint8))
        part = image_uint8[window.scaled(block).slices]
        # Repeat the last row and column up to whole blocks.
        missing = (window.height * block - part.shape[0], window.width * block - part.shape[1])
        padded = extended(part, *missing, "edge")
        # Only one area at a time is converted: the floats of a whole picture might not fit in memory.
        pixels = np.subtract(padded, PIXEL_OFFSET, dtype=np.float32)
        inner = area.within(window)
        analysis = self.runtime.analyse(pixels[None], levels_in(levels, window.slices))
        return pixels[inner.scaled(block).slices], analysis.part(inner.slices)

    def _grid(self, image_uint8: NDArray[np.uint8]) -> Area:
        return Area(0, 0, *image_uint8.shape[:2]).covering(self.runtime.block)


def _data_of_tiles(payload: bytes, count: int, *, is_cut: bool) -> list[tuple[bytes, bool]]:
    """Return the data of each tile, and whether they are cut off."""
    if not is_cut:
        return [(data, False) for data in split_tiles(payload, count)]
    whole, rest = split_cut_tiles(payload, count)
    found = [*((data, False) for data in whole), (rest, True)]
    return found + [(b"", True)] * (count - len(found))
