"""Initial quantisation parameters of an 8-bit synthesis filter, calibrated on a floating-point one."""

import keras
import numpy as np
from keras import ops

from compressor.layers import EightBits
from compressor.models.flagship.model import Flagship
from training.errors import TrainingError

# Clipping 1 activation in 100,000 at each end allows a finer quantisation step for all others.
PERCENTILE = 99.999


def fit_eight_bits(trained: Flagship, model: Flagship, inputs: dict[str, np.ndarray]) -> None:
    """Calibrate an 8-bit filter's steps and zero points on the floating-point filter with the same weights.

    Args:
        trained: flagship with a floating-point filter.
        model: the same flagship with an 8-bit filter.
        inputs: sample pictures: {"images": (N, H, W, 3) floats 0..1, "quality": (N,) floats 0..1}.

    Raises:
        TrainingError: if the filter has not been trained, so that the ranges of its values are unknown.
    """
    network = trained.synthesis_filter
    # The network's input and the outputs of all its layers are rounded.
    probe = keras.Model(network.inputs, [layer.output for layer in network.layers])
    quality = inputs["quality"]
    decoded = trained.coded_without_filter(inputs["images"], quality)
    activations = probe(trained.network_inputs(decoded, quality))
    rounding = [layer for layer in model.synthesis_filter.layers if isinstance(layer, EightBits)]
    for layer, values in zip(rounding, activations, strict=True):
        low, high = np.percentile(
            ops.convert_to_numpy(ops.cast(values, "float32")), [100 - PERCENTILE, PERCENTILE]
        )
        if low == high == 0:
            raise TrainingError(f"{layer.name} received only zeros: train the filter in floating point first")
        layer.fit(min(low, 0.0), max(high, 1e-3))
