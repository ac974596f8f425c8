"""SSIMULACRA 2 as a distortion, on every backend of Keras.

Reference: Sneyers, "SSIMULACRA 2: Structural SIMilarity Unveiling Local And Compression Related Artifacts",
https://github.com/cloudinary/ssimulacra2, 2022. Constants are those of its version 2.1.
"""

import numpy as np
from keras import ops

from training.srgb import linear

# Matrix from linear RGB to the responses of the three kinds of cones, and the bias added to each response.
ABSORBANCE = (
    (0.30, 0.622, 0.078),
    (0.23, 0.692, 0.078),
    (0.24342268924547819, 0.20476744424496821, 0.5518098665095536),
)
BIAS = 0.0037930732552754493
WINDOW, SIGMA = 11, 1.5
C2 = 0.0009

# Weight of each map's average, by scale (finest first) and channel of XYB: for the mean and for the 4-norm
# (structural error, artefact, lost detail). Of the 108 weights of the metric, those below 0.01 are left out,
# and with them the channels, and the coarsest scale, that have no others.
WEIGHTS = (
    {"Y": ((0, 0, 0), (7.466890328078848, 0, 17.445833984131262))},
    {
        "X": ((0, 0, 0), (1.1041726426657346, 0, 0)),
        "Y": ((0, 0, 0), (6.683678146179332, 0, 1.027889937768264)),
    },
    {
        "X": ((0, 0, 0), (1.8422455520539298, 11.441172603757666, 0)),
        "Y": ((225.20515300849274, 0, 0), (19.213238186143016, 0, 0)),
    },
    {
        "X": ((0, 0, 0), (1.8787594979546387, 10.94906990605142, 0)),
        "Y": ((176.39317598450694, 0, 0), (24.43300999870476, 0.28520802612117757, 0)),
        "B": ((0, 0, 0), (8.826982764996862, 23.19243343998926, 0)),
    },
    {
        "X": ((0, 0.9677937080626833, 0), (0, 0.9981766977854967, 0)),
        "Y": ((0, 0, 0), (34.77906344483772, 44.835625328877896, 0)),
        "B": (
            (95.1080498811086, 0.9863978034400682, 0.9834382792465353),
            (0, 171.2667255897307, 0.9807858872435379),
        ),
    },
)
SUM_SCALE = 0.9562382616834844
POLYNOMIAL = (2.326765642916932, -0.020884521182843837, 6.248496625763138e-05)
SCORE_POWER = 0.6276336467831387
# Larger sums are outside of the range that the polynomial was fitted to.
LARGEST_SUM = 100.0
# Added to means of fourth powers; small enough that the distance of equal pictures stays below 0.1.
SMALLEST = 1e-16


def _channels(rgb, names):
    """Convert linear RGB (N, H, W, 3) to some channels of XYB, made positive, (N, H, W, len(names))."""
    matrix = np.array(ABSORBANCE, np.float32).T
    cones = ops.maximum(ops.matmul(rgb, matrix) + BIAS, 1e-4) ** (1 / 3) - BIAS ** (1 / 3)
    long, medium, short = (cones[..., k] for k in range(3))
    x, y = 0.5 * (long - medium), 0.5 * (long + medium)
    made = {"X": lambda: 14 * x + 0.42, "Y": lambda: y + 0.01, "B": lambda: short - y + 0.55}
    return ops.stack([made[name]() for name in names], axis=-1)


def _blur(x):
    """Convolve (N, H, W, C) with a Gaussian window, with zeros outside of the picture."""
    window = np.exp(-0.5 * ((np.arange(WINDOW) - WINDOW // 2) / SIGMA) ** 2)
    window = np.tile((window / window.sum())[:, None], (1, x.shape[-1])).astype(np.float32)
    across = ops.depthwise_conv(x, window.reshape(1, WINDOW, -1, 1), padding="same")
    return ops.depthwise_conv(across, window.reshape(WINDOW, 1, -1, 1), padding="same")


def _maps(x, y):
    """Return maps of structural error, artefacts and lost detail, each (N, H, W, C)."""
    n = x.shape[-1]
    blurred = _blur(ops.concatenate([x, y, x * x + y * y, x * y], axis=-1))
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
        group: number of consecutive pictures that are crops of one photograph. The 4-norms of a group are
            taken over all of its crops: the metric takes them over a whole picture, where the worst parts
            count most, and with norms of single crops all crops would count equally.

    Example:
        >>> pictures = np.full((1, 64, 64, 3), 0.5, "float32")
        >>> float(ssimulacra2_distance(pictures, pictures)[0]) < 0.1
        True
    """
    a, b = linear(images), linear(ops.clip(decoded, 0.0, 1.0))
    total = 0.0
    for scale, channels in enumerate(WEIGHTS):
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
    return total * (POLYNOMIAL[0] + total * (POLYNOMIAL[1] + total * POLYNOMIAL[2]))


def ssimulacra2_score(distance):
    """Convert a distance to the score: 100 for equal pictures, 90 for hardly visible differences."""
    return 100 - 10 * ops.maximum(distance, 0) ** SCORE_POWER
