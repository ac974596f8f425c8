"""The measure of checkerboard artefacts."""

import keras
import numpy as np
import pytest

from demos import checkerboard
from demos.errors import ArgumentError


@pytest.mark.parametrize("stride", [2, 3, 4])
def test_stride_energy_agrees_with_fourier(stride, rng):
    image = rng.random((12 * stride, 5 * stride))
    power = np.abs(np.fft.fft2(image) / image.size) ** 2
    bins = power[::12, ::5]  # multiples of 1 / stride cycles per pixel
    assert checkerboard.stride_energy(image, stride) == pytest.approx(bins.sum() - power[0, 0])


def test_stride_energy_of_known_patterns():
    i, j = np.mgrid[:20, :30]
    assert checkerboard.stride_energy(5 + 0.3 * (-1.0) ** (i + j), 2) == pytest.approx(0.09)
    assert checkerboard.stride_energy(np.cos(2 * np.pi * j / 3), 3) == pytest.approx(0.5)
    assert checkerboard.stride_energy(np.full((7, 7), 3.0), 2) == 0
    assert checkerboard.stride_energy(np.cos(2 * np.pi * i / 5), 2) == pytest.approx(0, abs=1e-12)


def test_stride_energy_of_invalid_arguments():
    with pytest.raises(ArgumentError, match="a map of 1x9 is smaller than the stride 2"):
        checkerboard.stride_energy(np.ones((1, 9)), 2)
    with pytest.raises(ArgumentError, match="stride must be"):
        checkerboard.stride_energy(np.ones((4, 4)), 0)


def test_overlap_of_kernel_3():
    maps = checkerboard.inside(
        checkerboard.upsampler("transposed, kernel 3", "ones")(np.ones((1, 12, 12, 1)))
    )
    assert sorted(maps[0, :2, :2].ravel().tolist()) == [1, 2, 2, 4]  # kernels that overlap at each phase
    assert checkerboard.relative_energy(maps) == pytest.approx(np.var([1, 2, 2, 4]) / np.mean([1, 4, 4, 16]))


@pytest.mark.parametrize("kind", checkerboard.KINDS)
def test_only_resizing_first_has_no_checkerboard(kind):
    keras.utils.set_random_seed(0)
    even = np.ones((1, 16, 16, 1), np.float32)
    energy = checkerboard.relative_energy(checkerboard.inside(checkerboard.upsampler(kind, filters=8)(even)))
    assert energy < 1e-9 if "Conv2D" in kind else energy > 0.05


def test_unknown_upsampler():
    with pytest.raises(ArgumentError, match="unknown kind 'cubic', expected one of"):
        checkerboard.upsampler("cubic")
