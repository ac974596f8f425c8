"""Transposed convolution: shapes, explicit padding, several methods, and fractional strides."""

import inspect

import numpy as np
import pytest

for module in ("tensorflow", "scipy", "skimage", "matplotlib"):
    pytest.importorskip(module, reason="needs the extras demos and train")
keras = pytest.importorskip("keras", reason="needs Keras")

from scipy import signal  # noqa: E402

from demos import conv2d_transpose, fractional_stride, transpose_by_hand  # noqa: E402
from demos.common import ArgumentError  # noqa: E402

METHODS = (
    transpose_by_hand.by_summing,
    transpose_by_hand.by_zero_insertion,
    transpose_by_hand.by_matrix,
    transpose_by_hand.by_keras,
)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


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


def test_example_of_1_to_16():
    image = np.arange(1.0, 17).reshape(4, 4)
    kernel = np.zeros((3, 3))
    kernel[1, 1] = 3
    small = (transpose_by_hand.convolution_matrix((4, 4), kernel) @ image.ravel()).reshape(2, 2)
    assert small.tolist() == [[18, 21], [30, 33]]
    assert transpose_by_hand.insert_zeros(small, 2).tolist() == [[18, 0, 21], [0, 0, 0], [30, 0, 33]]
    assert transpose_by_hand.by_zero_insertion(small, kernel, 2).tolist() == [
        [0, 0, 0, 0, 0],
        [0, 54, 0, 63, 0],
        [0, 0, 0, 0, 0],
        [0, 90, 0, 99, 0],
        [0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 3), (4, 2)])
def test_methods_agree_with_the_definition(method, stride, size, rng):
    image, kernel = rng.standard_normal((3, 4)), rng.standard_normal(size)
    expected = loop_transpose(image[None, :, :, None], kernel[:, :, None, None], stride, 0, 0)[0, :, :, 0]
    assert method(image, kernel, stride) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_invalid_arrays(method):
    for image, kernel in ((np.ones((0, 3)), np.ones((2, 2))), (np.ones((3, 3)), np.ones(3))):
        with pytest.raises(ArgumentError, match="non-empty 2-D"):
            method(image, kernel, 2)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_matrix_agrees_with_scipy(stride, rng):
    image, kernel = rng.standard_normal((8, 9)), rng.standard_normal((3, 2))
    matrix = transpose_by_hand.convolution_matrix(image.shape, kernel, stride)
    expected = signal.correlate2d(image, kernel, mode="valid")[::stride, ::stride]
    assert matrix @ image.ravel() == pytest.approx(expected.ravel())


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


def test_transpose_is_not_the_inverse(rng):
    kernel, image = rng.standard_normal((3, 3)), rng.standard_normal((6, 6))
    matrix = transpose_by_hand.convolution_matrix(image.shape, kernel)
    back = matrix.T @ (matrix @ image.ravel())
    assert back.shape == (36,)
    assert not np.allclose(back, image.ravel(), atol=0.1)


@pytest.mark.parametrize("stride", [1, 2, 3, 4])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5])
def test_fractional_stride_equals_conv2d_transpose(kernel_size, stride, rng):
    images = rng.standard_normal((2, 5, 6, 3)).astype(np.float32)
    reference = keras.layers.Conv2DTranspose(4, kernel_size, stride, padding="same", bias_initializer="ones")
    expected = reference(images)
    layer = fractional_stride.FractionalConv2D(4, kernel_size, stride)
    layer.build(images.shape)
    kernel, bias = reference.get_weights()
    layer.set_weights([fractional_stride.from_transposed(kernel), bias])
    output = layer(images)
    assert output.shape == layer.compute_output_shape(images.shape) == (2, 5 * stride, 6 * stride, 4)
    assert np.allclose(output, expected, atol=1e-4)


def test_repetition_is_a_different_layer(rng):
    image = rng.random((1, 4, 4, 1)).astype(np.float32)
    one = np.ones((1, 1, 1, 1), np.float32)
    repeated = fractional_stride.enlarge(image, one, 2, repeat=True)[0, :, :, 0]
    inserted = fractional_stride.enlarge(image, one, 2)[0, :, :, 0]
    assert np.array_equal(repeated, np.kron(image[0, :, :, 0], np.ones((2, 2))))
    assert np.array_equal(inserted, np.kron(image[0, :, :, 0], [[1, 0], [0, 0]]))


def test_layer_can_be_saved(tmp_path, rng):
    images = rng.random((1, 4, 4, 2)).astype(np.float32)
    model = keras.Sequential(
        [keras.Input((4, 4, 2)), fractional_stride.FractionalConv2D(3, 3, 2, repeat=True)]
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(model(images), loaded(images))


def test_layer_refuses_invalid_sizes():
    with pytest.raises(ArgumentError, match="stride must be a positive integer"):
        fractional_stride.FractionalConv2D(1, 3, 0)
