"""Quality curves in floating point: gains per channel, interpolated between knots."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.spec.arrays import Floats
from compressor.spec.constants import SQUARED_STEP_WEIGHT
from compressor.spec.fine_levels import FineLevels
from compressor.spec.levels import Levels
from compressor.spec.quality import NUM_LEVELS, TOP_LEVEL


def at_levels(knots: NDArray[np.float64], levels: Levels) -> NDArray[np.float64]:
    """Interpolate (knots, ...) linearly at quality levels 0..396: (...), or (h, w, ...) for (h, w) levels."""
    position = np.asarray(levels) / TOP_LEVEL * (len(knots) - 1)
    low = np.minimum(position.astype(int), len(knots) - 2)
    part = (position - low).reshape(low.shape + (1,) * (knots.ndim - 1))
    result: NDArray[np.float64] = (1 - part) * knots[low] + part * knots[low + 1]
    return result


_Curve = Callable[["QualityGains", Levels], Floats]


def _by_level(curve: _Curve) -> _Curve:
    """Evaluate a curve once per level for large maps, which have more positions than there are levels."""

    @wraps(curve)
    def looked_up(self: "QualityGains", levels: Levels) -> Floats:
        if isinstance(levels, int) or levels.size <= NUM_LEVELS:
            return curve(self, levels)
        table = curve(self, np.arange(NUM_LEVELS, dtype=np.int32))
        return table[levels]

    return looked_up


@dataclass(frozen=True)
class QualityGains:
    """Quality curves of a model.

    Methods return arrays of the documented shape for one level, and (h, w, ...) for levels (h, w).

    Attributes:
        fine_levels: quantisation at levels above the highest one that networks see.
        magnitude: (C,) mean magnitude of the coefficients, in 8-bit levels.
        log_gain: (knots, C) logarithm of the factor from coefficients to quantisation steps.
        log_inverse_gain: (knots, C) logarithm of the factor from quantisation steps to coefficients.
        log_step: (knots, 1) logarithm of the nominal quantisation step, in units of the transform's pixels.
        log_worth: (knots, C) logarithm of the bits that a squared quantisation step of error is worth.
    """

    fine_levels: FineLevels
    magnitude: NDArray[np.float64]
    log_gain: NDArray[np.float64]
    log_inverse_gain: NDArray[np.float64]
    log_step: NDArray[np.float64]
    log_worth: NDArray[np.float64]

    @property
    def channels(self) -> int:
        """Number of latent channels."""
        return self.log_gain.shape[1]

    @_by_level
    def gain(self, levels: Levels) -> Floats:
        """Return (C,) factors from coefficients to quantisation steps."""
        return self._curve(self.log_gain, levels) * self._fineness(levels)

    @_by_level
    def inverse_gain(self, levels: Levels) -> Floats:
        """Return (C,) factors from quantisation steps to coefficients.

        They are smaller than the reciprocals of the gains, since with coarse steps, small latents are mostly
        quantisation error. The finer the steps, the smaller the difference.
        """
        step: Floats = np.reciprocal(self._fineness(levels))
        full, shrunk = self._curve(-self.log_gain, levels), self._curve(self.log_inverse_gain, levels)
        return (full * (np.float32(1) - step) + shrunk * step) * step

    @_by_level
    def expected(self, levels: Levels) -> Floats:
        """Return (C,) mean magnitudes in quantisation steps: the unit of the context networks."""
        return self.magnitude.astype(np.float32) * self._curve(self.log_gain, levels) * self._fineness(levels)

    @_by_level
    def mean_unit(self, levels: Levels) -> Floats:
        """Return (C,), the unit of the means that networks predict, in quantisation steps.

        Up to the highest level that networks see, it is the expected magnitude. Above it, inverse gains
        shrink latents less, but predictions do not become more precise. So the expected magnitude is
        multiplied by the square of the ratio of the two shrinkages. One factor restores the shrinkage of the
        highest level; the second was found to improve compression further.
        """
        shrunk = self._curve(self.log_inverse_gain, levels) / self._fineness(levels)
        unit: Floats = self.expected(levels) * np.square(shrunk / self.inverse_gain(levels))
        return unit

    @_by_level
    def correction_unit(self, levels: Levels) -> Floats:
        """Return (C,), the unit of the correction network's output, in quantisation steps.

        It is a step, or the expected magnitude at the highest level that networks see where that is smaller.
        """
        return np.minimum(self.expected(self.fine_levels.seen(levels)), np.float32(1))

    @_by_level
    def filter_unit(self, levels: Levels) -> Floats:
        """Return (), the unit of the synthesis filter's output.

        It is the square root of the nominal quantisation step in 8-bit levels, divided by the fineness.
        """
        unit = self._curve(0.5 * self.log_step, levels) / self._fineness(levels)
        return unit[..., 0]

    @_by_level
    def distortion_weight(self, levels: Levels) -> Floats:
        """Return (), the bits per pixel that one squared 8-bit level of mean error is worth: lambda."""
        weight = self._curve(-2 * self.log_step, levels) * self._fineness(levels) ** 2
        return np.float32(SQUARED_STEP_WEIGHT) * weight[..., 0]

    @_by_level
    def worth(self, levels: Levels) -> Floats:
        """Return (C,) the bits that a squared quantisation step of error is worth."""
        return self._curve(self.log_worth, levels)

    def _curve(self, log_knots: NDArray[np.float64], levels: Levels) -> Floats:
        """Return the exponential of a curve at the levels that networks see."""
        return np.exp(at_levels(log_knots, self.fine_levels.seen(levels))).astype(np.float32)

    def _fineness(self, levels: Levels) -> Floats:
        """Return (1,), the fineness."""
        return self.fine_levels.fineness(levels)[..., None]


def load_gains(arrays: Mapping[str, NDArray[Any]], fine_levels: FineLevels) -> QualityGains:
    """Return the gains that the arrays of `gains.npz` hold."""
    _, *curves = (field.name for field in fields(QualityGains))
    return QualityGains(fine_levels, **{name: arrays[name].astype(np.float64) for name in curves})
