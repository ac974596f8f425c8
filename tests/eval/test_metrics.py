import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from eval import metrics
from eval.errors import SizeMismatch


def constant(value, height=200, width=180):
    return np.full((height, width, 3), value, dtype=np.uint8)


def test_psnr_by_hand():
    assert metrics.psnr_db(constant(10), constant(11)) == pytest.approx(20 * math.log10(255))
    assert metrics.psnr_db(constant(0), constant(255)) == 0


def test_psnr_does_not_wrap_around_in_8_bits():
    a, b = constant(0, 1, 2), constant(0, 1, 2)
    b[0, 0] = 255  # half of the pixels wholly wrong: mse = 255**2 / 2
    assert metrics.psnr_db(a, b) == pytest.approx(10 * math.log10(2))
    assert metrics.psnr_db(b, a) == metrics.psnr_db(a, b)


def test_psnr_equals_scikit_image(photo):
    a, b = photo(50, 60), photo(50, 60, seed=3)
    assert metrics.psnr_db(a, b) == pytest.approx(peak_signal_noise_ratio(a, b))


def test_equal_pictures_are_infinitely_good(photo):
    image = photo(170, 165)
    result = metrics.compare(image, image.copy())
    assert result["psnr_rgb_db"] == result["psnr_y_db"] == math.inf
    assert result["ssim"] == pytest.approx(1)
    assert result["ms_ssim"] == pytest.approx(1)
    assert result["note"] == ""


def test_luma_weights():
    red, green, blue = np.eye(3, dtype=np.uint8)[:, None, None, :] * 100
    assert [metrics.luma(one).item() for one in (red, green, blue)] == pytest.approx([29.9, 58.7, 11.4])


def test_ssim_of_flat_pictures_by_hand():
    """Without structure only luminance is left: (2ab + C1) / (a^2 + b^2 + C1)."""
    c1 = (0.01 * 255) ** 2
    luminance = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    assert metrics.ssim(constant(100), constant(120)) == pytest.approx(luminance, abs=1e-5)
    # MS-SSIM reads luminance at its coarsest scale alone, with that scale's weight.
    assert metrics.ms_ssim(constant(100), constant(120)) == pytest.approx(luminance**0.1333, abs=1e-5)


@pytest.mark.parametrize("size", [(176, 208), (201, 163)])
def test_agrees_with_tensorflow(photo, size):
    tf = pytest.importorskip("tensorflow")
    a = photo(*size)
    noise = np.random.default_rng(1).normal(0, 12, a.shape)
    b = np.clip(np.round(a + noise), 0, 255).astype(np.uint8)
    tensors = [tf.constant(image[None].astype(np.float32)) for image in (a, b)]
    assert metrics.ssim(a, b) == pytest.approx(float(tf.image.ssim(*tensors, 255)[0]), abs=2e-5)
    assert metrics.ms_ssim(a, b) == pytest.approx(float(tf.image.ssim_multiscale(*tensors, 255)[0]), abs=2e-5)


def test_opposite_structure_gives_zero_not_nan(photo):
    image = photo(200, 200)
    assert metrics.ms_ssim(image, 255 - image) == 0


@pytest.mark.parametrize(
    ("size", "has_ssim", "has_ms_ssim"),
    [((1, 1), False, False), ((10, 300), False, False), ((11, 300), True, False), ((160, 300), True, False),
     ((161, 161), True, True)],
)  # fmt: skip
def test_small_pictures_lack_what_has_no_window(photo, size, has_ssim, has_ms_ssim):
    result = metrics.compare(photo(*size), photo(*size, seed=2))
    assert math.isfinite(result["psnr_rgb_db"])
    assert (result["ssim"] is not None) == has_ssim
    assert (result["ms_ssim"] is not None) == has_ms_ssim
    assert ("MS-SSIM needs 161 px" in result["note"]) == (not has_ms_ssim)
    assert (", MS-SSIM" in result["note"]) == (not has_ssim)


def test_sizes_must_agree(photo):
    with pytest.raises(SizeMismatch, match="sizes differ: 6x5 and 5x6"):
        metrics.compare(photo(5, 6), photo(6, 5))
