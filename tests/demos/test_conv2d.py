"""Pictures as batches, and Conv2D with explicit padding."""

import keras
import numpy as np
import pytest
from scipy import signal

from demos import arithmetic, conv2d
from demos.errors import ArgumentError


def test_batch_round_trip_of_every_level():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    colour = np.stack([levels, levels.T, levels[::-1]], axis=-1)
    for picture in (levels, colour):
        batch = conv2d.to_batch(picture)
        assert batch.shape == (1, 16, 16, picture.ndim * 2 - 3)
        assert (batch.min(), batch.max()) == (0, 1)
        assert np.array_equal(conv2d.to_picture(batch), picture)


def test_to_picture_rounds_and_clips():
    maps = np.array([-0.5, 0.499 / 255, 0.501 / 255, 0.9999, 1.5], np.float32).reshape(1, 1, 5, 1)
    assert conv2d.to_picture(maps).tolist() == [[0, 0, 1, 255, 255]]


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4)), np.zeros((4,), np.uint8), np.zeros((1, 4, 4, 3), np.uint8)]
)
def test_to_batch_rejects_other_arrays(array):
    with pytest.raises(ArgumentError, match="expected a uint8 picture"):
        conv2d.to_batch(array)


@pytest.mark.parametrize("size", [(2, 4, 4, 1), (1, 4, 4, 2), (4, 4)])
def test_to_picture_rejects_other_shapes(size):
    with pytest.raises(ArgumentError, match="expected one picture"):
        conv2d.to_picture(np.zeros(size))


def test_stretch_covers_the_range():
    assert conv2d.stretch(np.array([-2.0, 0, 2])).tolist() == [0, 0.5, 1]
    assert conv2d.stretch(np.full(3, 7.0)).tolist() == [0, 0, 0]


def test_a_filter_sums_over_channels(rng):
    images = rng.random((1, 9, 9, 3)).astype(np.float32)
    kernel = rng.random((3, 3, 3, 1)).astype(np.float32)
    expected = sum(signal.correlate2d(images[0, :, :, c], kernel[:, :, c, 0], mode="same") for c in range(3))
    assert conv2d.conv2d_with(kernel, images)[0, :, :, 0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("n", "kernel", "stride", "padding"), [(16, 4, 2, 1), (7, 3, 2, 1), (9, 5, 3, 2), (8, 3, 1, 0)]
)
def test_explicit_padding_agrees_with_scipy(n, kernel, stride, padding, rng):
    layer = conv2d.padded_conv2d(1, kernel, stride, padding)
    image = rng.random((1, n, n, 1)).astype(np.float32)
    output = keras.ops.convert_to_numpy(layer(image))[0, :, :, 0]
    weights = layer.get_weights()[0][:, :, 0, 0]
    full = signal.correlate2d(np.pad(image[0, :, :, 0], padding), weights, mode="valid")
    assert output == pytest.approx(full[::stride, ::stride], abs=1e-4)
    assert output.shape == (arithmetic.conv_output(n, kernel, stride, padding),) * 2
