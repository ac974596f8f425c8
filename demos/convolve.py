"""Convolution in four ways

A valid 2-D convolution of a gray picture as a plain loop, with sliding windows, with SciPy and with a
Keras Conv2D of fixed weights. All four agree, and the output is (H-kh+1, W-kw+1). Deep learning's
"convolution" is a correlation: it does not rotate the kernel by 180 degrees, so the kernel has to be
flipped before it is given to Conv2D.

Formula: out[i, j] = sum over a, b of image[i+a, j+b] * kernel[kh-1-a, kw-1-b]. Reference: Dumoulin and
Visin, A guide to convolution arithmetic for deep learning, 2016, arXiv 1603.07285.
"""

import time

import keras
import numpy as np
from scipy import signal

from demos.checks import require_kernel_fits, shape
from demos.context import Context
from demos.drawing import Panel, draw_panels


def flip(kernel: np.ndarray) -> np.ndarray:
    """Rotate a 2-D kernel by 180 degrees, which turns a convolution into a correlation and vice versa.

    Example:
        >>> flip(np.array([[1, 2], [3, 4]])).tolist()
        [[4, 3], [2, 1]]
    """
    return kernel[::-1, ::-1]


def by_loop(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve with two loops over the outputs.

    Args:
        image: (H, W).
        kernel: (kh, kw), not larger than the image.

    Returns:
        The valid convolution, (H-kh+1, W-kw+1).

    Raises:
        ArgumentError: the kernel does not fit.

    Example:
        >>> by_loop(np.array([[1.0, 2, 3]]), np.array([[1.0, 10]])).tolist()
        [[12.0, 23.0]]
    """
    require_kernel_fits(image, kernel)
    kh, kw = kernel.shape
    flipped = flip(kernel)
    output = np.empty((image.shape[0] - kh + 1, image.shape[1] - kw + 1))
    for i in range(output.shape[0]):
        for j in range(output.shape[1]):
            output[i, j] = np.sum(image[i : i + kh, j : j + kw] * flipped)
    return output


def by_windows(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve with a view of all windows, (H-kh+1, W-kw+1, kh, kw), and one contraction; see `by_loop`."""
    require_kernel_fits(image, kernel)
    windows = np.lib.stride_tricks.sliding_window_view(image, kernel.shape)
    return np.einsum("ijab,ab->ij", windows, flip(kernel))


def by_scipy(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve with scipy.signal, which flips the kernel itself; see `by_loop`."""
    require_kernel_fits(image, kernel)
    return signal.convolve2d(image, kernel, mode="valid")


def by_keras(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Convolve with a Conv2D of one filter, with weights (kh, kw, 1, 1); see `by_loop`."""
    require_kernel_fits(image, kernel)
    layer = keras.layers.Conv2D(1, kernel.shape, padding="valid", use_bias=False)
    layer.build((None, None, None, 1))
    layer.set_weights([flip(kernel)[:, :, None, None]])
    return keras.ops.convert_to_numpy(layer(image[None, :, :, None]))[0, :, :, 0]


def run(context: Context) -> None:
    """Convolve a picture in four ways, time them, and show the effect of a missing flip."""
    image = context.gray(160)
    # Not symmetric, so that a missing flip changes the result.
    kernel = np.array([[2, 1, 0], [1, 0, -1], [0, -1, -2]], np.float32) / 4
    expected = by_scipy(image, kernel)
    context.say(f"image {shape(image)}, kernel {shape(kernel)}: output (H-kh+1, W-kw+1) = {expected.shape}")
    for method in (by_loop, by_windows, by_scipy, by_keras):
        started = time.perf_counter()
        output = method(image, kernel)
        milliseconds = 1000 * (time.perf_counter() - started)
        context.say(f"{method.__name__:<12}{shape(output)}  {milliseconds:8.2f} ms")
        context.check(f"{method.__name__} agrees with SciPy", np.allclose(output, expected, atol=1e-5))

    correlation = by_keras(image, flip(kernel))  # the two flips cancel
    context.say("\nWithout the flip, Conv2D computes a correlation:")
    context.check(
        "Conv2D with the unflipped kernel equals scipy.signal.correlate2d",
        np.allclose(correlation, signal.correlate2d(image, kernel, mode="valid"), atol=1e-5),
    )
    context.check(
        "this kernel is odd (flipping negates it), so the two differ in sign",
        np.allclose(correlation, -expected, atol=1e-5),
    )
    context.save(
        draw_panels(
            [
                Panel(f"image {shape(image)}", image),
                Panel("kernel", kernel, "signed", numbers=True),
                Panel(f"convolution {shape(expected)}", expected, "signed"),
                Panel("correlation: no flip", correlation, "signed"),
            ]
        ),
        "A picture, an odd kernel, its convolution and its correlation: the same edges with opposite signs.",
    )
