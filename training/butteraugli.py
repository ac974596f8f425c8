"""Butteraugli as a distance, on every backend of Keras.

Reference: Alakuijala et al., "Guetzli: Perceptually Guided JPEG Encoder", 2017, arXiv 1703.04421. Constants
are those of the implementation in libjxl 0.7, https://github.com/libjxl/libjxl.
"""

from functools import cache

import numpy as np
from keras import ops

from training.srgb import linear

# Luminance of white in candela per square metre.
INTENSITY = 80.0

# Matrix from linear RGB to the responses of the three kinds of cones, and the bias added to each response.
ABSORBANCE = (
    (0.29956550340058319, 0.63373087833825936, 0.077705617820981968),
    (0.22158691104574774, 0.69391388044116142, 0.0987313588422),
    (0.02, 0.02, 0.20480129041026129),
)
BIAS = (1.7557483643287353, 1.7557483643287353, 12.226454707163354)
# The response to light: SCALE ln(v + OFFSET) - SHIFT.
GAMMA_SCALE, GAMMA_OFFSET, GAMMA_SHIFT = 19.245013259874995, 9.9710635769299145, 23.16046239805755

# Standard deviations, in pixels, of the windows for the adaptation of the eye, the bands and the mask, and
# the reach of a window in standard deviations.
SIGMA_ADAPTATION = 1.2
SIGMA_LOW, SIGMA_MEDIUM, SIGMA_HIGH, SIGMA_MASK = 7.15593339443, 3.22489901262, 1.56416327805, 2.7
WINDOW_REACH = 2.25

# Low band: factors of X, Y and B, and the share of Y that is subtracted from B.
LOW_SCALE, LOW_Y_IN_B = (33.832837186260, 14.458268100570, 49.87984651440), 0.362267051518
# Amplitudes that the eye does not see are removed, and others are amplified or limited.
MEDIUM_X_UNSEEN, MEDIUM_Y_AMPLIFIED = 0.29, 0.1
HIGH_X_UNSEEN, HIGH_Y_AMPLIFIED, HIGH_Y_LIMIT, HIGH_Y_SCALE = 1.5, 0.132, 28.4691806922, 2.155
ULTRA_X_UNSEEN, ULTRA_Y_LIMIT, ULTRA_Y_SCALE = 0.04, 5.19175294647, 2.69313763794
SLOPE_BEYOND_LIMIT = 0.724216145665
# Detail in Y hides detail in X, down to a share.
X_BELOW_Y_SHARE, X_BELOW_Y_SCALE = 0.653020556257, 46.0

# Differences along lines: weight and norm by band and channel, and a factor for each set of lines.
LINES_ULTRA = {"X": (173.5, 5.0), "Y": (1.10039032555, 71.7800275169)}
LINES_HIGH = {"X": (6923.99476109, 8051.15833247), "Y": (18.7237414387, 4498534.45232)}
LINES_MEDIUM = {"X": (8246.75321353, 1009002.70582), "Y": (37.0819870399, 130262059.556)}
LONG_FACTOR, SPARSE_FACTOR = 0.39905817637, 0.611612573796
LINE_LENGTH = 2 * 3.75 + 1
# Below 1, added detail counts more than lost detail.
ASYMMETRY = 0.8

# Weights of squared differences by band, in the order X, Y, B. Those of the low band are 0.91 times those of
# the source: `butteraugli_main` 0.7 prints 4.6 % less for flat differences than the source's weights give.
SQUARED_HIGH = (400.0, 1.50815703118)
SQUARED_MEDIUM = (2150.0, 10.6195433239, 16.2176043152)
SQUARED_LOW = (26.607, 0.76869, 0.64039)

