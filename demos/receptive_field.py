"""Receptive fields: which pixels of the input one output of a stack of layers can see.

Formula: r += dilation (kernel - 1) j, then the jump j *= stride. Reference: Araujo, Norris and Sim, Computing
receptive fields of convolutional neural networks, Distill 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from demos.common import ArgumentError, require_positive


@dataclass(frozen=True)
class Layer:
    """The geometry of one layer along one axis; `transposed` enlarges by its stride instead of reducing."""

    kernel: int
    stride: int = 1
    dilation: int = 1
    transposed: bool = False

    def __post_init__(self) -> None:
        require_positive(kernel=self.kernel, stride=self.stride, dilation=self.dilation)

    @property
    def reach(self) -> int:
        """Distance between the first and the last pixel under the dilated kernel."""
        return self.dilation * (self.kernel - 1)


def receptive_field(stack: Sequence[Layer]) -> int:
    """Pixels of the input, along one axis, that one output of the stack can see.

    Walks backwards with an interval of positions. A convolution's output i reads inputs i*s .. i*s + reach.
    A transposed convolution's input i writes outputs i*s .. i*s + reach, so which inputs an output reads
    depends on its position: the answer is the largest over all positions in a period.
    """
    period = prod(layer.stride for layer in stack if layer.transposed)
    fields = []
    for position in range(period):
        low = high = position
        for layer in reversed(stack):
            if layer.transposed:
                low, high = -(-(low - layer.reach) // layer.stride), high // layer.stride
                high = max(low, high)  # a stride larger than the kernel leaves outputs that see nothing
            else:
                low, high = low * layer.stride, high * layer.stride + layer.reach
        fields.append(high - low + 1)
    return max(fields)


def receptive_field_growth(stack: Sequence[Layer]) -> list[int]:
    """The textbook recursion, for convolutions only: the receptive field after each layer."""
    field, jump, growth = 1, 1, []
    for layer in stack:
        field += layer.reach * jump
        jump *= layer.stride
        growth.append(field)
    return growth


def layers_of(model: keras.Model) -> list[Layer]:
    """Read the stack of square convolutions, transposed ones and pools from a Keras model.

    All of them must lie on one path. A residual block does: the shortcut around it sees less than it.
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
    """|d output / d input| at a (size, size) input, for the output `offset` pixels down and right of the
    centre: float32 (size, size). Works for any model, however branched."""
    noise = np.random.default_rng(0).random((1, size, size, model.input_shape[-1]), np.float32)
    images = ops.convert_to_tensor(noise)
    with tf.GradientTape() as tape:
        tape.watch(images)
        output = ops.sum(model(images), axis=-1)[0]
        pixel = output[output.shape[0] // 2 + offset, output.shape[1] // 2 + offset]
    return ops.convert_to_numpy(ops.max(ops.abs(tape.gradient(pixel, images)), axis=-1)[0])


def extent(sensitive: np.ndarray) -> tuple[int, int, int, int]:
    """First row, first column, height and width of the non-zero part of a 2-D map."""
    rows, columns = np.flatnonzero(sensitive.any(1)), np.flatnonzero(sensitive.any(0))
    if rows.size == 0:
        raise ArgumentError("the output does not depend on the input at all")
    return rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


def model_of(stack: Sequence[Layer], channels: int = 1) -> keras.Sequential:
    """A sequential Keras model, padding "same", with the geometry of a stack and positive weights."""
    model = keras.Sequential([keras.Input((None, None, channels))])
    for layer in stack:
        kind = layers.Conv2DTranspose if layer.transposed else layers.Conv2D
        weights = keras.initializers.RandomUniform(0.1, 1.0, seed=0)  # positive: no tap can cancel another
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
