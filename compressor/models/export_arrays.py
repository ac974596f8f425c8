"""Arrays that the exporters of all families write alike."""

import math

import numpy as np

from compressor.layers.density import LOG_SCALE_STEP
from compressor.layers.eight_bits import in_steps
from compressor.models.base import RateDistortionModel, distortion_weight
from compressor.spec.constants import SCALE_MIN, SQUARED_STEP_WEIGHT
from compressor.spec.quality import NUM_KNOTS


def as_stored(variable) -> np.ndarray:
    """Round a variable to float16, as it is stored: a model read from exported files exports to the same."""
    return np.asarray(variable).astype(np.float16).astype(np.float32)


def stored_integers(layer) -> tuple[np.ndarray, np.ndarray]:
    """Return the stored kernel of an 8-bit convolution, in whole steps, and the step of each output.

    The steps have a shape that broadcasts to the kernel.
    """
    exact, steps = map(np.asarray, in_steps(as_stored(layer.kernel), layer.output_axis))
    return np.rint(exact), steps


def quality_arrays(
    model: RateDistortionModel, magnitude: np.ndarray, log_unit: float = 0.0
) -> dict[str, np.ndarray]:
    """Return the arrays of `gains.npz`; see `compressor.models.gains.QualityGains`.

    Args:
        model: trained; has curves `log_gain`, `log_inverse_gain` and `log_worth`.
        magnitude: (C,) mean magnitude of the coefficients.
        log_unit: logarithm of the 8-bit levels in one unit of the transforms' pixels.
    """
    gain, inverse, worth = (
        np.asarray(curve.values, np.float64)
        for curve in (model.log_gain, model.log_inverse_gain, model.log_worth)
    )
    weights = distortion_weight(np.linspace(0, 1, NUM_KNOTS))
    log_step = 0.5 * np.log(SQUARED_STEP_WEIGHT / weights)[:, None] - log_unit
    return {
        "magnitude": magnitude,
        "log_gain": gain - log_step,
        "log_inverse_gain": inverse + log_step,
        "log_step": log_step,
        "log_worth": worth,
    }


def scale_index(log_scale) -> np.ndarray:
    """Convert the logarithm of a scale to its position on the grid of scale indices, not yet rounded."""
    return (np.asarray(log_scale, np.float64) - math.log(SCALE_MIN)) / LOG_SCALE_STEP