# Half of each line through the centre of a 9x9 window, as (down, right); the other half is its reflection.
# Four of the long lines count twice.
LONG_LINES = (
    ((0, 1), (0, 2), (0, 3), (0, 4)),
    ((1, 0), (2, 0), (3, 0), (4, 0)),
    ((1, 1), (2, 2), (3, 3)),
    ((1, -1), (2, -2), (3, -3)),
    *2 * (((1, 0), (2, -1), (3, -1), (4, -1)),),
    *2 * (((1, 0), (2, 1), (3, 1), (4, 1)),),
    *2 * (((0, 1), (1, 2), (1, 3), (1, 4)),),
    *2 * (((0, 1), (-1, 2), (-1, 3), (-1, 4)),),
    ((1, 1), (2, 1), (3, 2)),
    ((1, -1), (2, -1), (3, -2)),
    ((1, 1), (1, 2), (2, 3)),
    ((1, -1), (1, -2), (2, -3)),
)
SPARSE_LINES = (
    ((0, 2), (0, 4)),
    ((2, 0), (4, 0)),
    ((2, 2), (3, 3)),
    ((2, -2), (3, -3)),
    ((2, -1), (4, -1)),
    ((2, 1), (4, 1)),
    ((1, 2), (1, 4)),
    ((-1, 2), (-1, 4)),
    ((2, 1), (3, 2)),
    ((2, -1), (3, -2)),
    ((1, 2), (2, 3)),
    ((1, -2), (2, -3)),
    ((1, -2), (2, -4)),
    ((1, 2), (2, 4)),
    ((2, 1), (4, 2)),
    ((2, -1), (4, -2)),
)

# Activity grows with the magnitude of (MASK_X X, MASK_Y Y) in the sum of the two finest bands. Errors are
# less visible where it is high.
MASK_X, MASK_Y, MASK_SCALE, MASK_BIAS = 2.5, 0.4, 6.19424080439, 12.61050594197
MASK_ERROR = 10.0
# Weights of the three smallest activities at a position and its eight neighbours, and the distance of the
# neighbours in pixels.
EROSION, EROSION_PX = (0.45, 0.3, 0.25), 3
MASK_FINE = (2.5485944793, 0.451936922203, 0.829591754942)
MASK_LOW = (0.505054525019, 3.87449418804, 0.20025578522)
GOOD = 1 / (17.83 * 0.79079917404)

# Weights of the maps of the picture and of the picture at half its size.
FULL_SHARE, HALF_SHARE = 0.85, 0.5
NORMS = (3, 6, 12)
# Added to squares before a root is taken, which has no finite gradient at 0.
SMALLEST = 1e-10


