"""Rounding, and its gradient in training."""

from keras import ops

from compressor.layers.density import logistic_bits
from compressor.spec.constants import SAVING_SHARE


def round_weighed(residual, scale, worth, saving_share: float = SAVING_SHARE):
    """Round to nearest, and then one towards zero where the bits saved exceed what the error is worth.

    The encoder does the same by default, but with tables that are counted after training instead of the
    logistic density.

    Args:
        residual: float tensor in quantisation steps.
        scale: positive float tensor, broadcast against `residual`.
        worth: what a squared step of error is worth in bits, broadcast against `residual`.
        saving_share: share of the bits saved that counts.

    Returns:
        float tensor of integers.

    Reference: Sullivan and Wiegand, "Rate-distortion optimization for video compression", IEEE Signal
    Processing Magazine 15(6), 1998.
    """
    nearest = ops.floor(ops.abs(residual) + 0.5)
    lower = ops.maximum(nearest - 1, 0)
    saved = logistic_bits(nearest, scale) - logistic_bits(lower, scale)
    added = ops.square(ops.abs(residual) - lower) - ops.square(ops.abs(residual) - nearest)
    return ops.sign(residual) * ops.where(saving_share * saved > worth * added, lower, nearest)


def straight_through(residual, symbols):
    """Symbols in the forward pass, the gradient of the residual in the backward pass.

    Args:
        residual: float tensor in units of the quantisation step.
        symbols: `residual` rounded, somehow.

    Reference: Theis et al., "Lossy image compression with compressive autoencoders", ICLR 2017.
    """
    return residual + ops.stop_gradient(symbols - residual)
