"""Scales of the side information, measured: gradients move them too slowly to follow the networks."""

from collections.abc import Iterable
from itertools import cycle

import numpy as np
from keras import ops

from compressor.layers import logistic_bits
from compressor.layers.density import LOG_SCALE_STEP
from compressor.models.flagship.model import Flagship
from compressor.spec.constants import NUM_SCALES, SCALE_MIN, SIDE_MAX, SIDE_PX
from compressor.spec.quality import TOP_LEVEL


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
        images: (H, W, 3) uint8; pictures smaller than 64 pixels are left out.
        levels: quality levels 0..396; each picture is analysed at one of them, in turn.
    """
    counts = np.zeros((model.log_side_scale.shape[0], SIDE_MAX + 1), np.int64)
    for image, level in zip(images, cycle(levels), strict=False):
        height, width = (n // SIDE_PX * SIDE_PX for n in image.shape[:2])
        if not height * width:
            continue
        quality = np.array([level / TOP_LEVEL], np.float32)
        pictures = image[None, :height, :width].astype(np.float32) / 255
        side = np.rint(ops.convert_to_numpy(model.hyper_latents(model.analyse(pictures, quality), quality)))
        magnitudes = np.abs(side).astype(int).reshape(-1, len(counts))
        np.add.at(counts, (np.arange(len(counts)), magnitudes), 1)
    model.log_side_scale.assign(best_log_scales(counts))
