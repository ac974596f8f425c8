"""Convolution in four ways."""

import numpy as np
import pytest
from scipy import signal

from demos import convolve
from demos.errors import ArgumentError

METHODS = (convolve.by_loop, convolve.by_windows, convolve.by_scipy, convolve.by_keras)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 5), (13, 17)])
def test_methods_agree_with_scipy(method, size, image, rng):
    kernel = rng.standard_normal(size).astype(np.float32)
    output = method(image, kernel)
    assert output.shape == (13 - size[0] + 1, 17 - size[1] + 1)
    assert output == pytest.approx(signal.fftconvolve(image, kernel, mode="valid"), abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_convolution_flips_the_kernel(method):
    image, kernel = np.array([[1.0, 2, 3]]), np.array([[1.0, 10]])
    assert method(image, kernel).tolist() == [[12, 23]]  # 1*10 + 2*1, 2*10 + 3*1
    assert method(image, convolve.flip(kernel)).tolist() == [[21, 32]]  # the correlation


@pytest.mark.parametrize("method", METHODS)
def test_kernel_does_not_fit(method):
    with pytest.raises(ArgumentError, match="kernel 3x3 is larger than the image 2x9"):
        method(np.zeros((2, 9)), np.zeros((3, 3)))
