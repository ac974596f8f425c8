"""The residual generator and total variation."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from skimage.restoration import denoise_tv_chambolle

from demos import residual_generator


def test_generator_enlarges_eight_times():
    model = residual_generator.residual_generator()
    assert model.compute_output_shape((1, 200, 200, 3)) == (1, 1600, 1600, 3)
    narrow = residual_generator.residual_generator((4, 6, 8))
    assert narrow(np.zeros((2, 5, 7, 3), np.float32)).shape == (2, 40, 56, 3)


def test_generator_layers():
    model = residual_generator.residual_generator()
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds.count("Conv2D") == 3 + 2 * 2
    assert kinds.count("BatchNormalization") == 3 + 2 * 2
    assert kinds.count("Add") == 2
    up = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2DTranspose)]
    assert [(layer.filters, layer.kernel_size, layer.strides) for layer in up] == [
        (128, (4, 4), (2, 2)),
        (64, (4, 4), (2, 2)),
        (3, (4, 4), (2, 2)),
    ]
    down = [layer.filters for layer in model.layers if type(layer).__name__ == "Conv2D"]
    assert down == [64, 128, 256, 256, 256, 256, 256]


def test_total_variation_agrees_with_tensorflow(rng):
    images = rng.random((2, 9, 9, 3)).astype(np.float32)
    # TensorFlow computes sums instead of means; for equal sides, the two are proportional.
    expected = np.mean(tf.image.total_variation(tf.constant(images))) / (8 * 9 * 3)
    assert float(residual_generator.total_variation(images)) == pytest.approx(expected, rel=1e-5)


def test_total_variation_has_a_gradient(rng):
    x = tf.constant(np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1).repeat(2, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = residual_generator.total_variation(x)
    # Only the ends of a ramp matter: moving an inner pixel changes one difference as much as the other.
    assert tape.gradient(loss, x)[0, 0, :, 0].numpy() == pytest.approx([-1 / 6, 0, 0, 1 / 6])


def test_smoothing_of_each_picture(rng):
    images = rng.random((2, 8, 8, 3)).astype(np.float32)
    smooth = residual_generator.smoothed(images)
    assert smooth[1] == pytest.approx(denoise_tv_chambolle(images[1], weight=0.1, channel_axis=-1))
    assert residual_generator.total_variation(smooth) < 0.5 * residual_generator.total_variation(images)


def test_weights_depend_on_the_seed():
    outputs = []
    for seed in (1, 1, 2):
        keras.utils.set_random_seed(seed)
        model = residual_generator.residual_generator((4, 6, 8))
        outputs.append(np.asarray(model(np.ones((1, 2, 2, 3), np.float32))).tolist())
    assert outputs[0] == outputs[1] != outputs[2]


@pytest.mark.usefixtures("eager")
def test_training_with_total_variation_smooths(rng):
    small, large = rng.random((2, 2, 2, 3)).astype(np.float32), rng.random((2, 16, 16, 3)).astype(np.float32)
    model = residual_generator.residual_generator((4, 6, 8))
    before = residual_generator.total_variation(model(small, training=True))
    losses = residual_generator.train(model, small, large, weight=10.0, steps=8, rate=1e-2)
    assert losses[-1] < losses[0]
    assert residual_generator.total_variation(model(small, training=True)) < 0.5 * before
