"""The mixture of squared error and perceptual distances, and gradients where they could be infinite."""

from functools import partial

import keras
import numpy as np
import pytest

from tests.training.samples import floats, photo
from training.butteraugli import butteraugli_distance
from training.perceptual import perceptual_distortion
from training.ssimulacra2 import ssimulacra2_distance
from training.worth import gradient

DISTORTIONS = {
    "ssimulacra2": ssimulacra2_distance,
    "butteraugli": butteraugli_distance,
    "mixture": partial(perceptual_distortion, butteraugli_share=0.4),
}


@pytest.fixture
def pair():
    a = floats(photo()[:128, :128])
    return a, np.clip(a + 0.02, 0, 1)


def test_only_squared_error(pair):
    a, b = pair
    found = float(perceptual_distortion(a, b, mse_share=1.0)[0])
    assert found == pytest.approx(float(np.mean((255 * (b - a)) ** 2)), rel=1e-4)


def test_only_ssimulacra2(pair):
    found = float(perceptual_distortion(*pair, mse_share=0.0)[0])
    assert found == pytest.approx(4 * float(ssimulacra2_distance(*pair)[0]), rel=1e-4)


def test_only_butteraugli(pair):
    found = float(perceptual_distortion(*pair, mse_share=0.0, butteraugli_share=1.0)[0])
    assert found == pytest.approx(9 * float(butteraugli_distance(*pair)[0]) ** 1.5, rel=1e-4)


def test_shares_are_weights(pair):
    mixed = float(perceptual_distortion(*pair, mse_share=0.2, butteraugli_share=0.3)[0])
    parts = [
        float(perceptual_distortion(*pair, mse_share=m, butteraugli_share=b)[0])
        for m, b in ((1, 0), (0, 1), (0, 0))
    ]
    assert mixed == pytest.approx(np.dot([0.2, 0.3, 0.5], parts), rel=1e-4)


@pytest.mark.parametrize("name", DISTORTIONS)
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("difference", [0.0, 0.2, -0.2])
def test_gradients_are_finite_on_flat_pictures(name, level, difference):
    a = keras.ops.full((2, 64, 64, 3), level)
    b = keras.ops.full((2, 64, 64, 3), level + difference)
    assert np.isfinite(slope(name, a, b)).all()


@pytest.mark.parametrize("name", DISTORTIONS)
def test_gradients_are_finite_on_equal_pictures(name, pair):
    a = keras.ops.convert_to_tensor(pair[0])
    assert np.isfinite(slope(name, a, a)).all()


def slope(name, a, b):
    """Return the gradient with respect to the decoded picture."""
    return np.asarray(gradient(lambda x: keras.ops.sum(DISTORTIONS[name](a, x)), b))
