"""The mixture of squared error and perceptual distances that models are trained for."""

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs the train extra")
data = pytest.importorskip("skimage.data")

from training.butteraugli import butteraugli_distance  # noqa: E402
from training.perceptual import perceptual_distortion  # noqa: E402
from training.ssimulacra2 import ssimulacra2_distance  # noqa: E402
from training.worth import gradient  # noqa: E402


@pytest.fixture
def pair():
    a = data.astronaut()[64:192, 96:224][None].astype("float32") / 255
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


def test_gradients_are_finite_on_equal_pictures(pair):
    a, _ = pair
    slope = gradient(
        lambda x: keras.ops.sum(perceptual_distortion(a, x, butteraugli_share=0.4)),
        keras.ops.convert_to_tensor(a),
    )
    assert np.isfinite(np.asarray(slope)).all()
