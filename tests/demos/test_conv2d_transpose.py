"""Conv2DTranspose: explicit padding, arguments, and the adjoint of Conv2D."""

import inspect

import keras
import numpy as np
import pytest

from demos import conv2d_transpose
from demos.errors import ArgumentError


def loop_transpose(images, kernel, stride, padding, output_padding):
    """Apply the definition pixel by pixel, (N, H, W, in) with (kh, kw, out, in), as an oracle."""
    n, rows, columns, _ = images.shape
    kh, kw, out, _ = kernel.shape
    full = np.zeros(
        (n, (rows - 1) * stride + kh + output_padding, (columns - 1) * stride + kw + output_padding, out)
    )
    for i in range(rows):
        for j in range(columns):
            full[:, i * stride : i * stride + kh, j * stride : j * stride + kw] += np.einsum(
                "nc,abdc->nabd", images[:, i, j], kernel
            )
    end = [size - padding for size in full.shape[1:3]]
    return full[:, padding : end[0], padding : end[1]]


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "output_padding"),
    [
        (3, 2, 0, 0),
        (3, 2, 1, 0),
        (3, 2, 1, 1),
        (4, 2, 1, 0),
        (5, 3, 2, 2),
        (2, 3, 0, 1),
        (1, 3, 0, 2),
        (1, 1, 0, 0),
    ],
)
def test_explicit_padding(kernel, stride, padding, output_padding, rng):
    images = rng.standard_normal((2, 4, 5, 3)).astype(np.float32)
    weights = rng.standard_normal((kernel, kernel, 2, 3)).astype(np.float32)
    options = {"stride": stride, "padding": padding, "output_padding": output_padding}
    output = keras.ops.convert_to_numpy(conv2d_transpose.conv2d_transpose(images, weights, **options))
    assert output == pytest.approx(loop_transpose(images, weights, **options), abs=1e-4)


@pytest.mark.parametrize(
    ("size", "channels", "filters", "options", "expected"),
    [
        ((16, 16), 128, 64, {"stride": 2, "padding": 1}, (32, 32)),
        ((245, 612), 1, 1, {"stride": 2}, (491, 1225)),
        ((3, 3), 1, 1, {"stride": 2, "padding": 1, "output_padding": 1}, (6, 6)),
    ],
)
def test_shapes_of_the_lesson(size, channels, filters, options, expected):
    side = 4 if channels == 128 else 3
    images, kernel = (
        np.ones((1, *size, channels), np.float32),
        np.ones((side, side, filters, channels), np.float32),
    )
    assert conv2d_transpose.conv2d_transpose(images, kernel, **options).shape == (1, *expected, filters)


def test_one_pixel_with_bias():
    kernel = np.arange(9, dtype=np.float32).reshape(3, 3, 1, 1)
    output = conv2d_transpose.conv2d_transpose(
        np.full((1, 1, 1, 1), 2, np.float32), kernel, np.ones(1, np.float32), stride=2, output_padding=1
    )
    assert output[0, :, :, 0].numpy().tolist() == [[1, 3, 5, 1], [7, 9, 11, 1], [13, 15, 17, 1], [1, 1, 1, 1]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": 2}, "padding 2 crops the 3x3 result to nothing"),
        ({"stride": 0}, "stride must be a positive"),
        ({"padding": -1}, "padding must be an integer of 0"),
        ({"stride": 2, "output_padding": 2}, "output_padding must be below the stride 2, received 2"),
    ],
)
def test_invalid_arguments(options, message):
    with pytest.raises(ArgumentError, match=message):
        conv2d_transpose.conv2d_transpose(
            np.ones((1, 1, 1, 1), np.float32), np.ones((3, 3, 1, 1), np.float32), **options
        )


def test_all_arguments_of_keras_are_explained():
    known = set(inspect.signature(keras.layers.Conv2DTranspose).parameters) - {"kwargs"}
    assert known <= set(conv2d_transpose.ARGUMENTS)


@pytest.mark.parametrize(
    ("argument", "size"),
    [("filters", "1x7x7x8"), ("kernel_size", "1x9x9x4"), ("strides", "1x11x11x4"), ("padding", "1x10x10x4"),
     ("output_padding", "1x12x12x4"), ("dilation_rate", "1x9x9x4")],
)  # fmt: skip
def test_arguments_change_the_shape(argument, size):
    assert size in conv2d_transpose.explain(argument, np.ones((1, 5, 5, 3), np.float32))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_keras_layers_are_adjoint(stride, rng):
    """<Ax, y> = <x, A'y> for Conv2D and Conv2DTranspose with the same weights, on several channels."""
    x = rng.standard_normal((1, 10, 10, 3)).astype(np.float32)
    weights = rng.standard_normal((4, 4, 3, 5)).astype(
        np.float32
    )  # (in, out), which the transpose reads as (out, in)
    forward = keras.ops.conv(x, weights, strides=stride, padding="valid")
    y = rng.standard_normal(forward.shape).astype(np.float32)
    back = conv2d_transpose.conv2d_transpose(y, weights, stride=stride)
    rows = back.shape[1]
    assert np.vdot(forward, y) == pytest.approx(np.vdot(x[:, :rows, :rows], back), rel=1e-4)
