"""Pictures to payloads and back: transforms over the whole picture, entropy coding tile by tile."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compressor.bitstream.varint import read_varint, write_varint
from compressor.engines import load_engine
from compressor.errors import CorruptStreamError, UnsupportedStreamError, WeightsError
from compressor.families import FAMILIES, Family
from compressor.image_io import to_uint8
from compressor.model_files import SHELF, ModelFiles

# Latent positions along a tile's side (2048 pixels): entropy coding never looks across tiles, so its
# memory is bounded. Photographs of up to four megapixels are usually a single tile.
TILE = 128


def tiles(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Tiles of a grid of latents in coding order: rows from the top, left to right."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            yield slice(top, min(top + TILE, height)), slice(left, min(left + TILE, width))


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

    def encode(self, image_uint8: NDArray[np.uint8], level: int, *, verify: bool = False) -> bytes:
        """A picture (H, W, 3) at a quality level 0..396 -> payload.

        Raises:
            CorruptStreamError: if `verify` is asked for, and the payload does not hold what was meant.
        """
        latents = self._analyse(image_uint8, level)
        parts = [
            self._family.tile_coder.encode(latents[rows, columns], level, verify=verify)
            for rows, columns in tiles(*latents.shape[:2])
        ]
        # The last tile takes what is left, so a single tile needs no length.
        return b"".join([write_varint(len(part)) + part for part in parts[:-1]] + parts[-1:])

    def symbols(
        self, image_uint8: NDArray[np.uint8], level: int
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.uint8]]]:
        """What `encode` codes, tile by tile: see `LatentCoder.symbols`."""
        latents = self._analyse(image_uint8, level)
        for rows, columns in tiles(*latents.shape[:2]):
            yield from self._family.tile_coder.symbols(latents[rows, columns], level)

    def decode(self, payload: bytes | memoryview, height: int, width: int, level: int) -> NDArray[np.uint8]:
        """A payload -> picture (height, width, 3).

        Raises:
            CorruptStreamError: if the payload cannot have come from `encode`.
        """
        h, w = -(-height // self._family.block), -(-width // self._family.block)
        payload = bytes(payload)
        where = list(tiles(h, w))
        latents = np.empty((h, w, self._family.channels), np.float32)
        position = 0
        for number, (rows, columns) in enumerate(where):
            end = len(payload)
            if number < len(where) - 1:
                length, position = read_varint(payload, position, name="tile length")
                end = position + length
                if end > len(payload):
                    raise CorruptStreamError(
                        f"tile {number} claims {length} bytes, and {len(payload) - position} are left; "
                        "the file is damaged"
                    )
            size = (rows.stop - rows.start, columns.stop - columns.start)
            latents[rows, columns] = self._family.tile_coder.decode(payload[position:end], *size, level)
            position = end
        return to_uint8((self._family.synthesise(latents, level)[:height, :width] + 128) / 255)

    def _analyse(self, image_uint8: NDArray[np.uint8], level: int) -> NDArray[np.float32]:
        """Picture (H, W, 3) -> latents, height and width in blocks rounded up."""
        (height, width), block = image_uint8.shape[:2], self._family.block
        padded = np.pad(image_uint8, ((0, -height % block), (0, -width % block), (0, 0)), mode="edge")
        return self._family.analyse(padded[None].astype(np.float32) - 128, level)


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
