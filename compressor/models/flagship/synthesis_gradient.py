"""The gradients of the synthesis, for the encoder: from decoded pixels back to coefficients."""

import keras
import numpy as np
from keras import layers, ops

from compressor.layers import (
    EightBitConv2D,
    EightBitConv2DTranspose,
    EightBits,
    LappedSynthesisGradient,
    ReluGradient,
)
from compressor.models.export_arrays import stored_integers
from compressor.models.flagship.model import Flagship
from compressor.spec.constants import PIXEL_SCALE


def _with_kernel(layer: keras.layers.Layer, kernel: np.ndarray, inputs: int) -> keras.layers.Layer:
    layer.build((None, None, None, inputs))
    layer.kernel.assign(kernel)
    return layer


def _kernel(layer: keras.layers.Layer) -> np.ndarray:
    """Return the kernel that a convolution uses when it is exported."""
    if isinstance(layer, EightBitConv2D | EightBitConv2DTranspose):
        kernel, steps = stored_integers(layer)
        return kernel * steps
    return ops.convert_to_numpy(layer.kernel)


def _through_convolution(layer: layers.Conv2D) -> layers.Conv2D:
    """Return the adjoint of a 'same' convolution of stride 1, which takes gradients back through it."""
    kernel = _kernel(layer)[::-1, ::-1].transpose(0, 1, 3, 2)
    size, _, inputs, outputs = kernel.shape
    return _with_kernel(layers.Conv2D(outputs, size, padding="same"), kernel, inputs)


def filter_gradient_graph(model: Flagship) -> keras.Model:
    """Gradient with respect to the output of the filter g -> with respect to its input.

    Inputs: pixels - 128 before g (N, H, W, 3), quality plane (N, H, W, 1), and the gradient (N, H, W, 3).
    Output: the gradient (N, H, W, 3). The forward pass of an 8-bit filter is rounded, to find
    which ReLUs pass the gradient. The gradient is not.
    """
    pixels, plane = layers.Input((None, None, 3)), layers.Input((None, None, 1))
    gradient = layers.Input((None, None, 3))
    convolutions = (layers.Conv2D, layers.Conv2DTranspose)
    stem, *middle, last = (
        layer for layer in model.synthesis_filter.layers if isinstance(layer, convolutions)
    )
    blocks = list(zip(middle[::2], middle[1::2], strict=True))
    rounding = (layer for layer in model.synthesis_filter.layers if isinstance(layer, EightBits))

    def rounded(x):
        """Apply the next rounding; a filter in floating point has none."""
        layer = next(rounding, None)
        return x if layer is None else layer(x)

    first = stem(rounded(layers.Concatenate()([layers.Rescaling(1 / PIXEL_SCALE)(pixels), plane])))
    x, hidden = rounded(first), []
    for a, b in blocks:
        hidden.append(rounded(a(x)))
        x = rounded(layers.Add()([x, rounded(b(hidden[-1]))]))

    width, size, stride = stem.filters, stem.kernel_size[0], stem.strides[0]
    before_last = layers.Conv2D(width, size, stride, padding="same")
    _with_kernel(before_last, _kernel(last), 3)
    # The quality plane, the stem's fourth input channel, needs no gradient.
    before_stem = layers.Conv2DTranspose(3, size, stride, padding="same")
    _with_kernel(before_stem, _kernel(stem)[:, :, :3], width)

    back = before_last(gradient)
    for (a, b), active in zip(reversed(blocks), reversed(hidden), strict=True):
        inner = ReluGradient()([_through_convolution(b)(back), active])
        back = layers.Add()([back, _through_convolution(a)(inner)])
    back = before_stem(ReluGradient()([back, first]))
    outputs = layers.Rescaling(1 / PIXEL_SCALE)(back)
    return keras.Model([pixels, plane, gradient], outputs, name="filter_gradient")


def synthesis_gradient_graph(model: Flagship) -> keras.Model:
    """Gradient with respect to pixels (N, 16 h, 16 w, 3) -> with respect to coefficients (N, h, w, C)."""
    gradient = layers.Input((None, None, 3))
    adjoint = LappedSynthesisGradient(model.channels)
    adjoint.build(None)
    adjoint.chosen.assign(ops.convert_to_numpy(model.lapped_synthesis.chosen))
    return keras.Model(gradient, adjoint(gradient), name="synthesis_gradient")
