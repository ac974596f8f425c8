"""A tile of latents to bytes and back, on any family's coding passes."""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from compressor.coding.boosts import boost_indices, boosted, choose_boosts, lifts
from compressor.coding.rounding import RateDistortionRounding
from compressor.entropy.range_coder import SymbolDecoder, encode_pairs
from compressor.entropy.tables import ScaleTables
from compressor.errors import CorruptStreamError
from compressor.models.runtime import ModelRuntime, Passes, Step
from compressor.spec.arrays import Floats, Indices, Symbols, extended, stacked
from compressor.spec.constants import SAVING_SHARE
from compressor.spec.levels import Levels, padded_levels

# The most often that a tile is coded again with more boosts. Photographs need none.
BOOST_ROUNDS = 3
# Flat arrays of symbols and of their scale indices, in coding order.
Pairs: TypeAlias = list[tuple[Symbols, Indices]]
_Number = TypeVar("_Number", bound=np.generic)


@dataclass(frozen=True, slots=True)
class CodedTile:
    """The symbols of a tile, and the latents that they decode to.

    Attributes:
        side: side information (h/4, w/4, S).
        side_indices: its scale indices.
        boosts: boosts of the tile's regions.
        steps: passes in coding order, each with its symbols.
        decoded: latents (h, w, C) in quantisation steps.
        padding: rows and columns that the passes add to fill whole positions of the side information.
    """

    side: Symbols
    side_indices: Indices
    boosts: Symbols
    steps: list[tuple[Step, Symbols]]
    decoded: Floats
    padding: tuple[int, int]

    def pairs(self) -> Pairs:
        """Return what is written, in coding order."""
        coded = [(symbols.ravel(), step.indices.ravel()) for step, symbols in self.steps]
        h, w, _ = self.decoded.shape
        side = self.side.ravel(), self.side_indices.ravel()
        return [side, (self.boosts.ravel(), boost_indices(h, w).ravel()), *coded]

    def indices(self) -> Indices:
        """Return scale indices by position and channel, (h, w, C)."""
        return self._by_position(np.uint8, (step.indices for step, _ in self.steps))

    def rate_slope(self, latents: Floats, tables: ScaleTables) -> Floats:
        """Return the slope of the rate of these latents, in bits per quantisation step, (h, w, C).

        Effects on the prediction of other latents are left out.
        """
        symbols = self._by_position(np.float32, (symbols for _, symbols in self.steps))
        return tables.cost_slope(latents - self.decoded + symbols, self.indices())

    def _by_position(self, dtype: type[_Number], passes: Iterable[NDArray[Any]]) -> NDArray[_Number]:
        """Arrange arrays of all passes by position and channel, (h, w, C)."""
        h, w, channels = self.decoded.shape
        arranged = np.zeros((h + self.padding[0], w + self.padding[1], channels), dtype)
        for (step, _), values in zip(self.steps, passes, strict=True):
            step.coding_pass.scatter(values, arranged)
        return arranged[:h, :w]


