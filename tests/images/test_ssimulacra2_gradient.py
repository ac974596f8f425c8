"""The gradient of SSIMULACRA 2: that of its own distance, and of the distance in the score."""

import numpy as np
import pytest
from PIL import Image
from skimage import data

from compressor.images.ssimulacra2 import EXPONENT, ssimulacra2
from compressor.images.ssimulacra2_gradient import Ssimulacra2Distance


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    original = rng.uniform(0, 1, (48, 64, 3)).astype(np.float32)
    original = (original + np.roll(original, 1, axis=0) + np.roll(original, 1, axis=1)) / 3
    return original, original + rng.normal(0, 0.02, original.shape).astype(np.float32)


def test_it_is_the_slope_of_the_distance(pair):
    original, picture = pair
    gradient_of = Ssimulacra2Distance(original)
    _, gradient = gradient_of(picture)
    assert gradient.shape == picture.shape
    assert gradient.dtype == np.float32
    # Along the gradient itself the slope is steep enough to be measured in float32.
    direction = gradient / np.abs(gradient).max()

    def distance(step):
        return gradient_of(picture + np.float32(step) * direction)[0]

    slope = np.sum(gradient * direction, dtype=float)
    assert slope == pytest.approx((distance(5e-4) - distance(-5e-4)) / 1e-3, rel=0.01)


def test_the_distance_is_that_of_the_score():
    original = data.coffee()[50:306, 150:406]
    picture = np.asarray(Image.fromarray(original).resize((128, 128)).resize((256, 256)))
    as_floats = [image.astype(np.float32) / 255 for image in (original, picture)]
    distance, _ = Ssimulacra2Distance(as_floats[0])(as_floats[1])
    assert 100 - 10 * distance**EXPONENT == pytest.approx(ssimulacra2(original, picture), abs=0.5)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_flat_and_equal_pictures_have_finite_gradients(level):
    original = np.full((16, 16, 3), level, np.float32)
    for picture in (original, original + np.float32(0.1), original - np.float32(2)):
        distance, gradient = Ssimulacra2Distance(original)(picture)
        assert np.isfinite(distance)
        assert np.isfinite(gradient).all()


def test_pixels_outside_of_the_range_are_clipped(pair):
    original, picture = pair
    picture[0, 0] = 3
    _, gradient = Ssimulacra2Distance(original)(picture)
    assert not gradient[0, 0].any()
    assert gradient[0, 1].any()
