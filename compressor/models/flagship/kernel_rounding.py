"""Rounding of the kernels of an 8-bit synthesis filter.

The inputs of a convolution are correlated, since neighbouring positions are nearly equal. If each weight is
rounded to the nearest integer, the errors of many weights add up. Here, the weights that are not rounded yet
compensate for the error of each rounded weight, so that the outputs change as little as possible.

Reference: Frantar et al., "OPTQ: accurate quantization for generative pre-trained transformers", ICLR 2023.
"""

from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Any

import keras
import numpy as np
from keras import layers, ops
from numpy.lib.stride_tricks import sliding_window_view

from compressor.layers.eight_bits import in_steps
from compressor.layers.shuffle import subpixel_kernel
from compressor.models.export_arrays import as_stored
from compressor.models.flagship.calibration import cut
from compressor.models.flagship.model import Flagship
from compressor.models.flagship.networks import synthesis_filter_network
from compressor.spec.constants import MAX_WEIGHT
from compressor.spec.quality import TOP_LEVEL

# Larger pictures are cropped to their centre.
MAX_SIDE_PX = 256
# Share of the mean variance of the inputs that is added to the variance of each. Without it, inputs that
# hardly vary could get large weights.
DAMPING = 3e-3
# The least that is added, in case the inputs do not vary at all.
MIN_VARIANCE = 1e-3


def round_kernels(model: Flagship, images: Iterable[np.ndarray], levels: Iterable[int]) -> None:
    """Round the kernels of a model's 8-bit filter in place, and adjust the filter's biases.

    The target of each layer is its output in the same filter in floating point, so each layer also corrects,
    as far as it can, errors of earlier layers.

    Args:
        model: trained, with a filter in 8 bits.
        images: (H, W, 3) uint8, each side at least 64 pixels.
        levels: quality levels 0..396; each picture is coded at one of them, in turn.
    """
    network = model.synthesis_filter
    exact = synthesis_filter_network(
        model.config["filter_width"], model.config["filter_blocks"], eight_bits=False
    )
    pairs = list(zip(_convolutions(network), _convolutions(exact), strict=True))
    for layer, exact_layer in pairs:
        exact_layer.set_weights(layer.get_weights())
    pictures = list(_decoded(model, images, levels))
    for layer, exact_layer in pairs:
        actual = keras.Model(network.inputs, layer.input)
        wanted = keras.Model(exact.inputs, exact_layer.input)
        windows = ((_windows(layer, actual(x)), _windows(layer, wanted(x))) for x in pictures)
        mean, wanted_mean, covariance, cross = _moments(windows)
        added = max(DAMPING * np.diag(covariance).mean(), MIN_VARIANCE)
        damped = covariance + added * np.eye(len(mean))
        kernel = _matrix(layer, np.asarray(layer.kernel, np.float64))
        best = kernel + np.linalg.solve(damped, (cross - covariance) @ kernel)
        rounded = _rounded(layer, best, damped)
        # All phases of a transposed convolution share a bias.
        error = (wanted_mean @ kernel - mean @ rounded).reshape(-1, layer.filters).mean(axis=0)
        layer.kernel.assign(_kernel(layer, rounded))
        layer.bias.assign(np.asarray(layer.bias) + error)


def _decoded(model: Flagship, images: Iterable[np.ndarray], levels: Iterable[int]) -> Iterator[Any]:
    """Yield the inputs of the filter, (1, h, w, 4), for pictures that are cropped, coded and decoded."""
    for image, level in zip(images, cycle(levels), strict=False):
        top, left = (max(0, side - MAX_SIDE_PX) // 2 for side in image.shape[:2])
        picture = cut(image[top : top + MAX_SIDE_PX, left : left + MAX_SIDE_PX])
        quality = np.array([level / TOP_LEVEL], np.float32)
        yield model.network_inputs(model.coded_without_filter(picture, quality), quality)


def _convolutions(network: keras.Model) -> list[layers.Layer]:
    return [layer for layer in network.layers if isinstance(layer, layers.Conv2D | layers.Conv2DTranspose)]


def _windows(layer: layers.Layer, inputs) -> np.ndarray:
    """Return what a convolution reads at each of its positions, (positions, taps * taps * inputs)."""
    (size, _), (stride, _) = layer.kernel_size, layer.strides
    if isinstance(layer, layers.Conv2DTranspose):
        size, stride, pad = size // stride, 1, size // stride - 1  # see `subpixel_kernel`
    else:
        pad = (size - stride) // 2
    padded = np.pad(ops.convert_to_numpy(inputs), [(0, 0), (pad, pad), (pad, pad), (0, 0)])
    windows = sliding_window_view(padded, (size, size), (1, 2))[:, ::stride, ::stride]
    return windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, size * size * padded.shape[3])


def _matrix(layer: layers.Layer, kernel: np.ndarray) -> np.ndarray:
    """Arrange a kernel as the matrix that `_windows` are multiplied by."""
    if isinstance(layer, layers.Conv2DTranspose):
        kernel = subpixel_kernel(kernel, layer.strides[0]).transpose(2, 3, 1, 0)
    return kernel.reshape(-1, kernel.shape[-1])


def _kernel(layer: layers.Layer, matrix: np.ndarray) -> np.ndarray:
    """Undo `_matrix`."""
    kernel = np.empty(layer.kernel.shape)
    kernel.flat[_matrix(layer, np.arange(kernel.size).reshape(kernel.shape))] = matrix
    return kernel


def _moments(windows: Iterable[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, ...]:
    """Return the moments of two random vectors, whose samples are the rows of each pair of matrices.

    Returns:
        Both means, (n,); the covariance of the first vector, and that of the first with the second, (n, n).
    """
    count, sums, products = 0, np.float64(0), np.float64(0)
    for first, second in windows:
        both = np.concatenate([first, second], axis=1)
        count += len(both)
        sums = sums + both.sum(axis=0, dtype=np.float64)
        products = products + first.T.astype(np.float64) @ both
    means = sums / count
    first_mean, second_mean = np.split(means, 2)
    covariance, cross = np.split(products / count - np.outer(first_mean, means), 2, axis=1)
    return first_mean, second_mean, covariance, cross


def _rounded(layer: layers.Layer, kernel: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return the matrix of a kernel with weights rounded to multiples of their steps.

    Args:
        layer: the convolution.
        kernel: its matrix, (n, outputs).
        covariance: that of its inputs, (n, n).
    """
    exact, steps = (np.asarray(x) for x in in_steps(as_stored(_kernel(layer, kernel)), layer.output_axis))
    order = np.argsort(-np.diag(covariance))
    factor = np.linalg.cholesky(np.linalg.inv(covariance[np.ix_(order, order)])).T
    left = _matrix(layer, exact).astype(np.float64)[order]
    # The largest weight of an output defines its step, and stays.
    is_largest, largest = np.abs(left) > MAX_WEIGHT - 1e-3, np.sign(left) * MAX_WEIGHT
    whole = np.empty_like(left)
    for i in range(len(left)):
        nearest = np.clip(np.rint(left[i]), -MAX_WEIGHT, MAX_WEIGHT)
        whole[i] = np.where(is_largest[i], largest[i], nearest)
        left[i + 1 :] -= np.outer(factor[i, i + 1 :], (left[i] - whole[i]) / factor[i, i])
    matrix = np.empty_like(whole)
    matrix[order] = whole
    return matrix * _matrix(layer, np.broadcast_to(steps, exact.shape))
