"""SSIMULACRA 2 as a distortion, on every backend of Keras.

Reference: Sneyers, "SSIMULACRA 2: Structural SIMilarity Unveiling Local And Compression Related Artifacts",
https://github.com/cloudinary/ssimulacra2, 2022. Constants are those of its version 2.1.
"""

import numpy as np
from keras import ops

from compressor.images.ssimulacra2 import (
    C2,
    OPSIN_BIAS,
    OPSIN_MATRIX,
    POLYNOMIAL,
    SUM_SCALE,
    XYB_MATRIX,
    XYB_OFFSET,
)
from compressor.images.ssimulacra2_gradient import LARGE_WEIGHTS, LARGEST_SUM, LEAST_LIGHT, SMALLEST
from training.srgb import linear
from training.window import blur


def _channels(rgb, names):
    """Convert linear RGB (N, H, W, 3) to some channels of XYB, made positive, (N, H, W, len(names))."""
    matrix = OPSIN_MATRIX.T.astype(np.float32)
    cones = ops.maximum(ops.matmul(rgb, matrix) + OPSIN_BIAS, LEAST_LIGHT) ** (1 / 3) - OPSIN_BIAS ** (1 / 3)
    chosen = ["XYB".index(name) for name in names]
    to_xyb, offset = (x[chosen].astype(np.float32) for x in (XYB_MATRIX, XYB_OFFSET))
    # Not a matrix product: accelerators round its inputs, and channels are differences of large numbers.
    return ops.sum(cones[..., None, :] * to_xyb, axis=-1) + offset


def _maps(x, y):
    """Return maps of structural error, artefacts and lost detail, each (N, H, W, C)."""
    n = x.shape[-1]
    blurred = blur(ops.concatenate([x, y, x * x + y * y, x * y], axis=-1), "same")
    mx, my, squares, xy = (blurred[..., n * k : n * (k + 1)] for k in range(4))
    structure = 2 * (xy - mx * my) + C2
    energy = squares - mx * mx - my * my + C2
    error = ops.maximum(1 - (1 - ops.square(mx - my)) * structure / energy, 0.0)
    edge = (1 + ops.abs(y - my)) / (1 + ops.abs(x - mx)) - 1
    return error, ops.maximum(edge, 0.0), ops.maximum(-edge, 0.0)


def ssimulacra2_distance(images, decoded, group: int = 1):
    """Return the distance from which the score is computed, (N,).

    Args:
        images: (N, H, W, 3) floats 0..1, sRGB, H and W divisible by 16.
        decoded: the same shape; clipped to 0..1.
        group: number of consecutive pictures that are crops of one photograph. The 4-norms are taken over all
            crops of a group: the metric takes them over a whole picture, where the worst parts count most.
            With norms of single crops, all crops would count equally.

    Example:
        >>> pictures = np.full((1, 64, 64, 3), 0.5, "float32")
        >>> float(ssimulacra2_distance(pictures, pictures)[0]) < 0.1
        True
    """
    a, b = linear(images), linear(ops.clip(decoded, 0.0, 1.0))
    total = 0.0
    for scale, channels in enumerate(LARGE_WEIGHTS):
        if scale:
            a, b = ops.average_pool(a, 2, 2), ops.average_pool(b, 2, 2)
        weights = np.array(list(channels.values()), np.float32)
        for k, m in enumerate(_maps(_channels(a, channels), _channels(b, channels))):
            mean, norm = weights[:, 0, k], weights[:, 1, k]
            if mean.any():
                total = total + ops.matmul(ops.mean(m, axis=(1, 2)), mean)
            if norm.any():
                fourth = ops.mean(ops.square(ops.square(m)), axis=(1, 2))
                fourth = ops.mean(ops.reshape(fourth, (-1, group, len(channels))), axis=1)
                # A power below 1 has no finite gradient at 0.
                fourth = ops.repeat((fourth + SMALLEST) ** 0.25, group, axis=0)
                total = total + ops.matmul(fourth, norm)
    total = ops.minimum(SUM_SCALE * total, LARGEST_SUM)
    return total * (POLYNOMIAL[1] + total * (POLYNOMIAL[2] + total * POLYNOMIAL[3]))
