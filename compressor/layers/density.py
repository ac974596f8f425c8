"""The zero-mean logistic density, and the grid of scales that the entropy coder knows."""

import math

import keras
from keras import ops

from compressor.spec.constants import NUM_SCALES, SCALE_MAX, SCALE_MIN

LOG_SCALE_STEP = math.log(SCALE_MAX / SCALE_MIN) / (NUM_SCALES - 1)


def logistic_bits(value, scale):
    """Bits of the unit interval around `value` under a zero-mean logistic density.

    Args:
        value: float tensor: symbols, or residuals with uniform noise.
        scale: positive float tensor, broadcast against `value`.

    Returns:
        float tensor, at least 0 and at most 30 bits per element.
    """
    value = ops.abs(value)
    probability = ops.sigmoid((0.5 - value) / scale) - ops.sigmoid((-0.5 - value) / scale)
    return -ops.log(ops.maximum(probability, 2.0**-30)) / math.log(2)


def training_bits(residual, symbols, scale):
    """Bits of `symbols`, with gradients that training can use.

    The value, and the gradient of the scale, are those of the integers that the coder would see:
    noise would charge a residual of almost zero 0.14 bits at the smallest scale, which the coder does
    not. Integers have no gradient by the residual r; it gets that of bits(r + u) with u uniform in
    [-0.5, 0.5), as with noise in training, but its expectation, bits(r + 0.5) - bits(r - 0.5), in place of
    a draw. Most residuals are far smaller than the noise, and what they have to teach is lost in it.

    Args:
        residual: float tensor in quantisation steps.
        symbols: `residual` rounded.
        scale: positive float tensor, broadcast against `residual`.

    Reference for the noise: Ballé, Laparra and Simoncelli, "End-to-end optimized image compression", ICLR
    2017.
    """
    exact = logistic_bits(ops.stop_gradient(symbols), scale)
    value = ops.stop_gradient(residual)
    slope = ops.stop_gradient(logistic_bits(value + 0.5, scale) - logistic_bits(value - 0.5, scale))
    return exact + slope * (residual - value)


@keras.saving.register_keras_serializable(package="compressor")
class OnGrid(keras.constraints.Constraint):
    """Keeps logarithms of scales that are weights in the grid's range: beyond it they have no gradient."""

    def __call__(self, value):
        return clip_log_scale(value)


def clip_log_scale(log_scale):
    """Clip to the grid's range."""
    return ops.clip(log_scale, math.log(SCALE_MIN), math.log(SCALE_MAX))
