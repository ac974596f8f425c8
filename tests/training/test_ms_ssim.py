"""Multi-scale structural similarity as a distortion."""

import importlib.util
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from training.ms_ssim import LEVELS_SQUARED, ms_ssim, ms_ssim_distortion, scales_that_fit


@pytest.fixture(scope="module")
def pair(random_pictures):
    """Pictures of 192 px and noisy versions of them, the second noisier."""
    clean = random_pictures(2, 192, 192)
    noise = np.random.default_rng(0).normal(size=clean.shape) * np.array([0.02, 0.2])[:, None, None, None]
    return clean, np.clip(clean + noise, 0, 1).astype(np.float32)


@pytest.mark.parametrize("scales", [5, 3])
def test_equals_tensorflows(pair, scales):
    exponents = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)[:scales]
    if scales < 5:
        exponents = [e / sum(exponents) for e in exponents]
    expected = tf.image.ssim_multiscale(*pair, 1.0, power_factors=exponents)
    np.testing.assert_allclose(np.asarray(ms_ssim(*pair, scales)), expected, atol=1e-5)


def test_distortion_is_zero_for_equal_and_grows_with_noise(pair):
    clean, noisy = pair
    np.testing.assert_allclose(np.asarray(ms_ssim_distortion(clean, clean)), 0, atol=1e-3 * LEVELS_SQUARED)
    little, much = np.asarray(ms_ssim_distortion(clean, noisy))
    assert 0 < 4 * little < much <= LEVELS_SQUARED


def test_equal_on_jax(pair, tmp_path):
    if not importlib.util.find_spec("jax"):
        pytest.skip("needs jax (the test extra)")
    np.save(tmp_path / "pair.npy", pair)
    code = (
        "import sys, numpy as np; from training.ms_ssim import ms_ssim; "
        "print(*np.asarray(ms_ssim(*np.load(sys.argv[1]))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "pair.npy")],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
    )
    values = [float(value) for value in done.stdout.split()]
    np.testing.assert_allclose(values, np.asarray(ms_ssim(*pair)), atol=1e-5, err_msg=done.stderr)


def test_scales_that_fit():
    got = {side: scales_that_fit(side) for side in (8, 11, 64, 128, 175, 176, 256)}
    assert got == {8: 1, 11: 1, 64: 3, 128: 4, 175: 4, 176: 5, 256: 5}


def test_a_model_trains_for_it(random_pictures, tiny_options):
    from compressor.models.registry import build_model

    model = build_model("cnn", **tiny_options["cnn"])
    model.build()
    x = {"images": random_pictures(2, 64, 64), "quality": np.array([0.2, 0.8], np.float32)}
    outputs = model(x)
    plain = float(model.compute_loss(x, y_pred=outputs))
    model.distortion = partial(ms_ssim_distortion, scales=3)
    weight = 0.0007 * (0.25 / 0.0007) ** x["quality"]
    distortion = np.asarray(ms_ssim_distortion(x["images"], outputs["images"], 3))
    by_hand = np.mean((np.asarray(outputs["bpp"]) + weight * distortion) / np.sqrt(weight / 0.0132))
    np.testing.assert_allclose(float(model.compute_loss(x, y_pred=outputs)), by_hand, rtol=1e-5)
    assert abs(plain / by_hand - 1) > 1e-3
