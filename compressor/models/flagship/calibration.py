"""Values that are measured on sample pictures at export, instead of trained.

Gradients move the scales of the side information too slowly to follow the networks. Reduced pictures are made
without the synthesis filter, so its change of tone is measured.
"""

from collections.abc import Iterable
from itertools import cycle

import numpy as np
from keras import ops

from compressor.layers import logistic_bits
from compressor.layers.density import LOG_SCALE_STEP
from compressor.models.flagship.model import Flagship
from compressor.spec.constants import NUM_SCALES, SCALE_MIN, SIDE_MAX, SIDE_PX
from compressor.spec.quality import NUM_KNOTS, TOP_LEVEL

# Width of the squares whose means are compared, in pixels.
_SQUARE = 8


def cut(image: np.ndarray) -> np.ndarray:
    """Return a picture (H, W, 3) uint8 as (1, h, w, 3) floats 0..1, cut to multiples of 64 pixels."""
    height, width = (n // SIDE_PX * SIDE_PX for n in image.shape[:2])
    return image[None, :height, :width].astype(np.float32) / 255


def best_log_scales(counts: np.ndarray) -> np.ndarray:
    """Return the logarithm of the scale on the grid that codes each channel in the fewest bits, (S,).

    Args:
        counts: (S, SIDE_MAX + 1): number of occurrences of each magnitude.
    """
    log_scales = np.log(SCALE_MIN) + LOG_SCALE_STEP * np.arange(NUM_SCALES)
    magnitudes = np.arange(SIDE_MAX + 1, dtype=np.float32)
    bits = np.asarray(logistic_bits(magnitudes, np.exp(log_scales)[:, None].astype(np.float32)))
    return log_scales[np.argmin(counts @ bits.T, axis=1)]


def measure_side_scales(model: Flagship, images: Iterable[np.ndarray], levels: Iterable[int]) -> None:
    """Set a model's scales of side information to those that code sample pictures in the fewest bits.

    Args:
        model: trained.
        images: (H, W, 3) uint8, each side at least 64 pixels.
        levels: quality levels 0..396; each picture is analysed at one of them, in turn.
    """
    counts = np.zeros((model.log_side_scale.shape[0], SIDE_MAX + 1), np.int64)
    for image, level in zip(images, cycle(levels), strict=False):
        quality = np.array([level / TOP_LEVEL], np.float32)
        pictures = cut(image)
        side = np.rint(ops.convert_to_numpy(model.hyper_latents(model.analyse(pictures, quality), quality)))
        magnitudes = np.abs(side).astype(int).reshape(-1, len(counts))
        np.add.at(counts, (np.arange(len(counts)), magnitudes), 1)
    model.log_side_scale.assign(best_log_scales(counts))


def _means(pixels) -> np.ndarray:
    """Return the colours of all squares of a picture (1, H, W, 3), (squares, 3)."""
    _, height, width, _ = pixels.shape
    squares = np.reshape(pixels, (height // _SQUARE, _SQUARE, width // _SQUARE, _SQUARE, 3))
    return squares.mean(axis=(1, 3)).reshape(-1, 3)


def measure_reduced_colours(model: Flagship, images: Iterable[np.ndarray]) -> None:
    """Set a model's maps from colours before the synthesis filter to colours after it, by least squares.

    Args:
        model: trained.
        images: (H, W, 3) uint8, each side at least 64 pixels; each is coded at the quality of one knot, in
            turn. A knot without pictures keeps its map.
    """
    before: list[list[np.ndarray]] = [[] for _ in range(NUM_KNOTS)]
    after: list[list[np.ndarray]] = [[] for _ in range(NUM_KNOTS)]
    for number, image in enumerate(images):
        knot = number % NUM_KNOTS
        quality = np.array([knot / (NUM_KNOTS - 1)], np.float32)
        pictures = cut(image)
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
