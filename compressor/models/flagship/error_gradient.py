"""The gradient of a decoded picture's error with respect to its coefficients, for the encoder."""

import keras
import numpy as np
from keras import layers, ops

from compressor.layers import LappedSynthesisGradient, ReluGradient
from compressor.models.flagship.model import Flagship
from compressor.spec.constants import PIXEL_SCALE


def _with_kernel(layer: keras.layers.Layer, kernel: np.ndarray, inputs: int) -> keras.layers.Layer:
    layer.build((None, None, None, inputs))
    layer.kernel.assign(kernel)
    return layer


def _through_convolution(layer: layers.Conv2D) -> layers.Conv2D:
    """Return the adjoint of a 'same' convolution of stride 1, which takes gradients back through it."""
    kernel = ops.convert_to_numpy(layer.kernel)[::-1, ::-1].transpose(0, 1, 3, 2)
    size, _, inputs, outputs = kernel.shape
    return _with_kernel(layers.Conv2D(outputs, size, padding="same"), kernel, inputs)


def _before_filter(
    synthesis: keras.Model,
    decoded: keras.KerasTensor,
    plane: keras.KerasTensor,
    amplitude: keras.KerasTensor,
    original: keras.KerasTensor,
) -> keras.KerasTensor:
    """Half the gradient of the squared error with respect to the input of the filter g."""
    convolutions = (layers.Conv2D, layers.Conv2DTranspose)
    stem, *middle, last = (layer for layer in synthesis.layers if isinstance(layer, convolutions))
    blocks = list(zip(middle[::2], middle[1::2], strict=True))
    x = first = stem(layers.Concatenate()([layers.Rescaling(1 / PIXEL_SCALE)(decoded), plane]))
    hidden = []
    for a, b in blocks:
        hidden.append(a(x))
        x = layers.Add()([x, b(hidden[-1])])
    filtered = layers.Add()([decoded, layers.Multiply()([amplitude, last(x)])])
    error = layers.Subtract()([filtered, original])

    width, size, stride = stem.filters, stem.kernel_size[0], stem.strides[0]
    before_last = layers.Conv2D(width, size, stride, padding="same")
    _with_kernel(before_last, ops.convert_to_numpy(last.kernel), 3)
    # The plane of quality, the stem's fourth channel, has no use for a gradient.
    before_stem = layers.Conv2DTranspose(3, size, stride, padding="same")
    _with_kernel(before_stem, ops.convert_to_numpy(stem.kernel)[:, :, :3], width)

    back = before_last(layers.Multiply()([amplitude, error]))
    for (a, b), active in zip(reversed(blocks), reversed(hidden), strict=True):
        inner = ReluGradient()([_through_convolution(b)(back), active])
        back = layers.Add()([back, _through_convolution(a)(inner)])
    back = before_stem(ReluGradient()([back, first]))
    return layers.Add()([error, layers.Rescaling(1 / PIXEL_SCALE)(back)])


def error_gradient_graph(model: Flagship) -> keras.Model:
    """Half the gradient of the squared error of a decoded picture, with respect to its coefficients.

    Inputs: coefficients (N, h, w, C), quality plane (N, 16 h, 16 w, 1), the filter's amplitude of the
    same shape, and the original picture, pixels - 128 (N, 16 h, 16 w, 3). Output: (N, h, w, C).
    """
    coefficients, plane = layers.Input((None, None, model.channels)), layers.Input((None, None, 1))
    amplitude, original = layers.Input((None, None, 1)), layers.Input((None, None, 3))
    inputs = [coefficients, plane, amplitude, original]
    decoded = model.lapped_synthesis(coefficients)
    if model.transforms:
        back = _before_filter(model.synthesis_filter, decoded, plane, amplitude, original)
    else:
        back = layers.Subtract()([decoded, original])
    adjoint = LappedSynthesisGradient(model.channels)
    adjoint.build(None)
    adjoint.kernel.assign(ops.convert_to_numpy(model.lapped_synthesis.kernel))
    return keras.Model(inputs, adjoint(back), name="error_gradient")
