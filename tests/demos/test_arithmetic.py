"""Sizes of outputs and numbers of parameters, compared with Keras."""

import keras
import numpy as np
import pytest

from demos import arithmetic
from demos.errors import ArgumentError


@pytest.mark.parametrize("kernel", [1, 2, 3, 5])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 1), (1, 2), (1, 3)])
@pytest.mark.parametrize("padding", [0, 1, 2])
def test_conv_output_agrees_with_keras(kernel, stride, dilation, padding):
    for n in (13, 14):
        layer = keras.layers.Conv2D(1, kernel, stride, dilation_rate=dilation)
        output = layer.compute_output_shape((1, n + 2 * padding, n + 2 * padding, 1))
        assert output[1] == arithmetic.conv_output(n, kernel, stride, padding, dilation)


@pytest.mark.parametrize("kernel", [2, 3, 4, 5])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 2)])
def test_transpose_output_agrees_with_keras(kernel, stride, dilation):
    for n in (1, 6):
        layer = keras.layers.Conv2DTranspose(1, kernel, stride, dilation_rate=dilation)
        output = layer(np.zeros((1, n, n, 1), np.float32))
        assert output.shape[1] == arithmetic.transpose_output(n, kernel, stride, dilation=dilation)


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding"), [(8, 3, 1, 0), (9, 3, 2, 1), (16, 4, 2, 1), (10, 5, 3, 2)]
)
def test_transpose_output_inverts_conv_output(n, kernel, stride, padding):
    small = arithmetic.conv_output(n, kernel, stride, padding)
    lost = (n + 2 * padding - kernel) % stride
    assert arithmetic.transpose_output(small, kernel, stride, padding, output_padding=lost) == n


@pytest.mark.parametrize(
    "call",
    [
        lambda: arithmetic.transpose_output(1, 3, padding=2),
        lambda: arithmetic.transpose_output(3, 1, padding=2),
        lambda: arithmetic.conv_output(2, 3),
        lambda: arithmetic.conv_output(4, 3, dilation=2),
    ],
)
def test_empty_output(call):
    with pytest.raises(ArgumentError, match="the output would be empty"):
        call()


def test_empty_output_message():
    with pytest.raises(ArgumentError, match="padding 2 on a 3x3 result leaves a size of -1"):
        arithmetic.transpose_output(1, 3, padding=2)


def test_parameter_counts():
    assert arithmetic.conv_parameters(3, 3, 1) == 28
    assert arithmetic.conv_parameters(3, 3, 1, bias=False) == 27
    for layer in (keras.layers.Conv2D(5, 4), keras.layers.Conv2DTranspose(5, 4)):
        layer.build((None, 8, 8, 7))
        assert layer.count_params() == arithmetic.conv_parameters(4, 7, 5)
