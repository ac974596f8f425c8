"""The error of decoded pictures, in bits, estimated on a part of the pixels."""

import numpy as np
from numpy.typing import NDArray

from compressor.coding.area import Area
from compressor.coding.objectives import OBJECTIVES, weighted_squared_error
from compressor.images.psnr import squared_error
from compressor.spec.arrays import Floats, extended
from compressor.spec.constants import PIXEL_OFFSET

# Side of the parts, in pixels, that a picture is cut into.
PART_PX = 768
# Number of parts whose error is computed: SSIMULACRA 2 takes longer than decoding.
MAX_PARTS = 2
# Sides of pictures must be divisible by this for SSIMULACRA 2.
_MULTIPLE_PX = 16


class PictureError:
    """The error of decoded pictures, weighted by lambda, by the metric that a model was trained for.

    It is computed in the parts where a first decoded picture differs most from the original, and extrapolated
    by the squared error, which is known everywhere.

    Args:
        image_uint8: the original, (H, W, 3).
        decoded_uint8: a decoded picture, which chooses the parts.
        metric: see `ModelRuntime`; for metrics that refinement does not know, it is the squared error.
        weight: lambda, in bits per pixel and squared 8-bit level.

    Example:
        >>> image = np.full((20, 30, 3), 100, np.uint8)
        >>> error = PictureError(image, image + np.uint8(1), "mse", weight=0.5)
        >>> error(image), round(error(image + np.uint8(2)))
        (0.0, 1200)
    """

    def __init__(
        self, image_uint8: NDArray[np.uint8], decoded_uint8: NDArray[np.uint8], metric: str, weight: float
    ) -> None:
        self._image_uint8, self._weight = image_uint8, np.asarray(weight, np.float32)
        error = OBJECTIVES[metric].error if metric in OBJECTIVES else weighted_squared_error
        parts = list(Area(0, 0, *image_uint8.shape[:2]).cut(PART_PX))
        squares = [squared_error(decoded_uint8[part.slices], image_uint8[part.slices]) for part in parts]
        worst = [parts[k] for k in np.argsort(squares)[: -MAX_PARTS - 1 : -1]]
        self._parts = [(part, error(_prepared(image_uint8[part.slices]), self._weight)) for part in worst]

    def __call__(self, decoded_uint8: NDArray[np.uint8]) -> float:
        """Return the error of a decoded picture (H, W, 3), in bits."""
        total = squared_error(decoded_uint8, self._image_uint8)
        errors, squares = 0.0, 0
        for part, error in self._parts:
            decoded = decoded_uint8[part.slices]
            pixels = _prepared(decoded)
            value, _ = error(pixels)
            errors += value * decoded.size / pixels.size
            squares += squared_error(decoded, self._image_uint8[part.slices])
        return errors * total / squares if squares else float(self._weight) * total / 3


def _prepared(pixels_uint8: NDArray[np.uint8]) -> Floats:
    """Return pixels minus 128, extended to a size that SSIMULACRA 2 accepts."""
    height, width, _ = pixels_uint8.shape
    wide = extended(pixels_uint8, -height % _MULTIPLE_PX, -width % _MULTIPLE_PX, "edge")
    return np.subtract(wide, PIXEL_OFFSET, dtype=np.float32)
