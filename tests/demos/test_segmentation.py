"""Segmentation and the Dice coefficient."""

import keras
import numpy as np
import pytest

from demos import segmentation


def test_shapes_are_pictures_with_masks():
    pictures, masks = segmentation.make_shapes(5, 32, np.random.default_rng(0))
    again, _ = segmentation.make_shapes(5, 32, np.random.default_rng(0))
    assert pictures.shape == (5, 32, 32, 3)
    assert masks.shape == (5, 32, 32, 1)
    assert set(np.unique(masks)) == {0, 1}
    assert np.array_equal(pictures, again)
    assert pictures.min() >= 0
    assert pictures.max() <= 1
    inside, outside = pictures[masks[..., 0] == 1].mean(), pictures[masks[..., 0] == 0].mean()
    assert inside > outside + 0.3


def test_dice_of_known_masks():
    target = np.array([1, 1, 0, 0], np.float32).reshape(1, 2, 2, 1)
    output = np.array([1, 0, 1, 0], np.float32).reshape(1, 2, 2, 1)
    assert float(segmentation.dice_coefficient(target, output)) == pytest.approx((2 * 1 + 1) / (2 + 2 + 1))
    assert float(segmentation.dice_coefficient(target, target)) == 1
    assert float(segmentation.dice_coefficient(0 * target, 0 * target)) == 1
    assert float(segmentation.dice_loss(target, 1 - target)) == pytest.approx(1 - 1 / 5)


def test_dice_agrees_with_keras_on_large_masks(rng):
    target, output = rng.random((2, 3, 64, 64, 1)).astype(np.float32)
    theirs = np.mean(keras.losses.Dice(reduction=None, axis=(1, 2, 3))(target, output))
    assert float(segmentation.dice_loss(target, output)) == pytest.approx(theirs, abs=1e-3)


def test_segmentation_shapes():
    model = segmentation.segmentation_model()
    assert model.input_shape == (None, 64, 64, 3)
    assert model.output_shape == (None, 64, 64, 1)
    joined = next(layer for layer in model.layers if isinstance(layer, keras.layers.Concatenate))
    assert joined.output.shape == (None, 32, 32, 32)
