"""Deconvolution compared with scikit-image, and its gain in PSNR."""

from itertools import islice

import keras
import numpy as np
import pytest
from scipy import signal
from skimage import restoration

from demos import deconvolution
from demos.context import Context
from demos.errors import ArgumentError
from demos.kernels import gaussian
from eval.metrics import float_psnr_db

KERNELS = {"motion": deconvolution.motion_kernel(7, 30), "Gaussian": gaussian(7, 1.2)}


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    return np.pad(Context("x", tmp_path_factory.mktemp("x")).gray((64, 64)), 4)


def blurred(picture, kernel):
    return signal.convolve2d(picture, kernel, mode="same").astype(np.float32)


@pytest.mark.parametrize("name", KERNELS)
def test_blur_agrees_with_scipy(name, picture):
    ours = keras.ops.convert_to_numpy(deconvolution.convolve(picture, KERNELS[name]))
    assert ours == pytest.approx(blurred(picture, KERNELS[name]), abs=1e-5)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("iterations", [1, 12])
def test_richardson_lucy_agrees_with_scikit_image(name, iterations, picture):
    y = blurred(picture, KERNELS[name]) + np.float32(0.01)  # avoids 0 / 0
    expected = restoration.richardson_lucy(y.astype(np.float64), KERNELS[name].astype(np.float64), iterations)
    assert deconvolution.richardson_lucy(y, KERNELS[name], iterations) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("balance", [0.001, 0.1])
def test_wiener_agrees_with_scikit_image(name, balance, picture):
    y = blurred(picture, KERNELS[name])
    laplacian = np.array([[0, -1, 0], [-1, 4, -1], [0, -1, 0]], np.float64)
    expected = restoration.wiener(y, KERNELS[name], balance).clip(0, 1)
    assert deconvolution.wiener(y, KERNELS[name], balance, laplacian) == pytest.approx(expected, abs=1e-3)


def test_wiener_without_a_prior(picture):
    kernel = KERNELS["motion"]
    y = blurred(picture, kernel)
    padded = np.zeros_like(y)
    padded[:7, :7] = kernel
    k = np.fft.fft2(np.roll(padded, (-3, -3), (0, 1)))
    expected = np.fft.ifft2(np.conj(k) * np.fft.fft2(y) / (np.abs(k) ** 2 + 0.01)).real.clip(0, 1)
    assert deconvolution.wiener(y, kernel, 0.01) == pytest.approx(expected, abs=1e-4)


def test_methods_improve_the_sample(picture):
    kernel = KERNELS["motion"]
    y = blurred(picture, kernel)
    before = float_psnr_db(picture, y, peak=1)
    assert float_psnr_db(picture, deconvolution.richardson_lucy(y, kernel, 30), peak=1) > before + 5
    assert float_psnr_db(picture, deconvolution.wiener(y, kernel, 1e-4), peak=1) > before + 8
    assert float_psnr_db(picture, deconvolution.blind_deconvolution(y, 7)[0], peak=1) > before + 1


def test_iterations_amplify_noise(picture):
    kernel = KERNELS["motion"]
    y = (blurred(picture, kernel) + np.random.default_rng(0).normal(0, 0.02, picture.shape)).clip(0, 1)
    errors = [
        float_psnr_db(picture, u, peak=1) for u in islice(deconvolution.richardson_lucy_steps(y, kernel), 60)
    ]
    best = int(np.argmax(errors))
    assert 3 < best < 50
    assert errors[-1] < errors[best] - 0.3


def test_kernel_of_a_known_picture(picture):
    kernel = KERNELS["motion"]
    tensors = [
        keras.ops.convert_to_tensor(a, "float32")
        for a in (np.full((7, 7), 1 / 49), blurred(picture, kernel), picture)
    ]
    found = keras.ops.convert_to_numpy(deconvolution.kernel_steps(*tensors, count=2000))
    assert found.sum() == pytest.approx(1, abs=1e-4)
    assert found == pytest.approx(kernel, abs=0.02)
    assert np.corrcoef(found.ravel(), kernel.ravel())[0, 1] > 0.98


def test_blind_kernel_resembles_the_true_one(picture):
    _, found = deconvolution.blind_deconvolution(blurred(picture, KERNELS["motion"]), 7)
    assert found.min() >= 0
    assert found.sum() == pytest.approx(1, abs=1e-4)
    assert np.corrcoef(found.ravel(), KERNELS["motion"].ravel())[0, 1] > 0.6


def test_motion_kernels():
    assert deconvolution.motion_kernel(5, 0) == pytest.approx(np.outer([0, 0, 1, 0, 0], np.full(5, 0.2)))
    assert deconvolution.motion_kernel(9, 90) == pytest.approx(deconvolution.motion_kernel(9, 0).T, abs=1e-6)
    assert deconvolution.motion_kernel(9, 37).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda y: deconvolution.motion_kernel(4, 0), "size must be odd"),
        (
            lambda y: deconvolution.richardson_lucy(y, np.ones((9, 9)), 1),
            "kernel 9x9 is larger than the image 8x8",
        ),
        (lambda y: deconvolution.richardson_lucy(y, np.ones((2, 3)), 1), "kernel height must be odd"),
        (lambda y: deconvolution.richardson_lucy(y, np.ones((3, 3)), 0), "iterations must be a positive"),
        (lambda y: deconvolution.wiener(y, np.ones((9, 1)), 1), "larger than the image"),
        (lambda y: deconvolution.wiener(y, np.ones((3, 3)), 0), "noise_to_signal must be positive"),
        (lambda y: deconvolution.blind_deconvolution(y, 4), "size must be odd"),
        (lambda y: deconvolution.blind_deconvolution(y, 9), "larger than the image"),
        (lambda y: deconvolution.blind_deconvolution(y, 3, rounds=0), "rounds must be a positive"),
    ],
)
def test_invalid_arguments(call, message):
    with pytest.raises(ArgumentError, match=message):
        call(np.ones((8, 8), np.float32))
