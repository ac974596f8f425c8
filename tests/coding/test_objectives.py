"""The slopes of the errors that a refinement lowers."""

import numpy as np
import pytest

from compressor.coding.objectives import weighted_perceptual_error, weighted_squared_error


@pytest.fixture
def rng():
    return np.random.default_rng(0)


ONE = np.float32(1)


@pytest.mark.parametrize("error_of", [weighted_squared_error, weighted_perceptual_error])
def test_the_slope_is_that_of_the_error(rng, error_of):
    original = np.cumsum(rng.normal(0, 2, (32, 48, 3)), axis=1).astype(np.float32)
    pixels = original + rng.normal(0, 6, original.shape).astype(np.float32)
    error = error_of(original, ONE)
    _, slope = error(pixels)
    step = np.float32(0.1) * slope / np.abs(slope).max()
    change = error(pixels + step)[0] - error(pixels - step)[0]
    assert 2 * np.sum(slope * step, dtype=float) == pytest.approx(change, rel=0.01)


def test_the_squared_error_is_that_of_the_mean_pixel_times_their_number(rng):
    original, pixels = rng.uniform(-100, 100, (2, 16, 32, 3)).astype(np.float32)
    error, _ = weighted_squared_error(original, ONE)(pixels)
    assert error == pytest.approx(np.mean((pixels - original) ** 2) * 16 * 32)


def test_each_squared_error_has_the_lambda_of_its_pixel(rng):
    original, pixels = rng.uniform(-100, 100, (2, 16, 32, 3)).astype(np.float32)
    weight = np.repeat(np.float32([0, 3]), 16)[None, :, None]
    error, slope = weighted_squared_error(original, np.broadcast_to(weight, (16, 32, 1)))(pixels)
    right, right_slope = weighted_squared_error(original[:, 16:], ONE)(pixels[:, 16:])
    assert error == pytest.approx(3 * right)
    np.testing.assert_allclose(slope[:, 16:], 3 * right_slope, rtol=1e-6)
    assert not slope[:, :16].any()


@pytest.mark.parametrize("error_of", [weighted_squared_error, weighted_perceptual_error])
def test_clipped_pixels_have_no_error(error_of):
    original = np.full((16, 16, 3), 127, np.float32)
    error, slope = error_of(original, ONE)(original + 40)
    assert error == pytest.approx(error_of(original, ONE)(original)[0])
    assert not slope.any()
