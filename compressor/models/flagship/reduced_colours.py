"""The change of tone by the synthesis filter, measured, since reduced pictures are made without it."""

from collections.abc import Iterable

import numpy as np
from keras import ops

from compressor.models.flagship.model import Flagship
from compressor.spec.constants import SIDE_PX
from compressor.spec.quality import NUM_KNOTS

# Width of the squares whose means are compared, in pixels.
_SQUARE = 8


def _means(pixels) -> np.ndarray:
    """Return the colours of all squares of a picture (1, H, W, 3), (squares, 3)."""
    _, height, width, _ = pixels.shape
    squares = np.reshape(pixels, (height // _SQUARE, _SQUARE, width // _SQUARE, _SQUARE, 3))
    return squares.mean(axis=(1, 3)).reshape(-1, 3)


def measure_reduced_colours(model: Flagship, images: Iterable[np.ndarray]) -> None:
    """Set a model's maps from colours before the synthesis filter to colours after it, by least squares.

    Args:
        model: trained.
        images: (H, W, 3) uint8; each is coded at the quality of one knot, in turn. Pictures smaller than 64
            pixels are left out. A knot without pictures keeps its map.
    """
    before: list[list[np.ndarray]] = [[] for _ in range(NUM_KNOTS)]
    after: list[list[np.ndarray]] = [[] for _ in range(NUM_KNOTS)]
    for number, image in enumerate(images):
        height, width = (n // SIDE_PX * SIDE_PX for n in image.shape[:2])
        if not height * width:
            continue
        knot = number % NUM_KNOTS
        quality = np.array([knot / (NUM_KNOTS - 1)], np.float32)
        pictures = image[None, :height, :width].astype(np.float32) / 255
        unfiltered = model.coded_without_filter(pictures, quality)
        before[knot].append(_means(ops.convert_to_numpy(unfiltered)))
        after[knot].append(_means(ops.convert_to_numpy(model.filter(unfiltered, quality))))
    maps = np.asarray(model.reduced_colours.values).copy()
    for knot, pairs in enumerate(zip(before, after, strict=True)):
        if pairs[0]:
            inputs, outputs = map(np.concatenate, pairs)
            inputs = np.pad(inputs, ((0, 0), (0, 1)), constant_values=1)
            maps[knot] = np.linalg.lstsq(inputs, outputs, rcond=None)[0].ravel()
    model.reduced_colours.values.assign(maps)
