"""The error of decoded pictures, in bits, estimated from some of the pixels."""

import numpy as np
from numpy.typing import NDArray

from compressor.coding.area import Area
from compressor.coding.objectives import OBJECTIVES, weighted_squared_error
from compressor.images.pixels import Pixels
from compressor.images.psnr import squared_error
from compressor.spec.arrays import Floats, extended
from compressor.spec.constants import PIXEL_OFFSET

# Side of the parts, in pixels, that a picture is cut into.
PART_PX = 768
# Largest number of parts whose error is computed, since SSIMULACRA 2 takes longer than decoding.
MAX_PARTS = 2
# `Ssimulacra2Distance` needs sides that are divisible by this.
_MULTIPLE_PX = 16


class PictureError:
    """The error of decoded pictures in the metric that a model was trained for, weighted by lambda.

    It is computed in the parts where a first decoded picture differs most from the original, and extrapolated
    by the squared error, which is known everywhere. Hidden pixels have no error.

    Args:
        pixels: the original.
        decoded_uint8: a first decoded picture, (H, W, 3), by which the parts are chosen.
        metric: see `ModelRuntime`; squared error is used for metrics that are not in `OBJECTIVES`.
        weight: lambda, in bits per pixel and squared 8-bit level.

    Example:
        >>> image = np.full((20, 30, 3), 100, np.uint8)
        >>> error = PictureError(Pixels(image, image, None), image + np.uint8(1), "mse", weight=0.5)
        >>> error(image), round(error(image + np.uint8(2)))
        (0.0, 1200)
    """

    def __init__(self, pixels: Pixels, decoded_uint8: NDArray[np.uint8], metric: str, weight: float) -> None:
        self._pixels, self._weight = pixels, np.asarray(weight, np.float32)
        image_uint8, decoded_uint8 = pixels.image_uint8, pixels.with_hidden(decoded_uint8)
        error = OBJECTIVES[metric].error if metric in OBJECTIVES else weighted_squared_error
        parts = list(Area(0, 0, *image_uint8.shape[:2]).cut(PART_PX))
        squares = [squared_error(decoded_uint8[part.slices], image_uint8[part.slices]) for part in parts]
        worst = [parts[k] for k in np.argsort(squares)[: -MAX_PARTS - 1 : -1]]
        self._parts = [(part, error(_prepared(image_uint8[part.slices]), self._weight)) for part in worst]

    def __call__(self, decoded_uint8: NDArray[np.uint8]) -> float:
        """Return the error of a decoded picture (H, W, 3), in bits."""
        image_uint8, decoded_uint8 = self._pixels.image_uint8, self._pixels.with_hidden(decoded_uint8)
        total = squared_error(decoded_uint8, image_uint8)
        errors, squares = 0.0, 0
        for part, error in self._parts:
            decoded = decoded_uint8[part.slices]
            prepared = _prepared(decoded)
            value, _ = error(prepared)
            errors += value * decoded.size / prepared.size
            squares += squared_error(decoded, image_uint8[part.slices])
        return errors * total / squares if squares else float(self._weight) * total / 3


def _prepared(pixels_uint8: NDArray[np.uint8]) -> Floats:
    """Return pixels minus 128, extended to a size that `Ssimulacra2Distance` accepts."""
    height, width, _ = pixels_uint8.shape
    wide = extended(pixels_uint8, -height % _MULTIPLE_PX, -width % _MULTIPLE_PX, "edge")
    return np.subtract(wide, PIXEL_OFFSET, dtype=np.float32)
