"""Frozen integer frequencies: one symmetric, zero-mean table of symbols per scale index."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.errors import WeightsError
from compressor.locks import CachedProperty

TOTAL_BITS = 16
TOTAL = 1 << TOTAL_BITS
# An escape is followed by a sign, a number of up to this many bits, and as many bits less one.
MAX_ESCAPE_BITS = 20


def quantise_frequencies(weights: NDArray[np.float64]) -> NDArray[np.int32]:
    """Relative weights of magnitudes 0..K and of the escape -> integers whose table sums to 2**16.

    Magnitudes above 0 stand for two symbols each, and so count twice. Every entry is at least 1.

    Args:
        weights: (K + 2,) non-negative; the last is the escape's.

    Returns:
        (K + 2,) int32.
    """
    multiplicity = np.full(len(weights), 2)
    multiplicity[[0, -1]] = 1
    spare = TOTAL - multiplicity.sum()
    mass = weights * multiplicity
    frequencies = 1 + np.floor(spare * weights / mass.sum()).astype(np.int64)
    # What flooring left over goes to zero, the commonest symbol; it counts once, so any rest fits.
    frequencies[0] += TOTAL - (frequencies * multiplicity).sum()
    return frequencies.astype(np.int32)


class ScaleTables:
    """The tables of all scale indices, as integers.

    Index 0 has no table: its symbols are zero by definition and take no bits. The table of index i
    covers -K..K and an escape, in this order; K is `half_widths[i]`.

    Args:
        frequencies: the arrays of `quantise_frequencies` for indices 1, 2, ..., one after the other.
        half_widths: K for each index, 0 for index 0.

    Raises:
        WeightsError: if the arrays contradict each other.
    """

    def __init__(self, frequencies: NDArray[np.int32], half_widths: NDArray[np.int32]) -> None:
        ends = np.cumsum([0] + [int(k) + 2 for k in half_widths[1:]])
        if len(frequencies) != ends[-1] or frequencies.min() < 1:
            raise WeightsError(
                "frequency tables are damaged; export the model again, or install the package again"
            )
        self.half_widths = half_widths
        self._halves = [frequencies[a:b] for a, b in zip(ends[:-1], ends[1:], strict=True)]

    def frequencies(self, index: int) -> NDArray[np.int32]:
        """Frequencies of -K..K and the escape, (2 K + 2,), summing to 2**16."""
        half = self._halves[index - 1]
        return np.concatenate([half[-2:0:-1], half])

    @CachedProperty
    def bits(self) -> NDArray[np.float32]:
        """Bits of symbols of each magnitude, sign included, (indices, largest half width + 2).

        Index 0 takes no bits for a zero. It does not code others; here they have the bits of index 1.
        """
        bits = self.table_bits.copy()
        for row, k in zip(bits, self.half_widths, strict=True):
            excess = np.arange(1, len(row) - k)
            row[k + 1 :] += 1 + np.log2(MAX_ESCAPE_BITS) + np.floor(np.log2(excess))
        bits[0, 1:] = bits[1, 1:]
        return bits

    def cost(self, symbols: NDArray[np.int32], indices: NDArray[np.uint8]) -> float:
        """Return the estimated bits of symbols with scale indices, in arrays of the same shape."""
        magnitudes = np.minimum(np.abs(symbols), self.bits.shape[1] - 1)
        return float(self.bits[indices, magnitudes].sum(dtype=np.float64))

    def cost_slope(self, residuals: NDArray[np.float32], indices: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the derivative of the bits with respect to residuals, in bits per quantisation step.

        Bits are defined only at integers. As in training, this is the derivative of the expected bits after
        adding uniform noise one step wide: bits(r + 0.5) - bits(r - 0.5), with bits interpolated between
        integers. It is 0 for index 0, which codes nothing.

        Args:
            residuals: in quantisation steps.
            indices: scale indices, in an array of the same shape.

        Reference: Ballé, Laparra and Simoncelli, "End-to-end optimized image compression", ICLR 2017.
        """
        slopes, coded = np.zeros_like(residuals), indices > 0
        residual, index = residuals[coded], indices[coded]
        upper = np.abs(residual) + np.float32(0.5)
        magnitude = np.minimum(upper.astype(np.int32), self._rises.shape[1] - 2)
        above, below = (self._rises[index, magnitude + i] for i in (1, 0))
        slopes[coded] = np.sign(residual) * (below + np.minimum(upper - magnitude, 1) * (above - below))
        return slopes

    @CachedProperty
    def _rises(self) -> NDArray[np.float32]:
        """[i, m]: bits of magnitude m less those of m - 1 under scale index i."""
        # Bits are the same for both signs.
        return np.diff(self.bits, axis=1, prepend=self.bits[:, 1:2])

    @CachedProperty
    def table_bits(self) -> NDArray[np.float32]:
        """Like `bits`, but without the bits that follow an escape; all 0 for index 0."""
        magnitudes = np.arange(int(self.half_widths.max()) + 2)
        rows = [np.zeros(len(magnitudes))]
        for half, k in zip(self._halves, self.half_widths[1:], strict=True):
            rows.append(TOTAL_BITS - np.log2(half[np.minimum(magnitudes, k + 1)]))
        return np.stack(rows).astype(np.float32)


def load_tables(arrays: Mapping[str, Any]) -> ScaleTables:
    """Read the tables among the arrays of `entropy.npz`.

    Raises:
        KeyError: if an array is missing.
        WeightsError: if the arrays contradict each other.
    """
    return ScaleTables(arrays["frequencies"], arrays["half_widths"])
