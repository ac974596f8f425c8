"""Latents to bytes and back, pass by pass: float means from the engine, exact scale indices from NumPy."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.effort import DEFAULT, Effort
from compressor.engines import Engine
from compressor.entropy.blas import one_blas_thread
from compressor.entropy.exact import pad, patches
from compressor.entropy.model import EntropyModel, FactorizedModel
from compressor.entropy.range_coder import SymbolDecoder, encode_symbols
from compressor.entropy.tables import ScaleTables
from compressor.errors import CorruptStreamError
from compressor.passes import CodingPass
from compressor.quality import QualityGains
from compressor.rounding import RateDistortionRounding, round_with_dead_zone

Floats = NDArray[np.float32]
Symbols = NDArray[np.int32]
Indices = NDArray[np.uint8]
# Codes or decodes one pass: (pass, means, scale indices) -> symbols, all (offsets, rows, columns, channels).
Exchange = Callable[[CodingPass, Floats, Indices], Symbols]

SIDE_STEPS = 4
SIDE_MAX = 127
# What the exact networks evaluate at once: a neighbourhood takes some thousand numbers for each position.
MAX_POSITIONS = 1024
# Side information is at a quarter of the latents' resolution.
GRID = 4


def encode_pairs(tables: ScaleTables, pairs: Iterable[tuple[Symbols, Indices]], *, verify: bool) -> bytes:
    """Bytes of flat arrays of symbols and of their scale indices.

    Args:
        tables: what the scale indices refer to.
        pairs: in coding order.
        verify: whether to read the bytes again and compare. Scale indices depend on integers alone, on those
            decoded before: a decoder that has met the same symbols so far has the same indices, so reading
            with those of the encoder is as good as decoding.

    Raises:
        CorruptStreamError: if the bytes do not give back the symbols.
    """
    if not verify:
        return encode_symbols(tables, pairs)
    kept = list(pairs)
    data = encode_symbols(tables, kept)
    decoder = SymbolDecoder(tables, data)
    if not all(np.array_equal(decoder.get(indices), symbols) for symbols, indices in kept):
        raise CorruptStreamError(
            "the new stream does not give back the symbols that were written: check this machine's memory, "
            "and report it with the picture"
        )
    return data


@dataclass(frozen=True)
class Trial:
    """What coding a tile of latents comes to, at every position and channel (h, w, C).

    Attributes:
        decoded: latents in quantisation steps.
        symbols: what is coded: they are added to what decoder and encoder both predict.
        indices: scale indices, 0 where nothing is coded.
    """

    decoded: Floats
    symbols: Symbols
    indices: Indices


def _on_grid(latents: Floats) -> Floats:
    h, w, _ = latents.shape
    return np.pad(latents, ((0, -h % GRID), (0, -w % GRID), (0, 0)))


class LatentCoder:
    """Codes a tile of latents.

    Args:
        entropy: tables and exact networks.
        gains: the model's quality curves.
        passes: the coding order.
        engine: runs `hyper_analysis`, `hyper_mean`, `mean_0`, `mean_1`, ...
    """

    def __init__(
        self, entropy: EntropyModel, gains: QualityGains, passes: tuple[CodingPass, ...], engine: Engine
    ) -> None:
        self._entropy, self._gains, self._passes, self._engine = entropy, gains, passes, engine
        self._seen = max(p.seen for p in passes)
        self.tables = entropy.tables
        self._rounding = RateDistortionRounding(entropy.tables)
        # The engine is at a pass's means while NumPy is at its scale indices.
        self._helper = None if engine.threads == 1 else ThreadPoolExecutor(1, "scale-indices")

    def symbols(
        self, latents: Floats, level: int, effort: Effort = DEFAULT, side: Symbols | None = None
    ) -> Iterator[tuple[Symbols, Indices]]:
        """What is coded, in coding order: flat arrays of symbols and of their scale indices.

        Args:
            latents: (h, w, C) in quantisation steps.
            level: quality level 0..396.
            effort: how symbols are chosen.
            side: from `side_information`; None for that of these latents.
        """
        side = self.side_information(latents, level) if side is None else side
        coded = [(side.ravel(), self._side_indices(side.shape))]

        def keep(p: CodingPass, symbols: Symbols, indices: Indices) -> None:
            coded.append((symbols.ravel(), indices.ravel()))

        self._choose(latents, side, level, effort, keep)
        return iter(coded)

    def trial(self, latents: Floats, side: Symbols, level: int, effort: Effort) -> Trial:
        """What would be coded, and decoded, at every position: see `symbols`."""
        shape = (GRID * side.shape[0], GRID * side.shape[1], latents.shape[2])
        symbols, indices = np.zeros(shape, np.int32), np.zeros(shape, np.uint8)

        def keep(p: CodingPass, some_symbols: Symbols, some_indices: Indices) -> None:
            for i, view in enumerate(p.views):
                where = (*view, slice(p.low, p.high))
                symbols[where], indices[where] = some_symbols[i], some_indices[i]

        decoded = self._choose(latents, side, level, effort, keep)
        h, w, _ = latents.shape
        return Trial(decoded, symbols[:h, :w], indices[:h, :w])

    def _choose(
        self,
        latents: Floats,
        side: Symbols,
        level: int,
        effort: Effort,
        keep: Callable[[CodingPass, Symbols, Indices], object],
    ) -> Floats:
        h, w, _ = latents.shape
        latents = _on_grid(latents)
        worth = self._gains.bits_per_square(level)

        def exchange(p: CodingPass, mean: Floats, indices: Indices) -> Symbols:
            residual = np.stack([latents[(*view, slice(p.low, p.high))] for view in p.views]) - mean
            if effort.weighs_symbols:
                symbols = self._rounding(residual, indices, worth[p.low : p.high])
            else:
                symbols = round_with_dead_zone(residual)
            symbols[indices == 0] = 0
            keep(p, symbols, indices)
            return symbols

        with one_blas_thread():
            return self._walk(side, h, w, level, exchange)

    def encode(
        self,
        latents: Floats,
        level: int,
        effort: Effort = DEFAULT,
        side: Symbols | None = None,
        *,
        verify: bool = False,
    ) -> bytes:
        """Latents (h, w, C) in quantisation steps -> bytes; see `symbols`, and `encode_pairs` on `verify`."""
        return encode_pairs(self.tables, self.symbols(latents, level, effort, side), verify=verify)

    def decode(self, data: bytes | memoryview, height: int, width: int, level: int) -> Floats:
        """Bytes -> latents (height, width, C) in quantisation steps.

        Raises:
            CorruptStreamError: if the data cannot have come from `encode`.
        """
        decoder = SymbolDecoder(self.tables, data)
        shape = (-(-height // GRID), -(-width // GRID), len(self._entropy.side_index))
        side = decoder.get(self._side_indices(shape)).reshape(shape)
        np.clip(side, -SIDE_MAX, SIDE_MAX, out=side)

        def exchange(p: CodingPass, mean: Floats, indices: Indices) -> Symbols:
            return decoder.get(indices.ravel()).reshape(indices.shape)

        with one_blas_thread():
            return self._walk(side, height, width, level, exchange)

    def side_information(self, latents: Floats, level: int) -> Symbols:
        """Latents (h, w, C) in quantisation steps -> what is coded about them first, (h/4, w/4, S)."""
        latents = _on_grid(latents)
        expected = np.arcsinh(2 * self._gains.expected(level))
        relative = np.arcsinh(2 * np.abs(latents)) - expected
        plane = np.full((*latents.shape[:2], 1), self._gains.plane_value(level), np.float32)
        inputs = np.concatenate([relative, plane], axis=2)[None]
        side = np.rint(SIDE_STEPS * self._engine.run("hyper_analysis", inputs)[0])
        side[:, :, self._entropy.side_index == 0] = 0
        return np.clip(side, -SIDE_MAX, SIDE_MAX).astype(np.int32)

    def _side_indices(self, shape: tuple[int, ...]) -> Indices:
        return np.broadcast_to(self._entropy.side_index, shape).ravel()

    def _walk(self, side: Symbols, height: int, width: int, level: int, exchange: Exchange) -> Floats:
        """Go through the passes, the same way for encoder and decoder; returns the decoded latents."""
        h, w = GRID * side.shape[0], GRID * side.shape[1]
        plane = np.full((1, *side.shape[:2], 1), self._gains.plane_value(level), np.float32)
        inputs = np.concatenate([side[None].astype(np.float32) / SIDE_STEPS, plane], axis=3)
        mean_features = self._engine.run("hyper_mean", inputs)[0]
        scale_features = self._entropy.hyper(side.astype(np.float32), level)
        expected = self._gains.expected(level)
        # Positions beyond the picture code nothing: their scale index is 0.
        inside = np.zeros((h, w, 1), bool)
        inside[:height, :width] = True

        decoded = np.zeros((h, w, self._passes[-1].high), np.float32)
        codes = np.zeros((h, w, self._seen), np.float32)
        near = np.zeros((h, w, self._seen), np.float32)
        for k, p in enumerate(self._passes):
            coded = slice(p.low, p.high)
            found = self._beside(self._indices, k, p, scale_features, codes, level)
            mean = expected[coded] * self._means(k, p, mean_features, near)
            indices = found()
            indices *= np.stack([inside[view] for view in p.views])
            symbols = exchange(p, mean, indices)
            values = mean + symbols
            for i, view in enumerate(p.views):
                where = (*view, coded)
                decoded[where] = values[i]
                if p.high <= self._seen:
                    codes[where] = self._entropy.codes(symbols[i])
                    near[where] = np.arcsinh(values[i] / np.maximum(expected[coded], 0.3))
        return decoded[:height, :width]

    def _beside(self, function: Callable[..., Indices], *arguments: Any) -> Callable[[], Indices]:
        """Begin a call in another thread, if there may be one; what is returned gives its result."""
        if self._helper is None:
            return partial(function, *arguments)
        return self._helper.submit(function, *arguments).result

    def _means(self, k: int, p: CodingPass, features: Floats, near: Floats) -> Floats:
        inputs = [np.stack([features[view] for view in p.views])]
        if p.seen:
            padded = pad(near[:: p.spacing, :: p.spacing, : p.seen], p.kernel)
            height, width = (n - p.stride + 1 for n in padded.shape[:2])
            inputs.insert(0, np.stack([padded[r : r + height, c : c + width] for r, c in p.origins]))
        return self._engine.run(f"mean_{k}", *inputs)

    def _indices(self, k: int, p: CodingPass, features: Floats, codes: Floats, level: int) -> Indices:
        padded = pad(codes[:: p.spacing, :: p.spacing, : p.seen], p.kernel) if p.seen else None
        found = []
        for (row, column), view in zip(p.origins, p.views, strict=True):
            own = features[view]
            indices = np.empty((*own.shape[:2], p.high - p.low), np.uint8)
            rows = max(1, MAX_POSITIONS // own.shape[1])
            for top in range(0, len(own), rows):
                band, near = own[top : top + rows], None
                if padded is not None:
                    around = padded[p.stride * top : p.stride * (top + len(band)) + p.kernel - 1]
                    near = patches(around, p.kernel, p.stride, row, column)
                chosen = self._entropy.contexts[k](band.reshape(-1, band.shape[2]), near, level)
                indices[top : top + rows] = chosen.reshape(*band.shape[:2], -1)
            found.append(indices)
        return np.stack(found)


class FactorizedCoder:
    """Codes a tile of latents whose density depends on channel and quality alone.

    Args:
        model: tables and their choice.
    """

    def __init__(self, model: FactorizedModel) -> None:
        self._model = model
        self.tables = model.tables

    def symbols(
        self, latents: Floats, level: int, effort: Effort = DEFAULT, side: None = None
    ) -> Iterator[tuple[Symbols, Indices]]:
        """See `LatentCoder.symbols`; every effort rounds alike."""
        indices = np.broadcast_to(self._model.indices(level), latents.shape)
        symbols = round_with_dead_zone(latents)
        symbols[indices == 0] = 0
        yield symbols.ravel(), indices.ravel()

    def encode(
        self,
        latents: Floats,
        level: int,
        effort: Effort = DEFAULT,
        side: None = None,
        *,
        verify: bool = False,
    ) -> bytes:
        """See `LatentCoder.encode`."""
        return encode_pairs(self.tables, self.symbols(latents, level), verify=verify)

    def decode(self, data: bytes | memoryview, height: int, width: int, level: int) -> Floats:
        """See `LatentCoder.decode`."""
        indices = self._model.indices(level)
        flat = np.broadcast_to(indices, (height, width, len(indices))).ravel()
        symbols = SymbolDecoder(self.tables, data).get(flat)
        return symbols.reshape(height, width, -1).astype(np.float32)
