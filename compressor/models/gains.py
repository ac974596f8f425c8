"""Quality curves in floating point: gains per channel, interpolated between knots."""

import io
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from compressor.spec.constants import FILTER_AMPLITUDE, SQUARED_STEP_WEIGHT
from compressor.spec.quality import TOP_LEVEL

Floats = NDArray[np.float32]


def at_level(knots: NDArray[np.float64], level: int) -> NDArray[np.float64]:
    """Interpolate (knots, C) linearly at a quality level 0..396, (C,)."""
    position = level / TOP_LEVEL * (len(knots) - 1)
    low = min(int(position), len(knots) - 2)
    part = position - low
    return (1 - part) * knots[low] + part * knots[low + 1]


@dataclass(frozen=True)
class QualityGains:
    """Quality curves of a model.

    Attributes:
        magnitude: (C,) mean magnitude of the coefficients, in 8-bit levels.
        log_gain: (knots, C) logarithm of the factor from coefficients to quantisation steps.
        log_inverse_gain: (knots, C) logarithm of the factor from quantisation steps to coefficients.
        log_step: (knots, 1) logarithm of the nominal quantisation step, in 8-bit levels.
        log_worth: (knots, C) logarithm of the bits that a squared quantisation step of error is worth.
    """

    magnitude: NDArray[np.float64]
    log_gain: NDArray[np.float64]
    log_inverse_gain: NDArray[np.float64]
    log_step: NDArray[np.float64]
    log_worth: NDArray[np.float64]

    @property
    def channels(self) -> int:
        """Number of latent channels."""
        return self.log_gain.shape[1]

    def gain(self, level: int) -> Floats:
        """Return (C,) factors from coefficients to quantisation steps."""
        return np.exp(at_level(self.log_gain, level)).astype(np.float32)

    def inverse_gain(self, level: int) -> Floats:
        """Return (C,) factors from quantisation steps to coefficients."""
        return np.exp(at_level(self.log_inverse_gain, level)).astype(np.float32)

    def expected(self, level: int) -> Floats:
        """Return (C,) mean magnitudes in quantisation steps: the unit of the context networks."""
        return (self.magnitude * np.exp(at_level(self.log_gain, level))).astype(np.float32)

    def correction_limit(self, level: int) -> Floats:
        """Return (C,) how far one unit of the analysis network's output moves a coefficient."""
        return np.minimum(self.magnitude, np.exp(-at_level(self.log_gain, level))).astype(np.float32)

    def filter_amplitude(self, level: int) -> float:
        """Return how far one unit of the synthesis network's output moves a pixel, in 8-bit levels."""
        return float(FILTER_AMPLITUDE * np.exp(0.5 * at_level(self.log_step, level)[0]))

    def distortion_weight(self, level: int) -> float:
        """Return lambda: the bits per pixel that one squared 8-bit level of mean error is worth."""
        return float(SQUARED_STEP_WEIGHT * np.exp(-2 * at_level(self.log_step, level)[0]))

    def worth(self, level: int) -> Floats:
        """Return (C,) the bits that a squared quantisation step of error is worth."""
        return np.exp(at_level(self.log_worth, level)).astype(np.float32)


def load_gains(data: bytes) -> QualityGains:
    """Read `gains.npz`."""
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    return QualityGains(
        **{field.name: arrays[field.name].astype(np.float64) for field in fields(QualityGains)}
    )
