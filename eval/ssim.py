"""SSIM and MS-SSIM of 8-bit RGB pictures.

SSIM is scikit-image's. MS-SSIM is built from it at five scales, because no maintained package without
torch or TensorFlow computes it on RGB with valid windows; a test compares it with TensorFlow's
`ssim_multiscale`.
"""

import numpy as np
from skimage.metrics import structural_similarity

from compressor.images.pyramid import halve

WINDOW_PX = 11
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# After four halvings, rounded up, one whole window must fit at the coarsest scale.
MS_SSIM_MIN_PX = (WINDOW_PX - 1) * 2 ** (len(WEIGHTS) - 1) + 1

# With such a large K1, the luminance term is 1, and only contrast and structure are left.
_NO_LUMINANCE = 1e6


def _mean_ssim(reference: np.ndarray, other: np.ndarray, **options) -> float:
    """Average SSIM over all windows inside the picture, with the published Gaussian window."""
    reference, other = (image.astype(np.float32) for image in (reference, other))  # twice as fast as float64
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(reference, other, data_range=255, **window, **options))


def ssim(reference: np.ndarray, other: np.ndarray) -> float:
    """Measure SSIM, averaged over R, G and B.

    Args:
        reference, other: uint8 (H, W, 3), sides of at least `WINDOW_PX`.

    Returns:
        A value in -1..1; 1 for equal pictures.

    Reference:
        Wang et al., Image quality assessment: from error visibility to structural similarity, 2004.

    Example:
        >>> image = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
        >>> ssim(image, image)
        1.0
    """
    return _mean_ssim(reference, other, channel_axis=2)


def ms_ssim(reference: np.ndarray, other: np.ndarray) -> float:
    """Measure MS-SSIM, averaged over R, G and B.

    Args:
        reference, other: uint8 (H, W, 3), sides of at least `MS_SSIM_MIN_PX`.

    Returns:
        A value in 0..1; 1 for equal pictures.

    Reference:
        Wang, Simoncelli and Bovik, Multi-scale structural similarity for image quality assessment, 2003.
    """
    channels = []
    for a, b in zip(np.moveaxis(reference, 2, 0), np.moveaxis(other, 2, 0), strict=True):
        value = 1.0
        for scale, weight in enumerate(WEIGHTS):
            coarsest = scale == len(WEIGHTS) - 1
            options = {} if coarsest else {"K1": _NO_LUMINANCE}
            # A negative structure term has no real power; the literature sets it to zero.
            value *= max(_mean_ssim(a, b, **options), 0.0) ** weight
            a, b = (halve(plane.astype(np.float32)) for plane in (a, b))
        channels.append(value)
    return float(np.mean(channels))
