"""Contract of the public layers, and their numbers against independent formulas."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from compressor.layers import (
    DepthToSpace,
    DynamicEightBitConv2D,
    EightBitConv2D,
    EightBitConv2DTranspose,
    LappedAnalysis,
    LappedSynthesis,
    LappedSynthesisGradient,
    QualityCurve,
    logistic_bits,
    round_weighed,
    straight_through,
    training_bits,
)
from compressor.spec.constants import SAVING_SHARE

CONTRACT = [
    (DepthToSpace(2), (2, 3, 5, 12), (2, 6, 10, 3)),
    (LappedAnalysis(7), (1, 32, 48, 3), (1, 2, 3, 7)),
    (LappedSynthesis(7), (1, 2, 3, 7), (1, 32, 48, 3)),
    (QualityCurve(6, knots=3), (4,), (4, 1, 1, 6)),
]


@pytest.mark.parametrize(("layer", "given", "expected"), CONTRACT, ids=lambda x: getattr(x, "name", ""))
def test_shapes_and_serialisation(layer, given, expected):
    x = np.random.default_rng(0).random(given, np.float32)
    y = np.asarray(layer(x))
    assert y.shape == expected
    if not isinstance(layer, QualityCurve):
        assert tuple(layer.compute_output_shape(given)) == expected
    copy = type(layer).from_config(layer.get_config())
    copy(x)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(np.asarray(copy(x)), y)


def test_depth_to_space_by_hand():
    x = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8)
    np.testing.assert_array_equal(np.asarray(DepthToSpace(2)(x))[0], [[[0, 1], [2, 3]], [[4, 5], [6, 7]]])
    with pytest.raises(ValueError, match="divisible by 4"):
        DepthToSpace(2).build((1, 1, 1, 6))


@pytest.mark.parametrize(
    "shape", [(60, 64, 3), (1, 60, 64, 3), (1, 64, 60, 3), (1, 64, 64, 1), (None, None, 60, 3)]
)
@pytest.mark.parametrize("layer", [LappedAnalysis, LappedSynthesisGradient])
def test_lapped_transforms_name_the_shape_they_need(layer, shape):
    given = keras.Input(shape[1:]) if None in shape else np.zeros(shape, "float32")
    with pytest.raises(ValueError, match="divisible by 16"):
        layer(8)(given)


def test_a_lapped_transform_in_half_precision():
    for dtype in ("bfloat16", "mixed_bfloat16"):
        assert LappedAnalysis(8, dtype=dtype)(np.ones((1, 32, 32, 3), "float32")).shape == (1, 2, 2, 8)


def test_arguments_outside_their_range():
    with pytest.raises(ValueError, match="block of at least 1"):
        DepthToSpace(0)
    with pytest.raises(ValueError, match="at least 1 channel"):
        QualityCurve(0)
    with pytest.raises(ValueError, match=r"received \(2, 1\)"):
        QualityCurve(3)(np.zeros((2, 1), "float32"))
    for kind in (EightBitConv2D, EightBitConv2DTranspose, DynamicEightBitConv2D):
        with pytest.raises(ValueError, match=f"{kind.__name__} needs channels_last data"):
            kind(4, 3, data_format="channels_first")


def test_quality_curve_interpolates_between_knots():
    curve = QualityCurve(1, knots=5)
    curve.build((None,))
    curve.values.assign(np.array([[0.0], [1.0], [4.0], [9.0], [16.0]]))
    got = np.asarray(curve(np.array([-1, 0, 0.125, 0.5, 0.8, 1, 2], "float32"))).ravel()
    np.testing.assert_allclose(got, [0, 0, 0.5, 4, 9 + 0.2 * 7, 16, 16], atol=1e-5)
    with pytest.raises(ValueError, match="2 knots"):
        QualityCurve(1, knots=1)


def test_straight_through_gives_the_symbols():
    x = np.array([-1.6, -0.54, 0.49, 2.4], "float32")
    np.testing.assert_array_equal(np.asarray(straight_through(x, np.round(x))), np.round(x))


def test_weighed_rounding_takes_the_cheaper_symbol():
    random = np.random.default_rng(0)
    residual, scale = random.uniform(-4.4, 4.4, (2, 500)).astype("float32")
    scale, worth = 0.2 + np.abs(scale) / 4, np.repeat(np.array([0.2, 3.0], "float32"), 250)

    def cost(symbols):
        bits = np.asarray(logistic_bits(symbols, scale))
        return SAVING_SHARE * bits + worth * np.square(residual - symbols)

    nearest = np.rint(residual)
    lower = nearest - np.sign(nearest)
    expected = np.where(cost(lower) < cost(nearest), lower, nearest)
    np.testing.assert_array_equal(np.asarray(round_weighed(residual, scale, worth)), expected)
    assert 30 < np.count_nonzero(expected != nearest) < 470


def test_logistic_bits_are_those_of_the_distribution():
    values, scales = np.meshgrid(np.arange(-6, 7), [0.3, 1.0, 4.0])
    interval = stats.logistic.cdf(values + 0.5, scale=scales) - stats.logistic.cdf(values - 0.5, scale=scales)
    got = np.asarray(logistic_bits(values.astype("float32"), scales.astype("float32")))
    np.testing.assert_allclose(got, np.minimum(-np.log2(interval), 30), rtol=2e-3, atol=1e-4)


def test_training_bits_value_is_of_integers_and_gradient_of_noise_on_average():
    residual, scale = tf.constant([0.2, 1.3, -2.4]), tf.Variable([0.2, 0.5, 0.5])
    symbols = tf.round(residual)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(residual)
        bits = training_bits(residual, symbols, scale)
        exact = logistic_bits(symbols, scale)
    np.testing.assert_allclose(bits, exact, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(bits, scale), tape.gradient(exact, scale), rtol=1e-5)
    # The noisy gradient itself, averaged over evenly spread noise.
    noise = tf.constant((np.arange(4000) + 0.5) / 4000 - 0.5, "float32")[:, None]
    with tf.GradientTape() as noisy_tape:
        noisy_tape.watch(residual)
        noisy = tf.reduce_mean(logistic_bits(residual + noise, tf.stack(scale)), axis=0)
    expected = noisy_tape.gradient(noisy, residual)
    np.testing.assert_allclose(tape.gradient(bits, residual), expected, rtol=2e-3)


def test_zero_residual_has_zero_gradient():
    residual = tf.zeros(1000)
    with tf.GradientTape() as tape:
        tape.watch(residual)
        bits = training_bits(residual, residual, 0.06 * tf.ones(1000))
    assert np.abs(tape.gradient(bits, residual)).max() == 0
