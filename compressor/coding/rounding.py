"""From residuals to symbols: the encoder's choice, which decoders need not know."""

import numpy as np

from compressor.entropy.range_coder import MAX_SYMBOL
from compressor.entropy.tables import ScaleTables
from compressor.locks import CachedProperty
from compressor.spec.arrays import Floats, Indices, Symbols
from compressor.spec.constants import SAVING_SHARE


class RateDistortionRounding:
    """Rounds to nearest, and then one towards zero where that saves more bits than the error is worth.

    With e = |residual| - m, lowering magnitude m raises the squared error by 1 + 2 e; it pays where the
    bits saved, times a share, exceed that times the bits that a squared step is worth. This is the
    rate-distortion optimised quantisation of video encoders, one symbol at a time; see Sullivan and
    Wiegand, "Rate-distortion optimization for video compression", IEEE Signal Processing Magazine 15(6),
    1998.

    Args:
        tables: symbol frequencies, which give what symbols cost in bits.
    """

    def __init__(self, tables: ScaleTables) -> None:
        self._tables = tables

    @CachedProperty
    def _savings(self) -> Floats:
        """[i, m]: bits saved by lowering magnitude m under scale index i; the last is for all larger m."""
        savings = np.maximum(np.diff(self._tables.bits, axis=1, prepend=0), 0)
        return np.pad(savings, ((0, 0), (0, 1)))

    def __call__(
        self, residual: Floats, indices: Indices, worth: Floats, saving_share: float = SAVING_SHARE
    ) -> Symbols:
        """Convert residuals in quantisation steps to symbols.

        Args:
            residual: (..., C).
            indices: (..., C) scale indices.
            worth: what a squared quantisation step of error is worth in bits, (C,) or (..., C).
            saving_share: share of the bits saved that counts.
        """
        nearest = np.minimum(np.floor(np.abs(residual) + np.float32(0.5)), MAX_SYMBOL)
        symbols = np.copysign(nearest, residual).astype(np.int32)
        # Searching a mask is several times as fast as searching integers.
        where = np.nonzero(symbols != 0)
        magnitude = np.abs(symbols[where])
        saved = self._savings[indices[where], np.minimum(magnitude, self._savings.shape[1] - 1)]
        error = np.abs(residual[where]) - magnitude
        lower = saving_share * saved > (1 + 2 * error) * np.broadcast_to(worth, residual.shape)[where]
        symbols[where] -= lower * np.sign(symbols[where])
        return symbols
