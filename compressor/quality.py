"""What depends on quality in floating point: gains per channel, interpolated between knots."""

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOP_LEVEL = 396
# Nominal squared quantisation step, in 8-bit levels, times the lambda of `bits per pixel + lambda * squared
# error per sample`, the objective that models are trained for.
SQUARED_STEP_WEIGHT = 14.0

Floats = NDArray[np.float32]


def at_level(knots: NDArray[np.float64], level: int) -> NDArray[np.float64]:
    """Linear interpolation of (knots, C) at a quality level 0..396, (C,)."""
    position = level / TOP_LEVEL * (len(knots) - 1)
    low = min(int(position), len(knots) - 2)
    part = position - low
    return (1 - part) * knots[low] + part * knots[low + 1]


@dataclass(frozen=True)
class QualityGains:
    """A model's quality curves.

    Attributes:
        magnitude: (C,) mean magnitude of the coefficients, in 8-bit levels.
        log_gain: (knots, C) logarithm of what coefficients are multiplied with before rounding.
        log_inverse_gain: (knots, C) logarithm of what symbols are multiplied with after.
        log_step: (knots, 1) logarithm of the nominal quantisation step.
    """

    magnitude: NDArray[np.float64]
    log_gain: NDArray[np.float64]
    log_inverse_gain: NDArray[np.float64]
    log_step: NDArray[np.float64]

    def gain(self, level: int) -> Floats:
        """(C,) factors from coefficients to quantisation steps."""
        return np.exp(at_level(self.log_gain, level)).astype(np.float32)

    def inverse_gain(self, level: int) -> Floats:
        """(C,) factors from quantisation steps to coefficients."""
        return np.exp(at_level(self.log_inverse_gain, level)).astype(np.float32)

    def expected(self, level: int) -> Floats:
        """(C,) mean magnitude in quantisation steps: the unit that networks see and predict in."""
        return (self.magnitude * np.exp(at_level(self.log_gain, level))).astype(np.float32)

    def correction_limit(self, level: int) -> Floats:
        """(C,) how far one unit of the analysis network's output moves a coefficient."""
        return np.minimum(self.magnitude, np.exp(-at_level(self.log_gain, level))).astype(np.float32)

    def filter_amplitude(self, level: int) -> float:
        """How far one unit of the synthesis network's output moves a pixel, in 8-bit levels."""
        return float(0.5 * np.exp(0.5 * at_level(self.log_step, level)[0]))

    def distortion_weight(self, level: int) -> float:
        """Lambda: what a squared error, in the unit of the coefficients, is worth in bits per pixel."""
        return float(SQUARED_STEP_WEIGHT * np.exp(-2 * at_level(self.log_step, level)[0]))

    def bits_per_square(self, level: int) -> Floats:
        """(C,) what a squared quantisation step of error is worth, in bits.

        The synthesis is nearly orthonormal, and a coefficient's error spreads over three samples a pixel.
        """
        log_ratio = at_level(self.log_inverse_gain, level) - at_level(self.log_step, level)
        return (SQUARED_STEP_WEIGHT / 3 * np.exp(2 * log_ratio)).astype(np.float32)

    def plane_value(self, level: int) -> float:
        """Quality as networks see it, -1..1."""
        return 2 * level / TOP_LEVEL - 1


def load_gains(data: bytes) -> QualityGains:
    """Read `gains.npz`."""
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    names = ("magnitude", "log_gain", "log_inverse_gain", "log_step")
    return QualityGains(*(arrays[name].astype(np.float64) for name in names))
