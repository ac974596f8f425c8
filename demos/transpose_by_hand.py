"""Transposed convolution by hand

Three ways to the same result: summing scaled kernels, inserting zeros and convolving, and multiplying by
the transpose of the convolution's sparse matrix. The transpose A' satisfies <Ax, y> = <x, A'y>; it gives
back the shape of the input, not its values, so "deconvolution" is a misleading name: it is no inverse.

Formula: A' y = sum over i, j of y[i, j] * kernel placed at (i*stride, j*stride); shape (n-1)*stride + k.
Reference: Dumoulin and Visin, 2016, arXiv 1603.07285, chapter 4.
"""

from __future__ import annotations

import numpy as np
from keras import ops
from scipy import sparse

from demos.common import ArgumentError, Context, require_kernel_fits, require_positive, shape
from demos.convolve import by_loop
from demos.drawing import Panel, draw_panels


def convolution_matrix(size: tuple[int, int], kernel: np.ndarray, stride: int = 1) -> sparse.csr_array:
    """The matrix A of Conv2D, "valid", on an image of this size: one row per output, one column per pixel.

    Each row holds the kernel (not flipped, as Conv2D does) at the place that it looks at.
    """
    require_positive(stride=stride)
    require_kernel_fits(np.empty(size), kernel)
    pixels = np.arange(size[0] * size[1]).reshape(size)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, kernel.shape)[::stride, ::stride]
    columns = windows.reshape(-1, kernel.size)
    rows = np.repeat(np.arange(len(columns)), kernel.size)
    values = np.tile(kernel.ravel(), len(columns))
    return sparse.csr_array((values, (rows, columns.ravel())), shape=(len(columns), pixels.size))


def insert_zeros(image: np.ndarray, stride: int) -> np.ndarray:
    """Put stride-1 zeros between neighbouring pixels: n to (n-1)*stride + 1 along each axis."""
    require_positive(stride=stride)
    spread = np.zeros([(n - 1) * stride + 1 for n in image.shape], image.dtype)
    spread[::stride, ::stride] = image
    return spread


def output_shape(image: np.ndarray, kernel: np.ndarray, stride: int) -> tuple[int, int]:
    """(n-1)*stride + k along both axes; ArgumentError for arrays that are empty or not 2-D."""
    require_positive(stride=stride)
    if np.ndim(image) != 2 or np.ndim(kernel) != 2 or 0 in np.shape(image) + np.shape(kernel):
        raise ArgumentError(f"expected two non-empty 2-D arrays, received {shape(image)} and {shape(kernel)}")
    return tuple((n - 1) * stride + k for n, k in zip(image.shape, kernel.shape, strict=True))


def by_summing(image: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """Every pixel lays down the kernel, scaled by its value; overlaps add up."""
    output = np.zeros(output_shape(image, kernel, stride))
    kh, kw = kernel.shape
    for (i, j), value in np.ndenumerate(image):
        output[i * stride : i * stride + kh, j * stride : j * stride + kw] += value * kernel
    return output


def by_zero_insertion(image: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """Zeros between the pixels, k-1 zeros around them, then a true convolution of stride 1."""
    output_shape(image, kernel, stride)
    kh, kw = kernel.shape
    return by_loop(np.pad(insert_zeros(image, stride), ((kh - 1, kh - 1), (kw - 1, kw - 1))), kernel)


def by_matrix(image: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """The transposed matrix of the convolution that shrinks the output's shape to the image's shape."""
    size = output_shape(image, kernel, stride)
    return (convolution_matrix(size, kernel, stride).T @ image.ravel()).reshape(size)


def by_keras(image: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """What Conv2DTranspose computes, "valid", cut to (n-1)*stride + k where Keras returns zeros beyond."""
    rows, columns = output_shape(image, kernel, stride)
    images, weights = (np.asarray(a, np.float32) for a in (image[None, :, :, None], kernel[:, :, None, None]))
    output = ops.conv_transpose(images, weights, strides=stride, padding="valid")
    return ops.convert_to_numpy(output)[0, :rows, :columns, 0]


def run(context: Context) -> None:
    """The 4x4 example, the three ways at strides 1 to 3, adjointness, and why it is no inverse."""
    image = np.arange(1, 17, dtype=np.float64).reshape(4, 4)
    kernel = np.zeros((3, 3))
    kernel[1, 1] = 3
    matrix = convolution_matrix(image.shape, kernel)
    small = (matrix @ image.ravel()).reshape(2, 2)
    context.say(f"4x4 image 1..16, 3x3 kernel with a single 3 at its centre: {small.tolist()}")
    context.say(f"the convolution is a {shape(matrix)} matrix with {matrix.nnz} stored entries")
    spread = insert_zeros(small, 2)
    large = by_zero_insertion(small, kernel, stride=2)
    back = by_matrix(small, kernel)
    context.say(f"zeros inserted: {spread.tolist()}, then convolved with 2 zeros around: {shape(large)}")
    context.check("the transpose gives back the shape 4x4", back.shape == image.shape)
    context.check(
        "but not the values: 9 times the four in the middle, 0 elsewhere",
        back[1, 1] == 9 * 6 and back[0, 0] == 0,
    )

    weights = context.rng.standard_normal((3, 3))
    for stride in (1, 2, 3):
        results = [
            way(small, weights, stride) for way in (by_summing, by_zero_insertion, by_matrix, by_keras)
        ]
        same = all(np.allclose(result, results[0], atol=1e-4) for result in results)
        context.check(f"stride {stride}: four ways to {shape(results[0])} agree", same)
    x, y = context.rng.standard_normal((9, 9)), context.rng.standard_normal((4, 4))
    left = np.vdot(convolution_matrix((9, 9), weights, 2) @ x.ravel(), y)
    right = np.vdot(x, by_summing(y, weights, 2))
    context.check(f"<Ax, y> = {left:.6f} = <x, A'y> = {right:.6f}", np.isclose(left, right))
    context.save(
        draw_panels(
            [
                Panel("image 4x4", image, "magnitude", numbers=True),
                Panel("convolved 2x2", small, "magnitude", numbers=True),
                Panel("zeros inserted 3x3", spread, "magnitude", numbers=True),
                Panel("stride 2: 5x5", large, "magnitude", numbers=True),
                Panel("stride 1: shape back, values not", back, "magnitude", numbers=True),
            ],
            columns=5,
        ),
        "The example 1..16: convolved, zeros inserted, transposed with stride 2, and with stride 1.",
    )
    pattern = convolution_matrix((4, 4), weights).toarray()
    context.save(
        draw_panels(
            [
                Panel("A: 4x16", pattern, "signed"),
                Panel("A' A: 16x16, not the identity", pattern.T @ pattern, "signed"),
            ],
            columns=2,
            size=4,
        ),
        "The matrix of a 3x3 convolution on a 4x4 image, and its transpose times itself: no inverse.",
    )
