"""The flagship's scale networks, rounded to integers for `compressor.entropy.exact`."""

import numpy as np

from compressor.entropy.exact import ExactContext, ExactHyper, ExactLayer
from compressor.entropy.integer_layers import EXACT_LIMIT
from compressor.layers.density import LOG_SCALE_STEP
from compressor.models.export_arrays import scale_index
from compressor.models.flagship.model import Flagship
from compressor.spec.constants import (
    ACTIVATION_MAX,
    ACTIVATION_STEPS,
    MAX_WEIGHT,
    SCALE_OF_MAGNITUDE,
    SIDE_MAX,
    SIDE_STEPS,
    TOP_INDEX,
)

# Avoids a division by zero for outputs without weights.
TINY = 1e-9


def rounded_layer(
    weights,
    bias,
    input_step: float = 1 / ACTIVATION_STEPS,
    input_max: int = ACTIVATION_MAX,
    output_steps: float = ACTIVATION_STEPS,
    maximum: int = ACTIVATION_MAX,
) -> ExactLayer:
    """Round a float layer to integers, each output with the finest scale that is allowed.

    Args:
        weights: (inputs, outputs) floats.
        bias: (knots, outputs) floats.
        input_step: value of one input unit.
        input_max: largest magnitude of an input, in units.
        output_steps: output units per 1.0.
        maximum: maximum of the output, in units.

    Raises:
        ValueError: if weights are too large for any scale.
    """
    weights = np.asarray(weights, np.float64) * input_step * output_steps
    # Half a unit of the output: the scaled sum is rounded down.
    bias = np.atleast_2d(np.asarray(bias, np.float64)) * output_steps + 0.5
    magnitudes = np.abs(weights)
    # Rounding adds up to half a unit to each weight.
    room = EXACT_LIMIT - 1 - (len(weights) * input_max + 1) / 2
    # Units of a sum per unit of the output.
    units = np.minimum(
        MAX_WEIGHT / np.maximum(magnitudes.max(0), TINY),
        room / (magnitudes.sum(0) * input_max + np.abs(bias).max(0)),
    )
    if units.min() < 1:
        raise ValueError("weights are too large for exact sums")
    return ExactLayer(
        matrix=np.rint(weights * units).astype(np.int8),
        bias=np.rint(bias * units).astype(np.int32),
        scale=(1 / units).astype(np.float32),
        maximum=maximum,
    )


def _matrix(layer) -> np.ndarray:
    """Convolution kernel (k, k, inputs, outputs) as (k * k * inputs, outputs)."""
    kernel = np.asarray(layer.kernel)
    return kernel.reshape(-1, kernel.shape[-1])


def rounded_hyper(model: Flagship) -> ExactHyper:
    """Convert the scale hyper-synthesis network."""
    first, second = (model.hyper_scale.get_layer(name) for name in ("first", "second"))
    return ExactHyper(
        (
            rounded_layer(_matrix(first), model.scale_bias.values, 1 / SIDE_STEPS, SIDE_MAX),
            rounded_layer(_matrix(second), second.bias),
        )
    )


def base_log_scale(model: Flagship, log_gain: np.ndarray) -> np.ndarray:
    """Return the logarithm of the scale before any context, (knots, C)."""
    magnitude = np.asarray(model.magnitude, np.float64)
    return np.log(SCALE_OF_MAGNITUDE * magnitude) + log_gain + np.asarray(model.log_scale_offset.values)


def rounded_contexts(model: Flagship, log_gain: np.ndarray) -> tuple[ExactContext, ...]:
    """Convert the scale context networks; the last layer's bias holds the dependence on quality."""
    base = scale_index(base_log_scale(model, log_gain))
    contexts = []
    for p, network in zip(model.passes, model.scale_contexts, strict=True):
        features, hidden, outputs = (network.get_layer(n) for n in ("features", "hidden", "outputs"))
        first = _matrix(features)
        if p.seen:
            first = np.concatenate([_matrix(network.get_layer("window")), first])
        bias = np.asarray(outputs.bias) / LOG_SCALE_STEP + base[:, p.low : p.high]
        contexts.append(
            ExactContext(
                (
                    rounded_layer(first, features.bias),
                    rounded_layer(_matrix(hidden), hidden.bias),
                    rounded_layer(
                        _matrix(outputs) / LOG_SCALE_STEP, bias, output_steps=1.0, maximum=TOP_INDEX
                    ),
                )
            )
        )
    return tuple(contexts)
