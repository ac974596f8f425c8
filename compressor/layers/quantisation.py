"""Rounding, and its stand-ins in training."""

from keras import ops, random


def round_with_dead_zone(residual, dead_zone=0.05):
    """Round to the nearest integer, with the zone that rounds towards zero widened.

    Args:
        residual: float tensor in units of the quantisation step.
        dead_zone: 0 is plain rounding (halves away from zero); 0.05 rounds 0.54 to 0.

    Returns:
        float tensor of integers.
    """
    return ops.sign(residual) * ops.floor(ops.abs(residual) + (0.5 - dead_zone))


def straight_through(residual, symbols):
    """Symbols in the forward pass, the gradient of the residual in the backward pass.

    Args:
        residual: float tensor in units of the quantisation step.
        symbols: `residual` rounded, somehow.

    Reference: Theis et al., "Lossy image compression with compressive autoencoders", ICLR 2017.
    """
    return residual + ops.stop_gradient(symbols - residual)


def add_uniform_noise(residual, seed):
    """Add noise drawn from [-0.5, 0.5): a differentiable proxy of rounding for the rate.

    Args:
        residual: float tensor in units of the quantisation step.
        seed: `keras.random.SeedGenerator`.

    Reference: Ballé, Laparra and Simoncelli, "End-to-end optimized image compression", ICLR 2017.
    """
    return residual + random.uniform(ops.shape(residual), -0.5, 0.5, dtype=residual.dtype, seed=seed)
