"""The metrics, against other implementations."""

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from eval import metrics, ssim
from eval.errors import SizeMismatchError


def constant(value):
    return np.full((200, 180, 3), value, dtype=np.uint8)


def test_psnr_of_floats_equals_scikit_image(photo):
    floats = [photo(50, 60, seed).astype(np.float32) / 255 for seed in (0, 3)]
    expected = peak_signal_noise_ratio(*floats, data_range=1)
    assert metrics.float_psnr_db(*floats, peak=1) == pytest.approx(expected, rel=1e-6)


def test_equal_pictures_have_perfect_values(photo):
    image = photo(170, 165)
    result = metrics.compare(image, image.copy())
    assert result["psnr_rgb_db"] == result["psnr_y_db"] == math.inf
    assert result["ssim"] == pytest.approx(1)
    assert result["ms_ssim"] == pytest.approx(1)
    assert result["ssimulacra2"] == 100
    assert result.get("butteraugli", 0) == 0
    assert result["note"] == ""


def test_luma_weights():
    red, green, blue = np.eye(3, dtype=np.uint8)[:, None, None, :] * 100
    assert [metrics.luma(one).item() for one in (red, green, blue)] == pytest.approx([29.9, 58.7, 11.4])


def test_similarity_in_decibels():
    assert metrics.to_db(0.99) == pytest.approx(20)
    assert metrics.to_db(1.0) == math.inf


def test_records_are_consistent():
    names = [metric.name for metric in metrics.METRICS]
    assert len(set(names)) == len(names)
    for metric in metrics.METRICS:
        better, worse = (0.2, 0.4) if metric.kind == "distance" else (0.4, 0.2)
        assert metric.to_axis(better) > metric.to_axis(worse)
        assert metric.axis_limits is None or metric.axis_limits[0] < metric.axis_limits[1]


def test_distances_are_shown_with_their_own_sign():
    [metric] = [metric for metric in metrics.METRICS if metric.kind == "distance"]
    assert metric.axis_range(metric.to_axis(3.0), metric.to_axis(1.0)) == (1.0, 3.0)
    assert metric.text(0.5) == "0.500"
    assert metric.text(None) == "-"


def test_missing_program_leaves_its_metric_out(photo, no_butteraugli):
    result = metrics.compare(photo(20, 20), photo(20, 20, seed=1))
    assert "butteraugli" not in result
    assert result["ssimulacra2"] < 100


def test_ssim_of_flat_pictures():
    """Flat pictures differ only in the luminance term, (2ab + C1) / (a^2 + b^2 + C1)."""
    c1 = (0.01 * 255) ** 2
    luminance = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert ssim.ssim(constant(100), constant(120)) == pytest.approx(luminance, abs=1e-5)
    # MS-SSIM has a luminance term only at the coarsest scale, with that scale's weight.
    assert ssim.ms_ssim(constant(100), constant(120)) == pytest.approx(luminance**0.1333, abs=1e-5)


@pytest.mark.parametrize("size", [(176, 208), (201, 163)])
def test_agrees_with_tensorflow(photo, size):
    tf = pytest.importorskip("tensorflow")
    a = photo(*size)
    noise = np.random.default_rng(1).normal(0, 12, a.shape)
    b = np.clip(np.round(a + noise), 0, 255).astype(np.uint8)
    tensors = [tf.constant(image[None].astype(np.float32)) for image in (a, b)]
    assert ssim.ssim(a, b) == pytest.approx(float(tf.image.ssim(*tensors, 255)[0]), abs=2e-5)
    assert ssim.ms_ssim(a, b) == pytest.approx(float(tf.image.ssim_multiscale(*tensors, 255)[0]), abs=2e-5)


def test_inverted_structure_gives_zero(photo):
    image = photo(200, 200)
    assert ssim.ms_ssim(image, 255 - image) == 0


@pytest.mark.parametrize(
    ("size", "has_ssim", "has_ms_ssim"),
    [((1, 1), False, False), ((10, 300), False, False), ((11, 300), True, False), ((160, 300), True, False),
     ((161, 161), True, True)],
)  # fmt: skip
def test_small_pictures_lack_some_metrics(photo, size, has_ssim, has_ms_ssim):
    result = metrics.compare(photo(*size), photo(*size, seed=2))
    assert math.isfinite(result["psnr_rgb_db"])
    assert (result["ssim"] is not None) == has_ssim
    assert (result["ms_ssim"] is not None) == has_ms_ssim
    assert ("MS-SSIM needs 161 px" in result["note"]) == (not has_ms_ssim)
    assert ("SSIM needs 11 px" in result["note"]) == (not has_ssim)
    assert (result["ssimulacra2"] is None) == (min(size) < 8)


def test_sizes_must_match(photo):
    with pytest.raises(SizeMismatchError, match="sizes differ: 6x5 and 5x6"):
        metrics.compare(photo(5, 6), photo(6, 5))
