"""SSIMULACRA 2's distance and its gradient, for an encoder that lowers it.

The distance is what the score is computed from; see `compressor.images.ssimulacra2`. Weights below 0.01 are
left out, as in training (`training.ssimulacra2`, which needs Keras).
"""

import numpy as np
from numpy.typing import NDArray

from compressor.images.pyramid import halve
from compressor.images.srgb import linear, linear_derivative
from compressor.images.ssimulacra2 import (
    C2,
    NUM_SCALES,
    OPSIN_BIAS,
    OPSIN_MATRIX,
    POLYNOMIAL,
    SUM_SCALE,
    WEIGHTS,
    WINDOW,
    XYB_MATRIX,
    XYB_OFFSET,
)
from compressor.spec.arrays import Floats

_KERNEL = WINDOW.astype(np.float32)
_RADIUS_PX = len(_KERNEL) // 2
# Rows that are blurred at once: few enough to stay in the processor's cache.
_BAND_ROWS = 64
_CONES = OPSIN_MATRIX.astype(np.float32)
_XYB, _OFFSET = XYB_MATRIX.astype(np.float32), XYB_OFFSET.astype(np.float32)


def _large_weights() -> tuple[dict[str, NDArray[np.float64]], ...]:
    """Return the weights from 0.01 on, by scale (finest first) and channel of XYB, each (2, 3).

    They are those of the mean and of the 4-norm of the three maps. Channels and scales without any such
    weight are left out.
    """
    weights = np.array(WEIGHTS).reshape(3, NUM_SCALES, 2, 3)
    weights[weights < 0.01] = 0
    scales = weights[:, weights.any(axis=(0, 2, 3))].transpose(1, 0, 2, 3)
    return tuple({name: w for name, w in zip("XYB", scale, strict=True) if w.any()} for scale in scales)


# The weights that matter and, since the slope of a root is infinite at zero, what is added to means of fourth
# powers and the least response of a cone.
LARGE_WEIGHTS = _large_weights()
SMALLEST = 1e-16
LEAST_LIGHT = 1e-4
# Larger sums are outside the range that the polynomial was fitted to.
LARGEST_SUM = 100.0


class Ssimulacra2Distance:
    """The distance of pictures from one original.

    Args:
        original: (H, W, 3) floats 0..1, sRGB, H and W divisible by 16.

    Example:
        >>> original = np.full((32, 32, 3), 0.5, np.float32)
        >>> distance, gradient = Ssimulacra2Distance(original)(original + np.float32(0.01))
        >>> distance > 0 and gradient.shape == original.shape
        True
    """

    def __init__(self, original: Floats) -> None:
        lights = _at_all_scales(linear(np.clip(original, 0, 1)))
        self._scales = [_Scale(*each) for each in zip(lights, LARGE_WEIGHTS, strict=True)]

    def __call__(self, picture: Floats) -> tuple[float, Floats]:
        """Return the distance of a picture, of the same shape, and its gradient."""
        seen = np.clip(picture, 0, 1)
        total, gradients = 0.0, []
        for scale, light in zip(self._scales, _at_all_scales(linear(seen)), strict=True):
            norms, gradient = scale(light)
            total += norms
            gradients.append(gradient)
        # From coarse to fine: a pixel of the next scale is the mean of four.
        back = gradients.pop()
        while gradients:
            back = gradients.pop() + back.repeat(2, axis=0).repeat(2, axis=1) / np.float32(4)
        total = min(SUM_SCALE * total, LARGEST_SUM)
        polynomial = np.polynomial.Polynomial(POLYNOMIAL)
        slope = SUM_SCALE * float(polynomial.deriv()(total)) * (total < LARGEST_SUM)
        back *= linear_derivative(seen) * (seen == picture) * np.float32(slope)
        return float(polynomial(total)), back


def _at_all_scales(light: Floats) -> list[Floats]:
    """Return a picture at each scale that counts, finest first."""
    lights = [light]
    while len(lights) < len(LARGE_WEIGHTS):
        lights.append(halve(lights[-1]))
    return lights


