"""A mixture of squared error, SSIMULACRA 2 and Butteraugli as the distortion of training."""

from compressor.models.base import mean_squared_error
from compressor.spec.constants import SSIMULACRA2_SCALE
from training.butteraugli import butteraugli_distance
from training.ssimulacra2 import ssimulacra2_distance

# Mean squared error, in squared 8-bit levels, that counts as much as a distance of 1; see also
# `SSIMULACRA2_SCALE`. With these, the three terms have about the same size in decoded photographs.
BUTTERAUGLI_SCALE = 9.0
# Butteraugli grows with the amplitude of an error, and squared error with its square. With this power, the
# ratio of the two terms is about the same at all qualities.
BUTTERAUGLI_POWER = 1.5


def perceptual_distortion(
    images, decoded, mse_share: float = 0.2, butteraugli_share: float = 0.0, group: int = 1
):
    """Return a weighted sum of squared error and two perceptual distances, (N,), in squared 8-bit levels.

    Args:
        images, decoded: (N, H, W, 3) floats 0..1, sRGB, H and W divisible by 16.
        mse_share: weight of the mean squared error, 0..1, which keeps colours and other properties that the
            metrics ignore.
        butteraugli_share: weight of Butteraugli, 0..1; SSIMULACRA 2 has the rest of the weight.
        group: number of consecutive pictures that are crops of one photograph, see `ssimulacra2_distance`.

    Example:
        >>> from keras import ops
        >>> pictures = ops.full((1, 64, 64, 3), 0.5)
        >>> float(perceptual_distortion(pictures, pictures)[0]) < 0.5
        True
    """
    rest = 1 - mse_share - butteraugli_share
    total = mse_share * mean_squared_error(decoded, images)
    if rest > 0:
        total = total + rest * SSIMULACRA2_SCALE * ssimulacra2_distance(images, decoded, group)
    if butteraugli_share:
        distance = butteraugli_distance(images, decoded, group)
        total = total + butteraugli_share * BUTTERAUGLI_SCALE * distance**BUTTERAUGLI_POWER
    return total
