"""The flagship's scale networks in fixed point, for `compressor.entropy.exact`."""

import numpy as np

from compressor.entropy.exact import EXACT_LIMIT, ExactContext, ExactHyper, ExactLayer
from compressor.layers.density import LOG_SCALE_STEP
from compressor.models.export_arrays import scale_index
from compressor.models.flagship.model import Flagship
from compressor.spec.constants import (
    ACTIVATION_MAX,
    ACTIVATION_STEPS,
    SCALE_OF_MAGNITUDE,
    SIDE_MAX,
    SIDE_STEPS,
    TOP_INDEX,
)

MAX_SHIFT = 20


def fixed_layer(
    weights,
    bias,
    input_step: float = 1 / ACTIVATION_STEPS,
    input_max: int = ACTIVATION_MAX,
    output_steps: float = ACTIVATION_STEPS,
    maximum: int = ACTIVATION_MAX,
) -> ExactLayer:
    """Round a float layer to integers, each output with the largest scale that stays exact.

    Args:
        weights: (inputs, outputs) floats.
        bias: (knots, outputs) floats.
        input_step: value of one input unit.
        input_max: largest magnitude of an input, in units.
        output_steps: output units per 1.0.
        maximum: maximum of the output, in units.

    Raises:
        ValueError: if a row is too large for any scale.
    """
    weights = np.asarray(weights, np.float64) * input_step * output_steps
    bias = np.atleast_2d(np.asarray(bias, np.float64)) * output_steps
    for_shift = {}
    for shift in range(MAX_SHIFT + 1):
        w = np.rint(weights * 2.0**shift)
        # Half of the last place: the shift that follows rounds down.
        b = np.rint(bias * 2.0**shift) + (2 ** (shift - 1) if shift else 0)
        fits = np.abs(w).sum(0) * input_max + np.abs(b).max(0) < EXACT_LIMIT
        for_shift[shift] = (w, b, fits)
    shifts = np.stack([fits for _, _, fits in for_shift.values()]).cumprod(0).sum(0) - 1
    if shifts.min() < 0:
        raise ValueError("weights are too large for exact float32 sums")
    columns = range(weights.shape[1])
    return ExactLayer(
        weights=np.stack([for_shift[shifts[c]][0][:, c] for c in columns], 1).astype(np.float32),
        bias=np.stack([for_shift[shifts[c]][1][:, c] for c in columns], 1).astype(np.int32),
        shift=shifts.astype(np.int32),
        maximum=maximum,
    )


def _matrix(layer) -> np.ndarray:
    """Convolution kernel (k, k, inputs, outputs) as (k * k * inputs, outputs)."""
    kernel = np.asarray(layer.kernel)
    return kernel.reshape(-1, kernel.shape[-1])


def fixed_hyper(model: Flagship) -> ExactHyper:
    """Convert the scale hyper-synthesis network."""
    first, second = (model.hyper_scale.get_layer(name) for name in ("first", "second"))
    return ExactHyper(
        (
            fixed_layer(_matrix(first), model.scale_bias.values, 1 / SIDE_STEPS, SIDE_MAX),
            fixed_layer(_matrix(second), second.bias),
        )
    )


def base_log_scale(model: Flagship, log_gain: np.ndarray) -> np.ndarray:
    """Return the logarithm of the scale before any context, (knots, C)."""
    magnitude = np.asarray(model.magnitude, np.float64)
    return np.log(SCALE_OF_MAGNITUDE * magnitude) + log_gain + np.asarray(model.log_scale_offset.values)


def fixed_contexts(model: Flagship, log_gain: np.ndarray) -> tuple[ExactContext, ...]:
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
                    fixed_layer(first, features.bias),
                    fixed_layer(_matrix(hidden), hidden.bias),
                    fixed_layer(_matrix(outputs) / LOG_SCALE_STEP, bias, output_steps=1.0, maximum=TOP_INDEX),
                )
            )
        )
    return tuple(contexts)