@cache
def _window(size: int, sigma: float) -> np.ndarray:
    """Return the matrix that blurs a line of pixels, with weights renormalised at its ends."""
    reach = max(1, int(WINDOW_REACH * sigma))
    distance = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    weights = np.where(distance <= reach, np.exp(-0.5 * (distance / sigma) ** 2), 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def _blur(x, sigma: float):
    """Convolve (N, H, W) with a Gaussian window."""
    down, right = (_window(size, sigma) for size in x.shape[1:])
    return ops.matmul(ops.matmul(down, x), right.T)


def _limit(x, limit: float):
    """Flatten amplitudes beyond a limit."""
    inside = ops.clip(x, -limit, limit)
    return inside + SLOPE_BEYOND_LIMIT * (x - inside)


def _remove(x, unseen: float):
    """Move amplitudes towards 0."""
    return x - ops.clip(x, -unseen, unseen)


def _amplify(x, amount: float):
    """Move amplitudes away from 0."""
    return x + ops.clip(x, -amount, amount)


def _cones(rgb):
    """Convert linear RGB, a list of three (N, H, W), to the responses of the three kinds of cones."""
    return [
        sum(weight * c for weight, c in zip(weights, rgb, strict=True)) + bias
        for weights, bias in zip(ABSORBANCE, BIAS, strict=True)
    ]


def _opsin(rgb):
    """Convert linear RGB, a list of three (N, H, W), to X, Y and B, adapted to the light nearby."""
    adapted = []
    around = _cones([_blur(c, SIGMA_ADAPTATION) for c in rgb])
    for response, light, bias in zip(_cones(rgb), around, BIAS, strict=True):
        sensitivity = (GAMMA_SCALE * ops.log(light + GAMMA_OFFSET) - GAMMA_SHIFT) / light
        adapted.append(ops.maximum(response * sensitivity, bias))
    long, medium, short = adapted
    return long - medium, long + medium, short


def _bands(xyb):
    """Split X, Y and B into bands: low X, Y, B; medium X, Y, B; high X, Y; ultra-high X, Y."""
    low = [_blur(c, SIGMA_LOW) for c in xyb]
    rest = [c - blurred for c, blurred in zip(xyb, low, strict=True)]
    low[2] = low[2] - LOW_Y_IN_B * low[1]
    low = [scale * c for scale, c in zip(LOW_SCALE, low, strict=True)]

    medium = [_blur(c, SIGMA_MEDIUM) for c in rest]
    x, y = (c - blurred for c, blurred in zip(rest[:2], medium[:2], strict=True))
    medium = [_remove(medium[0], MEDIUM_X_UNSEEN), _amplify(medium[1], MEDIUM_Y_AMPLIFIED), medium[2]]
    hidden = X_BELOW_Y_SCALE / (y * y + X_BELOW_Y_SCALE)
    x = x * (X_BELOW_Y_SHARE + (1 - X_BELOW_Y_SHARE) * hidden)

    high_x, high_y = _blur(x, SIGMA_HIGH), _limit(_blur(y, SIGMA_HIGH), HIGH_Y_LIMIT)
    ultra = [
        _remove(x - high_x, ULTRA_X_UNSEEN),
        ULTRA_Y_SCALE * _limit(y - high_y, ULTRA_Y_LIMIT),
    ]
    high = [_remove(high_x, HIGH_X_UNSEEN), _amplify(HIGH_Y_SCALE * high_y, HIGH_Y_AMPLIFIED)]
    return low, medium, high, ultra


@cache
def _kernel(lines) -> np.ndarray:
    """Return the sums along lines as a convolution, (9, 9, 1, lines)."""
    kernel = np.zeros((9, 9, 1, len(lines)), np.float32)
    for k, line in enumerate(lines):
        for down, right in ((0, 0), *line):
            kernel[4 + down, 4 + right, 0, k] = kernel[4 - down, 4 - right, 0, k] = 1
    return kernel


def _outside(a, b, least: float, most: float):
    """Return by how much b is below least * a or, negated, above most * a, with the sign of a."""
    sign, size = ops.where(a < 0, -1.0, 1.0), ops.abs(a)
    b = sign * b
    return sign * (ops.relu(least * size - b) - ops.relu(b - most * size))


def _along_lines(a, b, weight, norm: float, lines, factor: float, asymmetry: float):
    """Return the squared sums of differences along lines: a structured error is more visible than noise."""
    scale = factor * norm / LINE_LENGTH / (norm + 0.5 * (ops.abs(a) + ops.abs(b)))
    symmetric, outside = np.sqrt(0.5 * weight * asymmetry), np.sqrt(0.33 * weight / asymmetry)
    difference = scale * (symmetric * (a - b) + outside * _outside(a, b, 0.55, 1.05))
    sums = ops.conv(difference[..., None], _kernel(lines), padding="same")
    return ops.sum(sums * sums, axis=-1)


def _squared(a, b, weight: float):
    """Return the squared differences of the high band."""
    return 0.8 * weight * (ASYMMETRY * ops.square(a - b) + ops.square(_outside(a, b, 0.4, 1.0)) / ASYMMETRY)


def _activity(high, ultra):
    """Return the activity of the finest bands, blurred."""
    x, y = (h + u for h, u in zip(high, ultra, strict=True))
    size = ops.sqrt(ops.square(MASK_X * x) + ops.square(MASK_Y * y) + SMALLEST)
    bias = MASK_SCALE * MASK_BIAS
    return _blur(ops.sqrt(MASK_SCALE * size + bias) - bias**0.5, SIGMA_MASK)


def _eroded(activity):
    """Return a weighted mean of the three smallest activities around each position."""
    d = EROSION_PX
    height, width = activity.shape[1:]
    padded = ops.pad(activity, ((0, 0), (d, d), (d, d)), constant_values=1e9)
    around = [padded[:, y : y + height, x : x + width] for y in (0, d, 2 * d) for x in (0, d, 2 * d)]
    # Twice the centre is added two times, so that no value used exceeds it.
    smallest = ops.sort(ops.stack([*around, 2 * activity, 2 * activity], axis=-1), axis=-1)
    return sum(share * smallest[..., k] for k, share in enumerate(EROSION))


def _visibility(activity, constants):
    """Return the factor of squared differences where a picture has some activity."""
    scale, slope, offset = constants
    return ops.square(GOOD * (1 + scale / (slope * activity + offset)))


def _map_at_one_size(a, b):
    """Return the difference map of linear RGB pictures, (N, H, W)."""
    (low_a, medium_a, high_a, ultra_a), (low_b, medium_b, high_b, ultra_b) = (
        _bands(_opsin([INTENSITY * x[..., k] for k in range(3)])) for x in (a, b)
    )
    fine = sum(w * ops.square(p - q) for w, p, q in zip(SQUARED_MEDIUM, medium_a, medium_b, strict=True))
    for k, name in enumerate("XY"):
        fine = fine + _squared(high_a[k], high_b[k], SQUARED_HIGH[k])
        for p, q, (weight, norm), lines, factor, asymmetry in (
            (ultra_a, ultra_b, LINES_ULTRA[name], LONG_LINES, LONG_FACTOR, ASYMMETRY),
            (high_a, high_b, LINES_HIGH[name], SPARSE_LINES, SPARSE_FACTOR, ASYMMETRY**0.5),
            (medium_a, medium_b, LINES_MEDIUM[name], SPARSE_LINES, SPARSE_FACTOR, 1.0),
        ):
            fine = fine + _along_lines(p[k], q[k], weight, norm, lines, factor, asymmetry)
    activity = _activity(high_a, ultra_a)
    fine = fine + MASK_ERROR * ops.square(activity - _activity(high_b, ultra_b))
    low = sum(w * ops.square(p - q) for w, p, q in zip(SQUARED_LOW, low_a, low_b, strict=True))
    mask = _eroded(activity)
    return ops.sqrt(fine * _visibility(mask, MASK_FINE) + low * _visibility(mask, MASK_LOW) + SMALLEST)


def butteraugli_map(images, decoded):
    """Return the map of visible differences, (N, H, W); about 1 is just noticeable.

    Args:
        images: (N, H, W, 3) floats 0..1, sRGB, with even H and W.
        decoded: the same shape; clipped to 0..1.
    """
    a, b = linear(images), linear(ops.clip(decoded, 0.0, 1.0))
    full = _map_at_one_size(a, b)
    half = _map_at_one_size(ops.average_pool(a, 2, 2), ops.average_pool(b, 2, 2))
    half = ops.repeat(ops.repeat(half, 2, axis=1), 2, axis=2)
    return FULL_SHARE * full + HALF_SHARE * half


def butteraugli_distance(images, decoded, group: int = 1):
    """Return the mean of the 3-, 6- and 12-norm of the difference map, (N,): Butteraugli's "3-norm".

    Args:
        images, decoded: see `butteraugli_map`.
        group: number of consecutive pictures that are crops of one photograph; norms are taken over all of
            them, see `training.ssimulacra2.ssimulacra2_distance`.

    Example:
        >>> pictures = np.full((1, 64, 64, 3), 0.5, "float32")
        >>> float(butteraugli_distance(pictures, pictures)[0]) < 0.01
        True
    """
    difference = butteraugli_map(images, decoded)
    difference = ops.reshape(difference, (-1, group * difference.shape[1] * difference.shape[2]))
    # Divided by the largest, since the 12th power of small numbers underflows.
    largest = ops.stop_gradient(ops.max(difference, axis=1, keepdims=True))
    norms = [ops.mean((difference / largest) ** p, axis=1) ** (1 / p) for p in NORMS]
    return ops.repeat(largest[:, 0] * sum(norms) / len(norms), group, axis=0)
