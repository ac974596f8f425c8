"""The float graphs that a decoder or encoder runs, as functional models of one shape of call.

Everything that depends on quality enters as an input, so that one graph serves every quality:
planes (1, H, W, 1) and per-channel factors (1, 1, 1, C), prepared by the codec.
"""

import keras
from keras import layers

from compressor.models.flagship.error_gradient import error_gradient_graph
from compressor.models.flagship.model import Flagship
from compressor.spec.constants import PIXEL_SCALE


def analysis_graph(model: Flagship) -> keras.Model:
    """[pixels - 128 (N, H, W, 3), quality plane, largest correction] -> coefficients (N, H/16, W/16, C)."""
    pixels, plane = layers.Input((None, None, 3)), layers.Input((None, None, 1))
    limit = layers.Input((1, 1, model.channels))
    outputs = model.lapped_analysis(pixels)
    inputs = [pixels, plane, limit]
    if model.transforms:
        scaled = layers.Concatenate()([layers.Rescaling(1 / PIXEL_SCALE)(pixels), plane])
        outputs = layers.Add()([outputs, layers.Multiply()([limit, model.analysis(scaled)])])
    return keras.Model(inputs, outputs, name="analysis")


def synthesis_graph(model: Flagship) -> keras.Model:
    """[coefficients (N, h, w, C), quality plane, filter's amplitude] -> pixels - 128 (N, 16 h, 16 w, 3)."""
    coefficients, plane = layers.Input((None, None, model.channels)), layers.Input((None, None, 1))
    amplitude = layers.Input((1, 1, 1))
    outputs = model.lapped_synthesis(coefficients)
    if model.transforms:
        scaled = layers.Concatenate()([layers.Rescaling(1 / PIXEL_SCALE)(outputs), plane])
        outputs = layers.Add()([outputs, layers.Multiply()([amplitude, model.synthesis(scaled)])])
    return keras.Model([coefficients, plane, amplitude], outputs, name="synthesis")


def deployment_graphs(model: Flagship) -> dict[str, keras.Model]:
    """Return all float graphs by name."""
    graphs = {
        "analysis": analysis_graph(model),
        "synthesis": synthesis_graph(model),
        "error_gradient": error_gradient_graph(model),
        "hyper_analysis": model.hyper_analysis,
        "hyper_mean": model.hyper_mean,
    }
    return graphs | {f"mean_{k}": context for k, context in enumerate(model.mean_contexts)}
