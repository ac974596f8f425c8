"""The metric SSIMULACRA 2, against the `ssimulacra2` package."""

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from ssimulacra2 import compute_ssimulacra2

from compressor.images.pyramid import halve
from compressor.images.ssimulacra2 import ssimulacra2
from tests.samples import photo_like


@pytest.fixture
def package(tmp_path):
    """The score of the `ssimulacra2` package."""

    def score(reference, other):
        paths = [tmp_path / "reference.png", tmp_path / "other.png"]
        for path, image in zip(paths, (reference, other), strict=True):
            Image.fromarray(image).save(path)
        return compute_ssimulacra2(*paths)

    return score


def with_noise(image, sigma, margin=0):
    """Add noise to all but the outermost `margin` pixels."""
    noise = np.random.default_rng(1).normal(0, sigma, image.shape)
    inside = np.zeros(image.shape[:2], bool)
    inside[margin : image.shape[0] - margin, margin : image.shape[1] - margin] = True
    return np.clip(np.round(image + noise * inside[..., None]), 0, 255).astype(np.uint8)


def blurred(image, sigma):
    return ndimage.gaussian_filter(image, (sigma, sigma, 0))


@pytest.mark.parametrize(
    "distort",
    [
        lambda image: with_noise(image, 3),
        lambda image: with_noise(image, 12),
        lambda image: blurred(image, 1.5),
        lambda image: image // 32 * 32 + 16,
        lambda image: np.roll(image, 1, axis=2),
    ],
)
@pytest.mark.parametrize("size", [(72, 96), (131, 77), (290, 300)])
def test_agrees_with_the_package_apart_from_borders(package, monkeypatch, size, distort):
    """If both treat pixels beyond the borders as zero, they differ by rounding only."""

    def zero_border(image, sigma=1.5):
        return ndimage.gaussian_filter(image, sigma, truncate=3.33, mode="constant", axes=(0, 1))

    monkeypatch.setattr("ssimulacra2.ssimulacra2.blur_image", zero_border)
    image = photo_like(*size)
    assert ssimulacra2(image, distort(image)) == pytest.approx(package(image, distort(image)), abs=1e-3)


@pytest.mark.parametrize("sigma", [2, 6, 15])
def test_is_close_to_the_package_as_it_is(package, sigma):
    """The package treats borders differently, so the pictures are distorted in the interior only."""
    image = photo_like(400, 420)
    noisy = with_noise(image, sigma, margin=130)
    assert ssimulacra2(image, noisy) == pytest.approx(package(image, noisy), abs=0.5)


def test_more_noise_scores_lower():
    image = photo_like(64, 80)
    scores = [ssimulacra2(image, with_noise(image, sigma)) for sigma in (1, 3, 9, 27)]
    assert ssimulacra2(image, image) == 100
    assert sorted(scores, reverse=True) == scores


@pytest.mark.parametrize("size", [(8, 8), (8, 300), (9, 17)])
def test_smallest_pictures(size):
    assert ssimulacra2(photo_like(*size), photo_like(*size)) == 100
    assert ssimulacra2(photo_like(*size), 255 - photo_like(*size)) < 95


def test_halve_repeats_odd_edges():
    plane = np.array([[1.0, 3, 5], [1, 3, 5], [7, 9, 11]])
    assert halve(plane).tolist() == [[2, 5], [8, 11]]
    assert halve(np.stack([plane, -plane], axis=2))[..., 1].tolist() == [[-2, -5], [-8, -11]]
