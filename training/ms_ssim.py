"""Multi-scale structural similarity as a distortion, on every backend of Keras."""

import numpy as np
from keras import ops

from training.window import WINDOW, blur

# Exponents of the scales, finest first (Wang et al., table in section 3.2).
EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
C1, C2 = 0.01**2, 0.03**2
# Factor that makes 1 - MS-SSIM comparable to a mean squared error in squared 8-bit levels: the ratio of the
# two sets of lambda that published models are trained with is 1,220 to 1,330 (Bégaint et al.,
# "CompressAI: a PyTorch library and evaluation platform", arXiv 2011.03029).
LEVELS_SQUARED = 1280.0
# Smallest base of a power: powers below 1 have no finite gradient at 0.
SMALLEST = 1e-4


def scales_that_fit(side_px: int) -> int:
    """Return the number of scales, 1 to 5, whose pictures are at least as large as the window.

    Args:
        side_px: shorter side of the pictures, in pixels.

    Example:
        >>> scales_that_fit(128)
        4
    """
    return max(1, sum(side_px // 2**k >= WINDOW for k in range(len(EXPONENTS))))


def ms_ssim(a, b, scales: int = len(EXPONENTS)):
    """Return the multi-scale structural similarity of pictures.

    Args:
        a, b: (N, H, W, 3) floats 0..1, H and W divisible by 2**(scales - 1).
        scales: number of scales, 1 to 5; the exponents of fewer than five are scaled to add up to 1.

    Returns:
        (N,), the mean over the channels; 1 for equal pictures.

    Reference: Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality
    assessment", Asilomar Conference on Signals, Systems and Computers, 2003.
    """
    exponents = np.array(EXPONENTS[:scales]) / (sum(EXPONENTS[:scales]) if scales < len(EXPONENTS) else 1)
    result = 1.0
    for k, exponent in enumerate(exponents):
        if k:
            a, b = (ops.average_pool(x, 2, 2) for x in (a, b))
        mean_a, mean_b = blur(a, "valid"), blur(b, "valid")
        product, squares = mean_a * mean_b, ops.square(mean_a) + ops.square(mean_b)
        covariance = blur(a * b, "valid") - product
        variances = blur(ops.square(a) + ops.square(b), "valid") - squares
        similarity = (2 * covariance + C2) / (variances + C2)
        if k == scales - 1:
            similarity = similarity * (2 * product + C1) / (squares + C1)
        similarity = ops.maximum(ops.mean(similarity, axis=(1, 2)), SMALLEST)
        result = result * similarity ** float(exponent)
    return ops.mean(result, axis=1)


def ms_ssim_distortion(images, decoded, scales: int = len(EXPONENTS)):
    """Return 1 - MS-SSIM of each sample, (N,), scaled to be comparable to squared 8-bit levels.

    Args:
        images, decoded: (N, H, W, 3) floats 0..1.
        scales: see `ms_ssim`; at most `scales_that_fit` of the crops. With fewer scales, coarse structure
            counts less.
    """
    return LEVELS_SQUARED * (1 - ms_ssim(images, decoded, scales))
