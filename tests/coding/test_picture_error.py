"""The error of decoded pictures: exact for small ones, estimated for large ones."""

import numpy as np
import pytest

from compressor.coding.objectives import weighted_perceptual_error
from compressor.coding.picture_error import PART_PX, PictureError
from compressor.images.pixels import Pixels
from tests.samples import noise, photo_like

METRICS = ["mse", "ssimulacra2"]


def error_for(image, decoded, metric, weight, hidden=None):
    return PictureError(Pixels(image, image, hidden), decoded, metric, weight)


@pytest.mark.parametrize("metric", METRICS)
def test_the_original_has_no_error(metric):
    image = photo_like(50, 70)
    error = error_for(image, image, metric, 0.1)
    assert error(image) == pytest.approx(0, abs=1e-2)
    assert error(image ^ np.uint8(2)) > error(image ^ np.uint8(1)) > 0


def test_it_is_that_of_refinement():
    image = photo_like(64, 96)
    decoded = image ^ np.uint8(3)
    original, pixels = image.astype(np.float32) - 128, decoded.astype(np.float32) - 128
    expected, _ = weighted_perceptual_error(original, np.float32(0.2))(pixels)
    assert error_for(image, decoded, "ssimulacra2", 0.2)(decoded) == pytest.approx(expected)


def test_another_metric_is_replaced_by_squared_error():
    image = photo_like(20, 30)
    decoded = image ^ np.uint8(1)
    assert error_for(image, decoded, "ms-ssim", 0.5)(decoded) == error_for(image, decoded, "mse", 0.5)(
        decoded
    )


@pytest.mark.parametrize("metric", METRICS)
def test_errors_of_large_pictures_are_estimated(metric):
    height, width = 40, 4 * PART_PX
    image = photo_like(height, width)
    decoded = np.clip(image + (noise(height, width, 3) & 7), 0, 255).astype(np.uint8)
    # The last part differs most from the original.
    decoded[:, -PART_PX:] = np.clip(decoded[:, -PART_PX:] + 5, 0, 255)
    error = error_for(image, decoded, metric, 0.1)
    parts = [np.s_[:, k * PART_PX : (k + 1) * PART_PX] for k in range(4)]
    expected = sum(error_for(image[p], decoded[p], metric, 0.1)(decoded[p]) for p in parts)
    assert error(decoded) == pytest.approx(expected, rel=0.35)
    # Errors outside of the parts count as well.
    worse = decoded.copy()
    worse[:, :PART_PX] ^= 8
    assert error(worse) > 1.1 * error(decoded)


def test_errors_are_counted_where_the_parts_have_none():
    image = photo_like(20, 4 * PART_PX)
    decoded = image.copy()
    decoded[:, :10] ^= 1
    error = error_for(image, image, "ssimulacra2", 0.3)
    assert error(decoded) > 0


@pytest.mark.parametrize("metric", METRICS)
def test_hidden_pixels_have_no_error(metric):
    image, hidden = photo_like(50, 70), np.zeros((50, 70), bool)
    hidden[:20] = True
    decoded = image.copy()
    decoded[:20] = 0
    error = error_for(image, image, metric, 0.1, hidden)
    assert error(decoded) == error(image)
    assert error_for(image, image, metric, 0.1)(decoded) > error(decoded) + 100
