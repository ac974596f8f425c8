"""The Gaussian window of structural similarity."""

import numpy as np
from keras import ops

WINDOW, SIGMA = 11, 1.5


def blur(x, padding: str):
    """Convolve (N, H, W, C) with the window.

    Args:
        x: pictures.
        padding: "valid", or "same" for zeros outside of the pictures.
    """
    window = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / SIGMA) ** 2)
    window = np.tile((window / window.sum())[:, None], (1, x.shape[-1])).astype(np.float32)
    across = ops.depthwise_conv(x, window.reshape(1, WINDOW, -1, 1), padding=padding)
    return ops.depthwise_conv(across, window.reshape(WINDOW, 1, -1, 1), padding=padding)
