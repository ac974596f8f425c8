"""Models rebuilt in another configuration, with the weights of a trained model."""

import keras
import numpy as np
from keras import layers

from compressor.layers import EightBits
from compressor.models.flagship.model import Flagship
from compressor.models.registry import build_model


def rebuilt(trained: keras.Model, config: dict) -> keras.Model:
    """Return a model of a configuration, with the weights of a trained model and without an optimizer.

    Args:
        trained: model to copy from; not changed.
        config: configuration of `trained`; only options that add no weights, and those of the filter, may
            differ. A filter of the same width may have more blocks; they come after the old ones and, in
            floating point, start as the identity. Quantisation steps that `trained` does not have need
            `fit_eight_bits`. A filter of another width, or with fewer blocks, starts as the identity.
    """
    model = build_model(trained.family, **config)
    model.build()
    old, new = _outside_filter(trained), _outside_filter(model)
    for value, target in [*zip(old, new, strict=True), *_filter_pairs(trained, model)]:
        target.assign(np.asarray(value))
    return model


def _outside_filter(model: keras.Model) -> list[keras.Variable]:
    filter_ids = {id(variable) for layer in _filter_layers(model) for variable in layer.weights}
    return [variable for variable in model.weights if id(variable) not in filter_ids]


def _filter_pairs(trained: keras.Model, model: keras.Model) -> list[tuple[keras.Variable, keras.Variable]]:
    """Pair the variables of a trained filter with those that take over their values."""
    convolutions = (layers.Conv2D, layers.Conv2DTranspose)
    if trained.config.get("filter_width") != model.config.get("filter_width"):
        return []
    if trained.config.get("filter_blocks", 0) > model.config.get("filter_blocks", 0):
        return []
    pairs = []
    for kinds in (convolutions, EightBits):
        old, new = (_filter_weights(each, kinds) for each in (trained, model))
        if old and new:
            # The last layer, with two variables, comes after all blocks.
            pairs += zip(old, [*new[: len(old) - 2], *new[-2:]], strict=True)
    return pairs


def _filter_weights(model: keras.Model, kinds: type | tuple[type, ...]) -> list[keras.Variable]:
    chosen = (layer for layer in _filter_layers(model) if isinstance(layer, kinds))
    return [variable for layer in chosen for variable in layer.weights]


def _filter_layers(model: keras.Model) -> list[layers.Layer]:
    """Return the layers of a flagship's synthesis filter; other models have none."""
    return model.synthesis_filter.layers if isinstance(model, Flagship) else []
