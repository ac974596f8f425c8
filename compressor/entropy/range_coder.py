"""Symbols to bytes and back, grouped by scale index. The only module that imports constriction."""

import math
from functools import lru_cache
from itertools import pairwise
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from compressor.entropy.tables import MAX_ESCAPE_BITS, TOTAL, ScaleTables
from compressor.errors import CorruptStreamError

MAX_SYMBOL = (1 << MAX_ESCAPE_BITS) - 2
# The last state of a coder has 64 bits; constriction rounds frequencies by far less than a percent.
_SPARE_BITS, _SPARE_FACTOR = 64, 1.01


@lru_cache(maxsize=256)
def _model(tables: ScaleTables, index: int) -> Any:
    # The coder's output depends on the parameters' type: always float32. Frequencies over 2**16
    # are exact in it.
    probabilities = tables.frequencies(index).astype(np.float32) / np.float32(TOTAL)
    return constriction.stream.model.Categorical(probabilities, perfect=False)


def _groups(
    indices: NDArray[np.uint8],
) -> tuple[NDArray[np.intp], NDArray[np.uint8], list[tuple[int, slice]]]:
    """Positions with indices above 0, by index, then position; their indices; each index with its slice."""
    # Searching a mask is several times as fast as searching integers.
    coded = np.flatnonzero(indices > 0)
    of_coded = indices.take(coded)
    order = np.argsort(of_coded, kind="stable")
    in_order = of_coded.take(order)
    changes = np.flatnonzero(in_order[1:] != in_order[:-1]) + 1
    starts = [0, *changes.tolist()] if len(in_order) else []
    parts = [slice(start, stop) for start, stop in pairwise([*starts, len(in_order)])]
    return coded.take(order), in_order, list(zip(in_order[starts].tolist(), parts, strict=True))


class SymbolEncoder:
    """Collects symbols; `finish` gives the bytes.

    Args:
        tables: symbol frequencies of the scale indices.
    """

    def __init__(self, tables: ScaleTables) -> None:
        self._tables = tables
        self._coder = constriction.stream.queue.RangeEncoder()

    def put(self, symbols: NDArray[np.int32], indices: NDArray[np.uint8]) -> None:
        """Append symbols.

        Args:
            symbols: (n,) int32, |symbol| <= MAX_SYMBOL; zero where the index is 0.
            indices: (n,) uint8 scale indices.
        """
        positions, of_coded, groups = _groups(indices)
        values, limits = symbols.take(positions), self._tables.half_widths.take(of_coded)
        outside = np.abs(values) > limits
        letters = np.where(outside, 2 * limits + 1, values + limits)
        for index, part in groups:
            self._coder.encode(letters[part], _model(self._tables, index))
        for value, limit in zip(values[outside].tolist(), limits[outside].tolist(), strict=True):
            self._put_escape(value, limit)

    def _put_escape(self, value: int, limit: int) -> None:
        excess = abs(value) - limit  # at least 1
        bits = excess.bit_length()
        self._put_uniform(int(value < 0), 2)
        self._put_uniform(bits - 1, MAX_ESCAPE_BITS)
        if bits > 1:
            self._put_uniform(excess - (1 << (bits - 1)), 1 << (bits - 1))

    def _put_uniform(self, value: int, size: int) -> None:
        self._coder.encode(np.array([value], np.int32), constriction.stream.model.Uniform(size))

    def finish(self) -> bytes:
        """The stream so far: little-endian 32-bit words."""
        return self._coder.get_compressed().astype("<u4").tobytes()


