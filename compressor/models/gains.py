"""Quality curves in floating point: gains per channel, interpolated between knots."""

import io
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from compressor.spec.constants import FILTER_AMPLITUDE, SQUARED_STEP_WEIGHT
from compressor.spec.levels import Levels
from compressor.spec.quality import TOP_LEVEL

Floats = NDArray[np.float32]


def at_levels(knots: NDArray[np.float64], levels: Levels) -> NDArray[np.float64]:
    """Interpolate (knots, ...) linearly at quality levels 0..396: (...), or (h, w, ...) for (h, w) levels."""
    position = np.asarray(levels) / TOP_LEVEL * (len(knots) - 1)
    low = np.minimum(position.astype(int), len(knots) - 2)
    part = (position - low).reshape(low.shape + (1,) * (knots.ndim - 1))
    result: NDArray[np.float64] = (1 - part) * knots[low] + part * knots[low + 1]
    return result


@dataclass(frozen=True)
class QualityGains:
    """Quality curves of a model.

    Methods return arrays of the documented shape for one level, and (h, w, ...) for levels (h, w).

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

    def gain(self, levels: Levels) -> Floats:
        """Return (C,) factors from coefficients to quantisation steps."""
        return np.exp(at_levels(self.log_gain, levels)).astype(np.float32)

    def inverse_gain(self, levels: Levels) -> Floats:
        """Return (C,) factors from quantisation steps to coefficients."""
        return np.exp(at_levels(self.log_inverse_gain, levels)).astype(np.float32)

    def expected(self, levels: Levels) -> Floats:
        """Return (C,) mean magnitudes in quantisation steps: the unit of the context networks."""
        return (self.magnitude * np.exp(at_levels(self.log_gain, levels))).astype(np.float32)

    def correction_limit(self, levels: Levels) -> Floats:
        """Return (C,) how far one unit of the analysis network's output moves a coefficient."""
        return np.minimum(self.magnitude, np.exp(-at_levels(self.log_gain, levels))).astype(np.float32)

    def filter_amplitude(self, levels: Levels) -> Floats:
        """Return () how far one unit of the synthesis network's output moves a pixel, in 8-bit levels."""
        return (FILTER_AMPLITUDE * np.exp(0.5 * at_levels(self.log_step, levels)[..., 0])).astype(np.float32)

    def distortion_weight(self, levels: Levels) -> Floats:
        """Return (), lambda: the bits per pixel that one squared 8-bit level of mean error is worth."""
        return (SQUARED_STEP_WEIGHT * np.exp(-2 * at_levels(self.log_step, levels)[..., 0])).astype(
            np.float32
        )

    def worth(self, levels: Levels) -> Floats:
        """Return (C,) the bits that a squared quantisation step of error is worth."""
        return np.exp(at_levels(self.log_worth, levels)).astype(np.float32)


def load_gains(data: bytes) -> QualityGains:
    """Read `gains.npz`."""
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    return QualityGains(
        **{field.name: arrays[field.name].astype(np.float64) for field in fields(QualityGains)}
    )
