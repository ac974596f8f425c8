"""Quality curves in floating point: gains per channel, interpolated between knots."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compressor.spec.arrays import Floats
from compressor.spec.constants import SQUARED_STEP_WEIGHT
from compressor.spec.levels import Levels
from compressor.spec.quality import TOP_LEVEL


def at_levels(knots: NDArray[np.float64], levels: Levels) -> NDArray[np.float64]:
    """Interpolate (knots, ...) linearly at quality levels 0..396: (...), or (h, w, ...) for (h, w) levels."""
    position = np.asarray(levels) / TOP_LEVEL * (len(knots) - 1)
    low = np.minimum(position.astype(int), len(knots) - 2)
    part = (position - low).reshape(low.shape + (1,) * (knots.ndim - 1))
    result: NDArray[np.float64] = (1 - part) * knots[low] + part * knots[low + 1]
    return result


def _by_level(curve: Callable[["QualityGains", Levels], Floats]) -> Callable[..., Floats]:
    """Evaluate a curve once per level for large maps, which have more positions than there are levels."""

    @wraps(curve)
    def looked_up(self: "QualityGains", levels: Levels) -> Floats:
        if isinstance(levels, int) or levels.size <= TOP_LEVEL:
            return curve(self, levels)
        table = curve(self, np.arange(TOP_LEVEL + 1, dtype=np.int32))
        return table[levels]

    return looked_up


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

    @_by_level
    def gain(self, levels: Levels) -> Floats:
        """Return (C,) factors from coefficients to quantisation steps."""
        return np.exp(at_levels(self.log_gain, levels)).astype(np.float32)

    @_by_level
    def inverse_gain(self, levels: Levels) -> Floats:
        """Return (C,) factors from quantisation steps to coefficients."""
        return np.exp(at_levels(self.log_inverse_gain, levels)).astype(np.float32)

    @_by_level
    def expected(self, levels: Levels) -> Floats:
        """Return (C,) mean magnitudes in quantisation steps: the unit of the context networks."""
        return (self.magnitude * np.exp(at_levels(self.log_gain, levels))).astype(np.float32)

    @_by_level
    def correction_limit(self, levels: Levels) -> Floats:
        """Return (C,) how far one unit of the correction network's output moves a coefficient."""
        return np.minimum(self.magnitude, np.exp(-at_levels(self.log_gain, levels))).astype(np.float32)

    @_by_level
    def root_step(self, levels: Levels) -> Floats:
        """Return (), the square root of the nominal quantisation step in 8-bit levels."""
        return np.exp(0.5 * at_levels(self.log_step, levels)[..., 0]).astype(np.float32)

    @_by_level
    def distortion_weight(self, levels: Levels) -> Floats:
        """Return (), lambda: the bits per pixel that one squared 8-bit level of mean error is worth."""
        return (SQUARED_STEP_WEIGHT * np.exp(-2 * at_levels(self.log_step, levels)[..., 0])).astype(
            np.float32
        )

    @_by_level
    def worth(self, levels: Levels) -> Floats:
        """Return (C,) the bits that a squared quantisation step of error is worth."""
        return np.exp(at_levels(self.log_worth, levels)).astype(np.float32)


def load_gains(arrays: Mapping[str, NDArray[Any]]) -> QualityGains:
    """Return the gains that the arrays of `gains.npz` hold."""
    return QualityGains(
        **{field.name: arrays[field.name].astype(np.float64) for field in fields(QualityGains)}
    )
