"""Decoded pictures as the synthesis filter of a flagship receives them."""

from functools import partial

import numpy as np
from keras import ops

from compressor.models.flagship.model import Flagship


def decode(flagship: Flagship, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """Encode and decode pictures without the filter.

    Args:
        flagship: trained.
        inputs: {"images": (N, H, W, 3) floats 0..1, "quality": (N,) floats 0..1}.

    Returns:
        (N, H, W, 3) pixels - 128.
    """
    images, quality = inputs["images"], inputs["quality"]
    latents = flagship.analyse(images, quality)
    latents, _ = flagship.code(latents, quality, partial(flagship.quantise, training=False))
    return ops.convert_to_numpy(flagship.unfiltered(latents, quality))
