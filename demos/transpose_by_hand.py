"""Transposed convolution by hand

Three methods with the same result: summing scaled kernels, inserting zeros and convolving, and multiplying by
the transpose of the convolution's sparse matrix. The transpose A' satisfies <Ax, y> = <x, A'y>. It restores
the shape of the input, not its values, so "deconvolution" is a misleading name: it is not an inverse.

Formula: A' y = sum over i, j of y[i, j] * kernel placed at (i*stride, j*stride); shape (n-1)*stride + k.
Reference: Dumoulin and Visin, 2016, arXiv 1603.07285, chapter 4.
"""

import numpy as np
from keras import ops
from scipy import sparse

from demos.checks import require_kernel_fits, require_positive, shape
from demos.context import Context
from demos.convolve import by_loop
from demos.drawing import Panel, draw_panels
from demos.errors import ArgumentError


def convolution_matrix(size: tuple[int, int], kernel: np.ndarray, stride: int = 1) -> sparse.csr_array:
    """Build the matrix of a Conv2D with padding "valid".

    Each row has the kernel, not flipped, at the pixels that its output reads.

    Args:
        size: (H, W) of the image.
        kernel: (kh, kw), not larger than the image.
        stride: at least 1.

    Returns:
        A sparse matrix with a row per output and a column per pixel.

    Raises:
        ArgumentError: the kernel does not fit, or the stride is out of range.

    Example:
        >>> convolution_matrix((4, 4), np.ones((3, 3))).shape
        (4, 16)
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
    """Put stride-1 zeros between neighbouring pixels.

    Args:
        image: (H, W).
        stride: at least 1.

    Returns:
        ((H-1)*stride + 1, (W-1)*stride + 1), of the same type.

    Example:
        >>> insert_zeros(np.array([[1, 2, 3]]), 2).tolist()
        [[1, 0, 2, 0, 3]]
    """
    require_positive(stride=stride)
    spread = np.zeros([(n - 1) * stride + 1 for n in image.shape], image.dtype)
    spread[::stride, ::stride] = image
    return spread


def output_shape(image: np.ndarray, kernel: np.ndarray, stride: int) -> tuple[int, int]:
    """Return the shape of a transposed convolution: (n-1)*stride + k along both axes.

    Raises:
        ArgumentError: an array is empty or not 2-D, or the stride is out of range.

    Example:
        >>> output_shape(np.ones((4, 4)), np.ones((3, 3)), stride=2)
        (9, 9)
    """
    require_positive(stride=stride)
    if np.ndim(image) != 2 or np.ndim(kernel) != 2 or 0 in np.shape(image) + np.shape(kernel):
        raise ArgumentError(f"expected two non-empty 2-D arrays, received {shape(image)} and {shape(kernel)}")
    return tuple((n - 1) * stride + k for n, k in zip(image.shape, kernel.shape, strict=True))


def by_summing(image: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """Sum copies of the kernel, one for each pixel, scaled by its value.

    Args:
        image: (H, W).
        kernel: (kh, kw).
        stride: distance of the copies, at least 1.

    Returns:
        The transposed convolution, ((H-1)*stride + kh, (W-1)*stride + kw).

    Raises:
        ArgumentError: see `output_shape`.

    Example:
        >>> by_summing(np.array([[1.0, 2.0]]), np.array([[1.0, 1.0, 1.0]]), stride=2).tolist()
        [[1.0, 1.0, 3.0, 2.0, 2.0]]
    """
    output = np.zeros(output_shape(image, kernel, stride))
    kh, kw = kernel.shape
    for (i, j), value in np.ndenumerate(image):
        output[i * stride : i * stride + kh, j * stride : j * stride + kw] += value * kernel
    return output


def by_zero_insertion(image: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """Put zeros between the pixels and k-1 zeros around them, then convolve; see `by_summing`."""
    output_shape(image, kernel, stride)
    kh, kw = kernel.shape
    return by_loop(np.pad(insert_zeros(image, stride), ((kh - 1, kh - 1), (kw - 1, kw - 1))), kernel)


def by_matrix(image: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """Multiply by the transposed matrix of the convolution in the other direction; see `by_summing`."""
    size = output_shape(image, kernel, stride)
    return (convolution_matrix(size, kernel, stride).T @ image.ravel()).reshape(size)


def by_keras(image: np.ndarray, kernel: np.ndarray, stride: int = 1) -> np.ndarray:
    """Apply Keras' conv_transpose, "valid", and crop the zeros that it may append; see `by_summing`."""
    rows, columns = output_shape(image, kernel, stride)
    images, weights = (np.asarray(a, np.float32) for a in (image[None, :, :, None], kernel[:, :, None, None]))
    output = ops.conv_transpose(images, weights, strides=stride, padding="valid")
    return ops.convert_to_numpy(output)[0, :rows, :columns, 0]


def run(context: Context) -> None:
    """Compute a 4x4 example, compare all methods at strides 1 to 3, and test adjointness."""
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
    context.check("the transpose restores the shape 4x4", back.shape == image.shape)
    context.check(
        "but not the values: 9 times the four in the centre, 0 elsewhere",
        back[1, 1] == 9 * 6 and back[0, 0] == 0,
    )

    weights = context.rng.standard_normal((3, 3))
    for stride in (1, 2, 3):
        methods = (by_summing, by_zero_insertion, by_matrix, by_keras)
        results = [method(small, weights, stride) for method in methods]
        same = all(np.allclose(result, results[0], atol=1e-4) for result in results)
        context.check(f"stride {stride}: four methods with output {shape(results[0])} agree", same)
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
                Panel("stride 1: shape, not values", back, "magnitude", numbers=True),
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
        "The matrix of a 3x3 convolution on a 4x4 image, and its transpose times itself: not the identity.",
    )
