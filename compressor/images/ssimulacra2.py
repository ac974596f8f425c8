"""SSIMULACRA 2 of 8-bit sRGB pictures.

Both pictures are converted to XYB, a colour space modelled on the eye. At six scales, each half as large as
the one before, two kinds of maps compare them: one minus SSIM, and the difference in edge strength, split
into artefacts (edges that were added) and lost detail (edges that were blurred away). The score is a
polynomial of a weighted sum of the 1-norms and 4-norms of these maps.

Borders: the blur treats pixels outside the picture as zero, on all four sides. The original uses a recursive
approximation of the Gaussian; this module uses the Gaussian itself, cut off at five pixels, so scores differ
from the original's in the first decimal.

Reference: Sneyers, SSIMULACRA 2, https://github.com/cloudinary/ssimulacra2, version 2.1.
"""

import numpy as np
from numpy.typing import NDArray

from compressor.images.pyramid import halve
from compressor.images.srgb import linear

Floats = NDArray[np.floating]

NUM_SCALES = 6
MIN_PX = 8

_RADIUS_PX = 5
WINDOW = np.exp(-0.5 * (np.arange(-_RADIUS_PX, _RADIUS_PX + 1) / 1.5) ** 2)
WINDOW /= WINDOW.sum()
# Rows that are compared at once: the maps of a whole picture would take twenty times its memory.
_BAND_ROWS = 128
C2 = 0.0009
_LINEAR = linear(np.arange(256) / 255).astype(np.float32)
OPSIN_BIAS = 0.0037930732552754493
OPSIN_MATRIX = np.array(
    [
        [0.30, 0.622, 0.078],
        [0.23, 0.692, 0.078],
        [0.24342268924547819, 0.20476744424496821, 0.55180986650955360],
    ]
)
# From the cube roots of the cones' responses to X, Y and B, and what is added to make these positive.
XYB_MATRIX = np.array([[7, -7, 0], [0.5, 0.5, 0], [-0.5, -0.5, 1]])
XYB_OFFSET = np.array([0.42, 0.01, 0.55])
POLYNOMIAL = (0.0, 2.326765642916932, -0.020884521182843837, 6.248496625763138e-05)
SUM_SCALE, EXPONENT = 0.9562382616834844, 0.6276336467831387
# For each channel and scale: the weights of the 1-norms of one minus SSIM, artefacts and lost detail, then
# those of their 4-norms.
# fmt: off
WEIGHTS = (
    (  # X
        (0, 0.0007376606707406586, 0, 0, 0.0007793481682867309, 0),
        (0, 0.0004371155730107379, 0, 1.1041726426657346, 0.00066284834129271, 0.00015231632783718752),
        (0, 0.0016406437456599754, 0, 1.8422455520539298, 11.441172603757666, 0),
        (0.0007989109436015163, 0.000176816438078653, 0, 1.8787594979546387, 10.94906990605142, 0),
        (0.0007289346991508072, 0.9677937080626833, 0,
         0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053),
        (0.0004550992113792063, 0, 0, 0.0013648766163243398, 0, 0),
    ),
    (  # Y
        (0, 0, 0, 7.466890328078848, 0, 17.445833984131262),
        (0.0006235601634041466, 0, 0, 6.683678146179332, 0.00037724407979611296, 1.027889937768264),
        (225.20515300849274, 0, 0, 19.213238186143016, 0.0011401524586618361, 0.001237755635509985),
        (176.39317598450694, 0, 0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408),
        (0, 0, 0, 34.77906344483772, 44.835625328877896, 0),
        (0, 0, 0, 0, 0, 0),
    ),
    (  # B
        (0, 0.0008680556573291698, 0, 0, 0, 0),
        (0, 0.0005313191874358747, 0, 0.00016533814161379112, 0, 0),
        (0, 0, 0, 0.0004179171803251336, 0.0017290828234722833, 0),
        (0.0020827005846636437, 0, 0, 8.826982764996862, 23.19243343998926, 0),
        (95.1080498811086, 0.9863978034400682, 0.9834382792465353,
         0.0012286405048278493, 171.2667255897307, 0.9807858872435379),
        (0, 0, 0, 0.0005130064588990679, 0, 0.00010854057858411537),
    ),
)
# fmt: on