class TileCoder:
    """Codes tiles of latents.

    Args:
        runtime: the model.
    """

    def __init__(self, runtime: ModelRuntime) -> None:
        self._runtime = runtime
        self._round = RateDistortionRounding(runtime.tables)

    def code(
        self,
        latents: Floats,
        side: Symbols,
        levels: Levels,
        saving_share: float = SAVING_SHARE,
    ) -> CodedTile:
        """Choose the symbols of a tile.

        Args:
            latents: (h, w, C) in quantisation steps.
            side: side information of the tile.
            levels: quality levels 0..396: one, or (h, w).
            saving_share: see `RateDistortionRounding`.
        """
        h, w, _ = latents.shape
        boosts = np.zeros(boost_indices(h, w).shape, np.int32)
        tile = self._code(latents, side, boosts, levels, saving_share)
        worth = self._runtime.worth(levels)
        # Boosted regions change the scale indices of their neighbours, which may then need a boost as well.
        for _ in range(BOOST_ROUNDS):
            residuals = latents - tile.decoded
            more = choose_boosts(self._runtime.tables, residuals, tile.indices(), worth)
            if not more.any():
                break
            boosts = boosts + more
            tile = self._code(latents, side, boosts, levels, saving_share)
        return tile

    def _code(
        self, latents: Floats, side: Symbols, boosts: Symbols, levels: Levels, saving_share: float
    ) -> CodedTile:
        """Choose the symbols of a tile with given boosts."""
        h, w, _ = latents.shape
        padding = -h % self._runtime.side_stride, -w % self._runtime.side_stride
        padded = extended(latents, *padding, "constant")
        worth = self._runtime.worth(padded_levels(levels, *padding))
        steps: list[tuple[Step, Symbols]] = []

        def choose(step: Step) -> Symbols:
            p = step.coding_pass
            # Most latents are not coded.
            coded = np.flatnonzero(step.indices > 0)
            residual = p.gather_some(padded, coded) - step.means().ravel()[coded]
            indices, of_coded = step.indices.ravel()[coded], p.gather_some(worth, coded)
            symbols = np.zeros(step.indices.shape, np.int32)
            symbols.reshape(-1)[coded] = self._round(residual, indices, of_coded, saving_share)
            steps.append((step, symbols))
            return symbols

        decoded = _drive(self._passes(side, boosts, h, w, levels), choose)
        return CodedTile(side, self._runtime.side_indices(h, w), boosts, steps, decoded, padding)

    def _passes(
        self,
        side: Symbols,
        boosts: Symbols,
        height: int,
        width: int,
        levels: Levels,
        num_passes: int | None = None,
    ) -> Passes:
        """Start the first `num_passes` passes of a tile, or all, with boosted scale indices."""
        passes = self._runtime.passes(side, height, width, levels, num_passes)
        stride = self._runtime.side_stride
        lift = lifts(boosts, height, width, (height + -height % stride, width + -width % stride))
        return passes if lift is None else _boosted_passes(passes, lift)

    def encode(self, pairs: Pairs, *, verify: bool = False) -> bytes:
        """Return the bytes of a tile, from `CodedTile.pairs`.

        Raises:
            CorruptStreamError: with `verify`, if the bytes do not give back the symbols.
        """
        return encode_pairs(self._runtime.tables, pairs, verify=verify)

    def decode(
        self,
        data: bytes,
        height: int,
        width: int,
        levels: Levels,
        num_passes: int | None = None,
        *,
        is_cut: bool = False,
    ) -> Floats:
        """Return the latents (height, width, C) of the bytes of a tile, in quantisation steps.

        Args:
            data: from `encode`.
            height: height of the tile, in positions.
            width: width of the tile, in positions.
            levels: quality levels 0..396: one, or (h, w).
            num_passes: number of passes to decode; None for all. The last one has to end a group of channels.
            is_cut: whether the data are only the beginning. Symbols of passes that are missing, wholly or in
                part, are zero, so that their latents have the predicted means.

        Raises:
            CorruptStreamError: if the data cannot have come from `encode`.
        """
        decoder = SymbolDecoder(self._runtime.tables, data, is_cut=is_cut)
        get = _zeros_after_the_end(decoder.get) if is_cut else decoder.get
        return self._decode(get, height, width, levels, num_passes)

    def read_pairs(self, data: bytes, height: int, width: int, levels: Levels) -> Pairs:
        """Return the pairs written for a tile, in coding order."""
        decoder, pairs = SymbolDecoder(self._runtime.tables, data), []

        def get(indices: Indices) -> Symbols:
            symbols = decoder.get(indices)
            pairs.append((symbols, indices))
            return symbols

        self._decode(get, height, width, levels)
        return pairs

    def _decode(
        self,
        get: Callable[[Indices], Symbols],
        height: int,
        width: int,
        levels: Levels,
        num_passes: int | None = None,
    ) -> Floats:
        side_indices = self._runtime.side_indices(height, width)
        side = get(side_indices.ravel()).reshape(side_indices.shape)
        regions = boost_indices(height, width)
        boosts = get(regions.ravel()).reshape(regions.shape)

        def read(step: Step) -> Symbols:
            return get(step.indices.ravel()).reshape(step.indices.shape)

        return _drive(self._passes(side, boosts, height, width, levels, num_passes), read)


def _zeros_after_the_end(get: Callable[[Indices], Symbols]) -> Callable[[Indices], Symbols]:
    """Make a function that returns symbols return zeros after its first error."""
    has_ended = False

    def get_or_zeros(indices: Indices) -> Symbols:
        nonlocal has_ended
        if not has_ended:
            try:
                return get(indices)
            except CorruptStreamError:
                has_ended = True
        return np.zeros(len(indices), np.int32)

    return get_or_zeros


def _boosted_passes(passes: Passes, lift: Indices) -> Passes:
    """Raise the scale indices of passes on their way to the coder."""
    with closing(passes):
        step = next(passes)
        while True:
            lifted = stacked([lift[view] for view in step.coding_pass.views])
            symbols = yield replace(step, indices=boosted(step.indices, lifted))
            try:
                step = passes.send(symbols)
            except StopIteration as end:
                decoded: Floats = end.value
                return decoded


def _drive(passes: Passes, symbols_of: Callable[[Step], Symbols]) -> Floats:
    """Run the passes to their end; return the decoded latents."""
    # Closed even if the caller keeps an error, and with it all frames.
    with closing(passes):
        try:
            step = next(passes)
            while True:
                step = passes.send(symbols_of(step))
        except StopIteration as end:
            decoded: Floats = end.value
            return decoded
