"""Receptive fields: the input pixels that one output of a stack of layers depends on.

Formula: r += dilation (kernel - 1) j, then the jump j *= stride. Reference: Araujo, Norris and Sim, Computing
receptive fields of convolutional neural networks, Distill 2019.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from demos.checks import require_positive
from demos.errors import ArgumentError


@dataclass(frozen=True)
class Layer:
    """Geometry of a layer along one axis.

    Attributes:
        kernel, stride, dilation: in pixels, at least 1.
        transposed: whether the layer enlarges by its stride instead of reducing.
    """

    kernel: int
    stride: int = 1
    dilation: int = 1
    transposed: bool = False

    def __post_init__(self) -> None:
        require_positive(kernel=self.kernel, stride=self.stride, dilation=self.dilation)

    @property
    def reach(self) -> int:
        """Return the distance between the first and the last pixel under the kernel."""
        return self.dilation * (self.kernel - 1)


def receptive_field(stack: Sequence[Layer]) -> int:
    """Compute the receptive field of a stack of layers.

    Follows an interval of positions from the output to the input. Output i of a convolution reads inputs
    i*s .. i*s + reach. Input i of a transposed convolution contributes to outputs i*s .. i*s + reach, so that
    the field depends on the position of the output.

    Args:
        stack: layers in order.

    Returns:
        The largest field over all positions, in pixels along one axis.

    Example:
        >>> receptive_field([Layer(3), Layer(3)])
        5
    """
    period = prod(layer.stride for layer in stack if layer.transposed)
    fields = []
    for position in range(period):
        low = high = position
        for layer in reversed(stack):
            if layer.transposed:
                low, high = -(-(low - layer.reach) // layer.stride), high // layer.stride
                high = max(low, high)  # with a stride larger than the kernel, some outputs depend on no input
            else:
                low, high = low * layer.stride, high * layer.stride + layer.reach
        fields.append(high - low + 1)
    return max(fields)


def receptive_field_growth(stack: Sequence[Layer]) -> list[int]:
    """Compute the receptive field after each layer, for convolutions only.

    Reference:
        Araujo, Norris and Sim, Computing receptive fields of convolutional neural networks, Distill 2019.

    Example:
        >>> receptive_field_growth([Layer(7, 2), Layer(3, 2)])
        [7, 11]
    """
    field, jump, growth = 1, 1, []
    for layer in stack:
        field += layer.reach * jump
        jump *= layer.stride
        growth.append(field)
    return growth


def layers_of(model: keras.Model) -> list[Layer]:
    """Return the geometry of the convolutions, transposed convolutions and pools of a Keras model.

    Kernels must be square. All layers must lie on one path; shortcuts around them do not matter, because
    their receptive field is smaller.
    """
    stack = []
    for layer in model.layers:
        if isinstance(layer, (layers.Conv2DTranspose, layers.Conv2D)):
            transposed = isinstance(layer, layers.Conv2DTranspose)
            stack.append(Layer(layer.kernel_size[0], layer.strides[0], layer.dilation_rate[0], transposed))
        elif isinstance(layer, (layers.MaxPooling2D, layers.AveragePooling2D)):
            stack.append(Layer(layer.pool_size[0], layer.strides[0]))
    return stack


def sensitivity(model: keras.Model, size: int, offset: int = 0) -> np.ndarray:
    """Differentiate one output of a model by its input.

    Args:
        model: any fully convolutional model, branched or not.
        size: side of the square input, in pixels.
        offset: position of the output, in pixels down and right of the centre.

    Returns:
        Absolute values of the gradient, float32 (size, size).
    """
    noise = np.random.default_rng(0).random((1, size, size, model.input_shape[-1]), np.float32)
    images = ops.convert_to_tensor(noise)
    with tf.GradientTape() as tape:
        tape.watch(images)
        output = ops.sum(model(images), axis=-1)[0]
        pixel = output[output.shape[0] // 2 + offset, output.shape[1] // 2 + offset]
    return ops.convert_to_numpy(ops.max(ops.abs(tape.gradient(pixel, images)), axis=-1)[0])


def extent(sensitive: np.ndarray) -> tuple[int, int, int, int]:
    """Find the bounding box of the non-zero part of a 2-D map.

    Returns:
        First row, first column, height and width.

    Raises:
        ArgumentError: the map is zero.
    """
    rows, columns = np.flatnonzero(sensitive.any(1)), np.flatnonzero(sensitive.any(0))
    if rows.size == 0:
        raise ArgumentError("the output does not depend on the input")
    return rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


def model_of(stack: Sequence[Layer], channels: int = 1) -> keras.Sequential:
    """Build a sequential Keras model, padding "same", with the geometry of a stack and positive weights."""
    model = keras.Sequential([keras.Input((None, None, channels))])
    for layer in stack:
        kind = layers.Conv2DTranspose if layer.transposed else layers.Conv2D
        weights = keras.initializers.RandomUniform(0.1, 1.0, seed=0)  # positive, so that nothing cancels
        model.add(
            kind(
                4,
                layer.kernel,
                layer.stride,
                padding="same",
                dilation_rate=layer.dilation,
                kernel_initializer=weights,
            )
        )
    return model