def ssimulacra2(reference_uint8: NDArray[np.uint8], other_uint8: NDArray[np.uint8]) -> float:
    """Measure the SSIMULACRA 2 score.

    Args:
        reference_uint8: (H, W, 3), sRGB, sides of at least `MIN_PX`.
        other_uint8: the same shape.

    Returns:
        100 for equal pictures; about 90 is visually lossless, 70 high, 50 medium and 30 low quality. Bad
        pictures score below zero.

    Example:
        >>> image = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
        >>> ssimulacra2(image, image)
        100.0
    """
    a, b = _LINEAR[reference_uint8], _LINEAR[other_uint8]
    norms: list[Floats] = []
    while len(norms) < NUM_SCALES and min(a.shape[:2]) >= MIN_PX:
        norms.append(_norms(a, b))
        a, b = halve(a), halve(b)
    # A small picture has fewer scales. As in the original, it then takes the first weights of the list, not
    # those of its own channel and scale.
    values = np.stack(norms, axis=1).ravel()  # channel, scale, norm
    weights = np.ravel(WEIGHTS)[: values.size]
    distance = np.polynomial.Polynomial(POLYNOMIAL)(SUM_SCALE * float(weights @ values))
    return 100.0 - 10.0 * max(float(distance), 0.0) ** EXPONENT


def _norms(a: Floats, b: Floats) -> Floats:
    """Return (3, 6): for each channel of XYB the 1-norms of the three maps, then their 4-norms."""
    height, width, _ = a.shape
    one, four = np.zeros((3, 3)), np.zeros((3, 3))
    for top in range(0, height, _BAND_ROWS):
        first, end = max(0, top - _RADIUS_PX), min(height, top + _BAND_ROWS + _RADIUS_PX)
        maps = _maps(_to_xyb(a[first:end]), _to_xyb(b[first:end]))
        maps = maps[:, top - first : top - first + _BAND_ROWS]
        squares = np.square(maps)
        one += maps.sum(axis=(1, 2))
        four += np.square(squares, out=squares).sum(axis=(1, 2))
    return np.concatenate([one / (height * width), (four / (height * width)) ** 0.25]).T


def _to_xyb(linear: Floats) -> Floats:
    """Convert linear RGB to XYB, shifted and scaled to be positive."""
    mixed = linear.astype(np.float64) @ OPSIN_MATRIX.T + OPSIN_BIAS
    cones = np.cbrt(np.maximum(mixed, 0)) - np.cbrt(OPSIN_BIAS)
    xyb: Floats = cones @ XYB_MATRIX.T + XYB_OFFSET
    return xyb


def _maps(a: Floats, b: Floats) -> Floats:
    """Return (3, H, W, 3): one minus SSIM, artefacts and lost detail of XYB pictures."""
    mean_a, mean_b = _blur(a), _blur(b)
    covariance = _blur(a * b) - mean_a * mean_b
    # Squares of means are added first: then both sums are exactly equal for equal pictures.
    variances = _blur(a * a + b * b) - (mean_a * mean_a + mean_b * mean_b)
    structure = (2 * covariance + C2) / (variances + C2)
    dissimilarity = np.maximum(1 - (1 - (mean_a - mean_b) ** 2) * structure, 0)
    added = (1 + np.abs(b - mean_b)) / (1 + np.abs(a - mean_a)) - 1
    return np.stack([dissimilarity, np.maximum(added, 0), np.maximum(-added, 0)])


def _blur(image: Floats) -> Floats:
    """Blur with a Gaussian; outside the picture all is zero."""
    for axis in (0, 1):
        margins = [(_RADIUS_PX, _RADIUS_PX) if k == axis else (0, 0) for k in range(3)]
        padded, length = np.pad(image, margins), image.shape[axis]
        image = np.zeros_like(image)
        for k, weight in enumerate(WINDOW):
            image += weight * (padded[k : k + length] if axis == 0 else padded[:, k : k + length])
    return image
