"""What a refinement lowers: the error of decoded pixels, and how latents follow its gradient."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compressor.coding.descent import Adam, AveragedTargets, Descent
from compressor.coding.tile_error import WeightedError
from compressor.images.ssimulacra2_gradient import Ssimulacra2Distance
from compressor.models.runtime import PixelError
from compressor.spec.arrays import Floats
from compressor.spec.constants import MOVED_SAVING_SHARE, PIXEL_OFFSET, SAVING_SHARE, SSIMULACRA2_SCALE

# Weight of the squared error. It is smaller in training, where Butteraugli has a share as well.
MSE_SHARE = 0.4


def weighted_squared_error(original: Floats, weight: Floats) -> PixelError:
    """Return a function for the sum over pixels of lambda x the mean squared error of the channels, in bits.

    Args:
        original: (H, W, 3), pixels minus 128.
        weight: lambda, () or (H, W, 1).
    """

    def error(pixels: Floats) -> tuple[float, Floats]:
        # Decoders clip pixels. Outside of the range, the slope still points back to it.
        difference = np.clip(pixels, -PIXEL_OFFSET, 255 - PIXEL_OFFSET) - original
        slope: Floats = np.float32(2 / 3) * weight * difference
        return float(np.vdot(slope, difference)) / 2, slope

    return error


def weighted_perceptual_error(original: Floats, weight: Floats) -> PixelError:
    """Return a function for lambda x a weighted sum of squared error and SSIMULACRA 2, in bits.

    Args:
        original: (H, W, 3), pixels minus 128, H and W divisible by 16.
        weight: lambda, () or (H, W, 1).
    """
    squared, distance = weighted_squared_error(original, weight), Ssimulacra2Distance(_unit(original))
    scale = (1 - MSE_SHARE) * SSIMULACRA2_SCALE * original[..., 0].size
    # The distance is not a sum over pixels, so its value is weighted by the mean of lambda.
    mean_weight = float(weight.mean())

    def error(pixels: Floats) -> tuple[float, Floats]:
        of_squares, slope = squared(pixels)
        of_distance, gradient = distance(_unit(pixels))
        slope = np.float32(MSE_SHARE) * slope + np.float32(scale / 255) * weight * gradient
        return MSE_SHARE * of_squares + mean_weight * scale * of_distance, slope

    return error


def _unit(pixels: Floats) -> Floats:
    """Convert pixels minus 128 to 0..1."""
    unit: Floats = (pixels + np.float32(PIXEL_OFFSET)) / np.float32(255)
    return unit


@dataclass(frozen=True, slots=True)
class Objective:
    """What a refinement lowers, and how.

    Attributes:
        error: the error of decoded pixels, weighted by lambda; see `WeightedError`.
        descent: creates, from the worth of a squared step and the number of moves, what moves the latents.
        saving_share: share with which moved latents are rounded; see `compressor.coding.rounding`.
        rate_weight: weight of the slope of the rate when it is added to that of the error. With 0, only
            rounding lowers the rate.
    """

    error: WeightedError
    descent: Callable[[Floats, int], Descent]
    saving_share: float
    rate_weight: float


# Keys are the metrics that models are trained for. Squared error is nearly quadratic, SSIMULACRA 2 is not.
# The numbers were chosen on validation pictures; see docs/experiments.md.
OBJECTIVES = {
    "mse": Objective(
        weighted_squared_error, lambda worth, steps: AveragedTargets(worth), MOVED_SAVING_SHARE, 0.0
    ),
    "ssimulacra2": Objective(weighted_perceptual_error, lambda worth, steps: Adam(steps), SAVING_SHARE, 2.0),
}
