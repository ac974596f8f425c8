"""Transposed convolution by four methods."""

import numpy as np
import pytest
from scipy import signal

from demos import transpose_by_hand
from demos.errors import ArgumentError

METHODS = (
    transpose_by_hand.by_summing,
    transpose_by_hand.by_zero_insertion,
    transpose_by_hand.by_matrix,
    transpose_by_hand.by_keras,
)


def test_example_of_1_to_16():
    image = np.arange(1.0, 17).reshape(4, 4)
    kernel = np.zeros((3, 3))
    kernel[1, 1] = 3
    small = (transpose_by_hand.convolution_matrix((4, 4), kernel) @ image.ravel()).reshape(2, 2)
    assert small.tolist() == [[18, 21], [30, 33]]
    assert transpose_by_hand.insert_zeros(small, 2).tolist() == [[18, 0, 21], [0, 0, 0], [30, 0, 33]]
    assert transpose_by_hand.by_zero_insertion(small, kernel, 2).tolist() == [
        [0, 0, 0, 0, 0],
        [0, 54, 0, 63, 0],
        [0, 0, 0, 0, 0],
        [0, 90, 0, 99, 0],
        [0, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 3), (4, 2)])
def test_methods_agree_with_scipy(method, stride, size, rng):
    image, kernel = rng.standard_normal((3, 4)), rng.standard_normal(size)
    spread = np.zeros([(n - 1) * stride + 1 for n in image.shape])
    spread[::stride, ::stride] = image
    expected = signal.convolve2d(spread, kernel)
    assert method(image, kernel, stride) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_invalid_arrays(method):
    for image, kernel in ((np.ones((0, 3)), np.ones((2, 2))), (np.ones((3, 3)), np.ones(3))):
        with pytest.raises(ArgumentError, match="non-empty 2-D"):
            method(image, kernel, 2)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_matrix_agrees_with_scipy(stride, rng):
    image, kernel = rng.standard_normal((8, 9)), rng.standard_normal((3, 2))
    matrix = transpose_by_hand.convolution_matrix(image.shape, kernel, stride)
    expected = signal.correlate2d(image, kernel, mode="valid")[::stride, ::stride]
    assert matrix @ image.ravel() == pytest.approx(expected.ravel())


def test_transpose_is_not_the_inverse(rng):
    kernel, image = rng.standard_normal((3, 3)), rng.standard_normal((6, 6))
    matrix = transpose_by_hand.convolution_matrix(image.shape, kernel)
    back = matrix.T @ (matrix @ image.ravel())
    assert back.shape == (36,)
    assert not np.allclose(back, image.ravel(), atol=0.1)