class SymbolDecoder:
    """Reads symbols in the order and with the scale indices that they were put with.

    After the end of its data a range coder continues with arbitrary symbols. So the information read is
    counted: a few bytes cannot stand for a large picture, nor keep the decoder busy.

    Args:
        tables: symbol frequencies of the scale indices.
        data: bytes from `SymbolEncoder.finish`.
        is_cut: whether the data are only the beginning of such bytes. Then `get` raises an error as soon as
            symbols may depend on what is missing.

    Raises:
        CorruptStreamError: if the length is not a whole number of words.
    """

    def __init__(self, tables: ScaleTables, data: bytes, *, is_cut: bool = False) -> None:
        if is_cut:
            data = data[: len(data) // 4 * 4]
        if len(data) % 4:
            raise CorruptStreamError(
                f"entropy-coded data has {len(data)} bytes, expected a multiple of 4; the file is damaged"
            )
        self._tables = tables
        self._bits_left = (
            8 * len(data) / _SPARE_FACTOR - _SPARE_BITS
            if is_cut
            else _SPARE_FACTOR * 8 * len(data) + _SPARE_BITS
        )
        self._coder = constriction.stream.queue.RangeDecoder(np.frombuffer(data, "<u4").astype(np.uint32))

    def get(self, indices: NDArray[np.uint8]) -> NDArray[np.int32]:
        """The next symbols.

        Args:
            indices: (n,) uint8 scale indices.

        Returns:
            (n,) int32, zero where the index is 0.

        Raises:
            CorruptStreamError: if the data cannot have come from the encoder.
        """
        positions, of_coded, groups = _groups(indices)
        limits, bits = self._tables.half_widths.take(of_coded), self._tables.table_bits
        # Not empty, for a group without coded symbols.
        letters = [np.empty(0, np.int32)]
        try:
            for index, part in groups:
                letters.append(self._coder.decode(_model(self._tables, index), part.stop - part.start))
            # An escape is still one more than the limit, and its bits are those of the table alone.
            values = np.concatenate(letters) - limits
            entries = np.multiply(of_coded, bits.shape[1], dtype=np.int32) + np.abs(values)
            self._count(float(bits.ravel().take(entries).sum()))
            for escaped in np.flatnonzero(values > limits):
                values[escaped] = self._get_escape(int(limits[escaped]))
        except (AssertionError, ValueError) as error:
            raise CorruptStreamError("entropy-coded data is damaged; get the file again") from error
        symbols = np.zeros(len(indices), np.int32)
        symbols[positions] = values
        return symbols

    def _get_escape(self, limit: int) -> int:
        negative = self._get_uniform(2)
        bits = self._get_uniform(MAX_ESCAPE_BITS) + 1
        excess = (1 << (bits - 1)) + (self._get_uniform(1 << (bits - 1)) if bits > 1 else 0)
        return -(limit + excess) if negative else limit + excess

    def _get_uniform(self, size: int) -> int:
        self._count(math.log2(size))
        return int(self._coder.decode(constriction.stream.model.Uniform(size)))

    def _count(self, bits: float) -> None:
        """Take note of information read.

        Raises:
            CorruptStreamError: if it is more than the data can hold.
        """
        self._bits_left -= bits
        if self._bits_left < 0:
            raise CorruptStreamError("entropy-coded data ends before its symbols; get the file again")


def encode_pairs(
    tables: ScaleTables, pairs: list[tuple[NDArray[np.int32], NDArray[np.uint8]]], *, verify: bool = False
) -> bytes:
    """Return the bytes of flat arrays of symbols and of their scale indices.

    Args:
        tables: symbol frequencies of the scale indices.
        pairs: in coding order; see `SymbolEncoder.put`.
        verify: whether to read the bytes again and compare. Scale indices depend only on integers decoded
            before, so a decoder that has read the same symbols so far has the same indices: reading with the
            indices of the encoder is as good as decoding.

    Raises:
        CorruptStreamError: if the bytes do not give back the symbols.
    """
    encoder = SymbolEncoder(tables)
    for symbols, indices in pairs:
        encoder.put(symbols, indices)
    data = encoder.finish()
    if verify:
        decoder = SymbolDecoder(tables, data)
        if not all(np.array_equal(decoder.get(indices), symbols) for symbols, indices in pairs):
            raise CorruptStreamError(
                "the new stream does not give back the symbols that were written: check this machine's "
                "memory, and report it with the picture"
            )
    return data
