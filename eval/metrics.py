"""Distortion of decoded 8-bit pixels, and nothing else.

SSIM is scikit-image's. No maintained light package computes MS-SSIM as the literature does (RGB,
valid windows): the PyPI ones need torch or TensorFlow, or work on luma alone. So it is put together
from scikit-image's SSIM at five scales; a test holds it to TensorFlow's `ssim_multiscale`.
"""

import math

import numpy as np
from skimage.metrics import structural_similarity

from eval.errors import SizeMismatch

VERSION = 1  # part of the cache key: raise it when any number below would change

SSIM_WINDOW_PX = 11
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # Wang, Simoncelli and Bovik 2003
# Four halvings, each rounding up, must leave one whole window at the coarsest scale.
MS_SSIM_MIN_PX = (SSIM_WINDOW_PX - 1) * 2 ** (len(MS_SSIM_WEIGHTS) - 1) + 1

# This constant drowns the luminance term of SSIM: luminance is 1, contrast-structure remains.
_NO_LUMINANCE = 1e6


def psnr_db(reference: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio against 255; infinite for equal arrays."""
    mse = np.mean(np.square(np.subtract(reference, other, dtype=np.float64)))
    return math.inf if mse == 0 else 10 * math.log10(255**2 / mse)


def luma(image_uint8: np.ndarray) -> np.ndarray:
    """BT.601 luma, not rounded."""
    return image_uint8 @ np.array([0.299, 0.587, 0.114])


def _ssim(reference: np.ndarray, other: np.ndarray, **kwargs) -> float:
    """Mean over the windows that lie wholly inside, with the published Gaussian window."""
    reference, other = (image.astype(np.float32) for image in (reference, other))  # half of float64's time
    window = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return structural_similarity(reference, other, data_range=255, **window, **kwargs)


def ssim(reference: np.ndarray, other: np.ndarray) -> float | None:
    """SSIM, mean of the R, G and B values; None for pictures smaller than its window."""
    if min(reference.shape[:2]) < SSIM_WINDOW_PX:
        return None
    return float(_ssim(reference, other, channel_axis=2))


def ms_ssim(reference: np.ndarray, other: np.ndarray) -> float | None:
    """MS-SSIM, mean of the R, G and B values; None for pictures smaller than its pyramid."""
    if min(reference.shape[:2]) < MS_SSIM_MIN_PX:
        return None
    channels = []
    for channel in range(3):
        a, b = reference[..., channel], other[..., channel]
        value = 1.0
        for scale, weight in enumerate(MS_SSIM_WEIGHTS):
            coarsest = scale == len(MS_SSIM_WEIGHTS) - 1
            # A negative structure term has no real power; the literature sets it to zero.
            value *= max(_ssim(a, b, **({} if coarsest else {"K1": _NO_LUMINANCE})), 0.0) ** weight
            a, b = _halve(a), _halve(b)
        channels.append(value)
    return float(np.mean(channels))


def _halve(plane: np.ndarray) -> np.ndarray:
    """2x2 means; an odd edge is repeated."""
    height, width = plane.shape
    plane = np.pad(plane.astype(np.float32), ((0, height % 2), (0, width % 2)), mode="symmetric")
    return plane.reshape((height + 1) // 2, 2, (width + 1) // 2, 2).mean(axis=(1, 3))


def compare(reference: np.ndarray, other: np.ndarray) -> dict:
    """All metrics of one pair of 8-bit RGB pictures; `note` says why one is absent.

    Raises:
        SizeMismatch: the pictures differ in size.
    """
    if reference.shape != other.shape:
        (height, width), (other_height, other_width) = reference.shape[:2], other.shape[:2]
        raise SizeMismatch(f"sizes differ: {width}x{height} and {other_width}x{other_height}")
    shorter_px = min(reference.shape[:2])
    absent = []
    if shorter_px < SSIM_WINDOW_PX:
        absent.append(f"SSIM needs {SSIM_WINDOW_PX} px")
    if shorter_px < MS_SSIM_MIN_PX:
        absent.append(f"MS-SSIM needs {MS_SSIM_MIN_PX} px")
    return {
        "psnr_rgb_db": psnr_db(reference, other),
        "psnr_y_db": psnr_db(luma(reference), luma(other)),
        "ssim": ssim(reference, other),
        "ms_ssim": ms_ssim(reference, other),
        "note": f"{', '.join(absent)}; the shorter side has {shorter_px}" if absent else "",
    }
