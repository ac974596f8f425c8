"""The float graphs that a decoder or encoder runs, as functional models of one shape of call.

One graph serves every quality, which enters as a plane (1, H, W, 1). The codec applies all factors itself.
"""

import keras
from keras import layers

from compressor.models.flagship.model import Flagship
from compressor.models.flagship.synthesis_gradient import filter_gradient_graph, synthesis_gradient_graph
from compressor.spec.constants import PIXEL_SCALE


def analysis_graph(model: Flagship) -> keras.Model:
    """Pixels - 128 (N, H, W, 3) -> coefficients (N, H/16, W/16, C): the fixed transform alone."""
    pixels = layers.Input((None, None, 3))
    return keras.Model(pixels, model.lapped_analysis(pixels), name="analysis")


def synthesis_graph(model: Flagship) -> keras.Model:
    """Coefficients (N, h, w, C) -> pixels - 128 (N, 16 h, 16 w, 3): the fixed transform alone."""
    coefficients = layers.Input((None, None, model.channels))
    return keras.Model(coefficients, model.lapped_synthesis(coefficients), name="synthesis")


def network_graph(network: keras.Model, name: str) -> keras.Model:
    """[pixels - 128 (N, H, W, 3), quality plane] -> output of f or g, for pixels at their original scale."""
    pixels, plane = layers.Input((None, None, 3)), layers.Input((None, None, 1))
    scaled = layers.Concatenate()([layers.Rescaling(1 / PIXEL_SCALE)(pixels), plane])
    return keras.Model([pixels, plane], network(scaled), name=name)


def deployment_graphs(model: Flagship) -> dict[str, keras.Model]:
    """Return all float graphs by name."""
    networks = {}
    if model.transforms:
        # Apart from the fixed transform, which needs all of float32: an engine may run these in bfloat16.
        networks = {
            "correction": network_graph(model.correction, "correction"),
            "filter": network_graph(model.synthesis_filter, "filter"),
            "filter_gradient": filter_gradient_graph(model),
        }
    graphs = networks | {
        "analysis": analysis_graph(model),
        "synthesis": synthesis_graph(model),
        "synthesis_gradient": synthesis_gradient_graph(model),
        "hyper_analysis": model.hyper_analysis,
        "hyper_mean": model.hyper_mean,
    }
    return graphs | {f"mean_{k}": context for k, context in enumerate(model.mean_contexts)}
