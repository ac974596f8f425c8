"""Fractionally strided convolution, compared with Conv2DTranspose."""

import keras
import numpy as np
import pytest

from demos import fractional_stride
from demos.errors import ArgumentError


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