class _Scale:
    """The weighted norms of one scale, and their gradient."""

    def __init__(self, light: Floats, weights: dict[str, NDArray[np.float64]]) -> None:
        self._weights = np.array(list(weights.values()))
        self._channels = ["XYB".index(name) for name in weights]
        self._x = self._xyb(_cones(light))
        self._mean = _blur(self._x)
        self._energy = _blur(self._x**2) - self._mean**2 + np.float32(C2)
        self._contrast = 1 + np.abs(self._x - self._mean)

    def _xyb(self, cones: Floats) -> Floats:
        """Return the channels that count, (C, H, W), of cube roots (H, W, 3)."""
        xyb = cones @ _XYB[self._channels].T + _OFFSET[self._channels]
        return np.ascontiguousarray(xyb.transpose(2, 0, 1))

    def __call__(self, light: Floats) -> tuple[float, Floats]:
        """Return the sum of the norms, and its gradient (H, W, 3), for linear RGB."""
        cones = _cones(light)
        x, mx, y = self._x, self._mean, self._xyb(cones)
        my, squares, products = _blur(y), _blur(y * y), _blur(x * y)
        structure = 2 * (products - mx * my) + np.float32(C2)
        energy = self._energy + squares - my * my
        shift = mx - my
        luminance, ratio = 1 - shift * shift, structure / energy
        detail = y - my
        edge = (1 + np.abs(detail)) / self._contrast - 1
        maps = (1 - luminance * ratio, edge, -edge)

        total, slopes = 0.0, []
        for k, values in enumerate(maps):
            each, slope = _norms(np.maximum(values, 0), self._weights[:, :, k])
            total += each
            slopes.append(slope)
        of_error, of_added, of_lost = slopes

        # d error = -ratio d luminance - luminance d ratio
        of_structure = -of_error * luminance / energy
        of_energy = -of_structure * ratio
        of_products = 2 * of_structure
        of_detail = (of_added - of_lost) * np.sign(detail) / self._contrast
        of_mean = -2 * (of_error * ratio * shift + of_structure * mx + of_energy * my) - of_detail
        back = of_detail + _blur(of_mean) + 2 * y * _blur(of_energy) + x * _blur(of_products)

        of_cones = back.transpose(1, 2, 0) @ _XYB[self._channels]
        return total, (of_cones * _cones_slope(cones)) @ _CONES


def _norms(values: Floats, weights: NDArray[np.float64]) -> tuple[float, Floats]:
    """Return the weighted sum of the means and 4-norms of maps (C, H, W) >= 0, and its gradient.

    Args:
        values: the maps.
        weights: (C, 2).
    """
    count = values[0].size
    squares = values * values
    fourth = np.einsum("chw,chw->c", squares, squares, dtype=np.float64) / count + SMALLEST
    mean = values.mean(axis=(1, 2), dtype=np.float64)
    total = float(weights[:, 0] @ mean + weights[:, 1] @ fourth**0.25)
    flat, steep = weights[:, 0] / count, weights[:, 1] * fourth**-0.75 / count
    gradient = steep.astype(np.float32)[:, None, None] * (squares * values)
    gradient += flat.astype(np.float32)[:, None, None] * (values > 0)
    return total, gradient


def _blur(maps: Floats) -> Floats:
    """Blur (C, H, W) with a Gaussian; outside the picture all is zero. The blur is its own adjoint."""
    margin = _RADIUS_PX, _RADIUS_PX
    padded, blurred = np.pad(maps, ((0, 0), margin, margin)), np.empty_like(maps)
    for top in range(0, maps.shape[1], _BAND_ROWS):
        band = padded[:, top : top + _BAND_ROWS + 2 * _RADIUS_PX]
        across = _blur_last_axis(_blur_last_axis(band.swapaxes(1, 2)).swapaxes(1, 2))
        blurred[:, top : top + _BAND_ROWS] = across
    return blurred


def _blur_last_axis(maps: Floats) -> Floats:
    """Blur along the last axis, which loses the kernel's radius at both ends."""
    length = maps.shape[2] - 2 * _RADIUS_PX
    shifted = [maps[..., k : k + length] for k in range(len(_KERNEL))]
    blurred = _KERNEL[_RADIUS_PX] * shifted[_RADIUS_PX]
    for k in range(_RADIUS_PX):
        # The kernel is symmetric.
        pair = shifted[k] + shifted[-1 - k]
        pair *= _KERNEL[k]
        blurred += pair
    return blurred


def _cones(light: Floats) -> Floats:
    """Return the cube roots of the responses of the three cones to linear RGB (H, W, 3)."""
    responses = light @ _CONES.T + np.float32(OPSIN_BIAS)
    return np.cbrt(np.maximum(responses, np.float32(LEAST_LIGHT))) - np.float32(np.cbrt(OPSIN_BIAS))


def _cones_slope(cones: Floats) -> Floats:
    """Return the derivative of `_cones` with respect to the responses."""
    roots = cones + np.float32(np.cbrt(OPSIN_BIAS))
    return np.where(roots > np.cbrt(LEAST_LIGHT), 1 / (3 * roots * roots), np.float32(0))
