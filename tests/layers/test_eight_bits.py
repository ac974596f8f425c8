"""Rounding to 8 bits in training: values, limits, and gradients."""

import keras
import numpy as np
import pytest

from compressor.layers import DynamicEightBitConv2D, EightBitConv2D, EightBitConv2DTranspose, EightBits
from compressor.layers.eight_bits import in_steps
from compressor.spec.constants import MAX_WEIGHT
from training.worth import gradient


@pytest.fixture
def layer():
    """Return a layer for -1..4, in steps of 5 / 255; the zero point is 51."""
    layer = EightBits()
    layer.build((None,))
    layer.fit(-1.0, 4.0)
    return layer


def test_values_are_multiples_of_the_step_and_clipped(layer):
    x = np.linspace(-3, 6, 2000, dtype=np.float32)
    steps = np.asarray(layer(x)) * 51
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    assert np.unique(np.rint(steps)).size == 256
    assert (steps.min(), steps.max()) == pytest.approx((-51, 204))
    inside = (x > -1) & (x < 4)
    assert np.abs(np.asarray(layer(x)) - x)[inside].max() <= 0.5 / 51 + 1e-5


def test_zero_stays_zero(layer):
    assert float(np.asarray(layer(np.zeros(1, np.float32)))[0]) == 0.0


def test_gradients_pass_inside_the_limits_only(layer):
    x = keras.ops.convert_to_tensor(np.array([-2, -0.5, 0.003, 3.9, 5], np.float32))
    slope = gradient(lambda x: keras.ops.sum(layer(x)), x)
    np.testing.assert_allclose(np.asarray(slope), [0, 1, 1, 1, 0], atol=1e-6)


def test_the_step_grows_where_much_is_clipped(layer):
    model = keras.Sequential([keras.Input((1,)), layer])
    model.compile(keras.optimizers.SGD(0.01), "mse")
    before = float(layer.log_step)
    x = np.full((8, 1), 8.0, np.float32)
    model.fit(x, x, epochs=2, verbose=0)
    assert float(layer.log_step) > before + 0.01


def test_a_kernel_has_seven_bits_and_a_step_for_each_output():
    kernel = np.random.default_rng(0).normal(size=(3, 3, 4, 2)).astype(np.float32) * [1, 100]
    exact, steps = map(np.asarray, in_steps(kernel.astype(np.float32)))
    np.testing.assert_allclose(np.abs(exact).max(axis=(0, 1, 2)), MAX_WEIGHT, rtol=1e-5)
    np.testing.assert_allclose(exact * steps, kernel, rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "plain_kind", "stride", "shape"),
    [
        (EightBitConv2D, keras.layers.Conv2D, 1, (3, 3, 4, 2)),
        (EightBitConv2D, keras.layers.Conv2D, 2, (4, 4, 4, 2)),
        (EightBitConv2DTranspose, keras.layers.Conv2DTranspose, 2, (4, 4, 2, 4)),
    ],
)
def test_a_convolution_with_the_rounded_kernel(kind, plain_kind, stride, shape):
    random = np.random.default_rng(0)
    x = random.normal(size=(1, 6, 5, 4)).astype(np.float32)
    rounded, plain = (each(2, shape[0], stride, "same") for each in (kind, plain_kind))
    for layer in (rounded, plain):
        layer.build(x.shape)
    # The second output has larger weights, and with them a larger step.
    of_outputs = np.array([1, 100]).reshape([n if n == 2 else 1 for n in shape])
    kernel = (random.normal(size=shape) * of_outputs).astype(np.float32)
    bias = random.normal(size=2)
    rounded.set_weights([kernel, bias])
    steps = np.abs(kernel).max(axis=tuple(k for k in range(4) if shape[k] != 2), keepdims=True) / MAX_WEIGHT
    plain.set_weights([np.rint(kernel / steps) * steps, bias])
    np.testing.assert_allclose(np.asarray(rounded(x)), np.asarray(plain(x)), rtol=1e-4, atol=1e-4)
    assert not np.allclose(kernel, np.asarray(rounded.rounded_kernel), rtol=1e-3)


def test_a_convolution_with_inputs_in_256_levels():
    random = np.random.default_rng(0)
    # From -1 to 4, in steps of 5 / 255.
    x = np.append(random.uniform(-1, 4, 6 * 5 * 2 - 2), [-1, 4]).reshape(1, 6, 5, 2).astype(np.float32)
    dynamic, of_rounded = DynamicEightBitConv2D(3, 3, use_bias=False), EightBitConv2D(3, 3, use_bias=False)
    of_rounded.build(x.shape)
    dynamic.build(x.shape)
    of_rounded.set_weights(dynamic.get_weights())
    expected = np.asarray(of_rounded(np.rint(x * 51) / 51))
    np.testing.assert_allclose(np.asarray(dynamic(x)), expected, atol=1e-5)
    assert np.abs(np.asarray(of_rounded(x)) - expected).max() > 1e-3


def test_a_convolution_of_zeros_gives_its_bias():
    layer = DynamicEightBitConv2D(3, 1, bias_initializer="ones")
    np.testing.assert_array_equal(
        np.asarray(layer(np.zeros((1, 2, 2, 4), np.float32))), np.ones((1, 2, 2, 3))
    )


def test_gradients_pass_to_inputs_that_are_rounded():
    layer = DynamicEightBitConv2D(1, 1, kernel_initializer="ones")
    x = keras.ops.convert_to_tensor(np.array([-1, 0.3, 4], np.float32).reshape(1, 1, 3, 1))
    slope = gradient(lambda x: keras.ops.sum(layer(x)), x)
    np.testing.assert_allclose(np.asarray(slope).ravel(), [1, 1, 1], atol=1e-6)


@pytest.mark.parametrize(
    "layer",
    [
        EightBits(),
        EightBitConv2D(2, 3, padding="same"),
        EightBitConv2DTranspose(2, 4, 2, padding="same"),
        DynamicEightBitConv2D(2, 3),
    ],
    ids=lambda layer: layer.name,
)
def test_serialisation(layer):
    x = np.random.default_rng(0).normal(size=(1, 4, 4, 3)).astype(np.float32)
    expected = np.asarray(layer(x))
    copy = type(layer).from_config(layer.get_config())
    copy(x)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.asarray(copy(x)), expected)
