"""The fixed linear path: a time-domain lapped transform as a pair of Keras layers."""

from collections.abc import Callable
from functools import cache

import keras
import numpy as np
from keras import ops

from compressor.spec.lapped import ALL_CHANNELS, BLOCK, COLOURS, block_basis, post_filter, pre_filter


def filter_block_edges(x, matrix: np.ndarray):
    """Apply a (16, 16) matrix to the 16 samples around every block edge, in both directions.

    Args:
        x: (N, H, W, C), H and W divisible by 16. Mirrored by 8 samples at the border.
        matrix: `pre_filter()` or `post_filter()`.

    Returns:
        (N, H, W, C).
    """
    half = BLOCK // 2
    matrix = ops.cast(matrix, x.dtype)
    for axis in (1, 2):
        width = [(0, 0)] * 4
        width[axis] = (half, half)
        padded = ops.pad(x, width, mode="symmetric")
        n, h, w, c = ops.shape(padded)
        if axis == 1:
            groups = ops.reshape(padded, (n, h // BLOCK, BLOCK, w * c))
            padded = ops.reshape(ops.matmul(matrix, groups), (n, h, w, c))
            x = padded[:, half:-half]
        else:
            groups = ops.reshape(padded, (n, h, w // BLOCK, BLOCK, c))
            padded = ops.reshape(ops.einsum("ij,nhgjc->nhgic", matrix, groups), (n, h, w, c))
            x = padded[:, :, half:-half]
    return x


def _block_analysis(images, edge_filter: np.ndarray, basis):
    """Filter block edges, then multiply blocks by basis pictures (16, 16, 3, C): (N, H / 16, W / 16, C)."""
    return ops.conv(filter_block_edges(images, edge_filter), basis, strides=BLOCK, padding="valid")


def _check_pictures(shape) -> None:
    """Raise a ValueError unless a shape, or what is known of it, is (N, 16 h, 16 w, 3)."""
    has_form = len(shape) == 4 and shape[3] == COLOURS
    if not has_form or any(side is not None and side % BLOCK for side in shape[1:3]):
        raise ValueError(
            f"expected pictures (N, H, W, 3) with H and W divisible by {BLOCK}, received {tuple(shape)}"
        )


@cache
def _basis_pictures() -> np.ndarray:
    return block_basis().astype(np.float32)


class _LappedTransform(keras.layers.Layer):
    """Holds the indices of the chosen channels among all 768, (channels,)."""

    def __init__(self, channels: int, **kwargs):
        super().__init__(**{"trainable": False, "dtype": "float32"} | kwargs)
        if not 1 <= channels <= ALL_CHANNELS:
            raise ValueError(f"channels must be 1..{ALL_CHANNELS}, received {channels}")
        self.channels = channels

    def build(self, input_shape):
        self.chosen = self.add_weight(
            shape=(self.channels,),
            initializer=lambda shape, dtype=None: ops.arange(self.channels, dtype=dtype),
            trainable=False,
            dtype="int32",
            name="chosen",
        )
        self.built = True

    def chosen_pictures(self, dtype):
        """Return the basis pictures of the chosen channels, (16, 16, 3, channels)."""
        return ops.take(ops.convert_to_tensor(_basis_pictures(), dtype), self.chosen, axis=3)

    def get_config(self):
        return {**super().get_config(), "channels": self.channels}


class _BlockAnalysis(_LappedTransform):
    """Filter of block edges, followed by a 16x16 convolution at stride 16."""

    # Returns the (16, 16) matrix for `filter_block_edges`; set by subclasses.
    edge_filter: Callable[[], np.ndarray]

    def call(self, images):
        _check_pictures(images.shape)
        return _block_analysis(images, self.edge_filter(), self.chosen_pictures(images.dtype))

    def compute_output_shape(self, input_shape):
        _check_pictures(input_shape)
        n, h, w, _ = input_shape
        return (n, h and h // BLOCK, w and w // BLOCK, self.channels)


@keras.saving.register_keras_serializable(package="compressor")
class LappedAnalysis(_BlockAnalysis):
    """Pictures to lapped-transform coefficients: pre-filter, then a 16x16 convolution at stride 16.

    Args:
        channels: how many of the 768 coefficients are kept. `select` chooses which.

    Input shape: (N, H, W, 3), H and W divisible by 16, any unit.
    Output shape: (N, H / 16, W / 16, channels), the input's unit; orthonormal up to the stretch.

    Raises:
        ValueError: if `channels` is not in 1..768, or inputs have another shape.

    Reference: Tran, Liang and Tu 2003 (see `pre_filter`).
    """

    edge_filter = staticmethod(pre_filter)

    def select(self, images: np.ndarray) -> np.ndarray:
        """Keep the channels of largest energy over `images`, strongest first.

        Args:
            images: (N, H, W, 3) in the unit of later inputs.

        Returns:
            mean magnitude of each kept channel, (channels,), at least 0.5.
        """
        if not self.built:
            self.build(images.shape)
        basis = ops.convert_to_tensor(_basis_pictures())
        coefficients = _block_analysis(ops.convert_to_tensor(images, "float32"), pre_filter(), basis)
        coefficients = ops.convert_to_numpy(coefficients).reshape(-1, ALL_CHANNELS)
        order = np.argsort(-np.square(coefficients).mean(0), kind="stable")[: self.channels]
        self.chosen.assign(order)
        return np.maximum(np.abs(coefficients).mean(0)[order], 0.5)


@keras.saving.register_keras_serializable(package="compressor")
class LappedSynthesis(_LappedTransform):
    """Coefficients to pictures: a 16x16 transposed convolution at stride 16, then the post-filter.

    The inverse of `LappedAnalysis` when all 768 channels are kept, in the same order.

    Example:
        >>> analysis, synthesis = LappedAnalysis(768), LappedSynthesis(768)
        >>> pictures = keras.random.uniform((1, 32, 48, 3))
        >>> coefficients = analysis(pictures)
        >>> _ = synthesis(coefficients)
        >>> synthesis.set_weights(analysis.get_weights())  # copies: JAX cannot train with a shared array
        >>> bool(ops.max(ops.abs(synthesis(coefficients) - pictures)) < 1e-4)
        True

    Input shape: (N, h, w, channels).
    Output shape: (N, 16 h, 16 w, 3).
    """

    def call(self, coefficients):
        kernel = self.chosen_pictures(coefficients.dtype)
        blocks = ops.conv_transpose(coefficients, kernel, strides=BLOCK, padding="valid")
        return filter_block_edges(blocks, post_filter())

    def gradient(self, by_pixels):
        """Gradient by outputs (N, 16 h, 16 w, 3) -> gradient by inputs (N, h, w, channels).

        The same as the layer `LappedSynthesisGradient`, which has its own channels, for graphs.
        """
        edge_filter = LappedSynthesisGradient.edge_filter()
        return _block_analysis(by_pixels, edge_filter, self.chosen_pictures(by_pixels.dtype))

    def compute_output_shape(self, input_shape):
        n, h, w, _ = input_shape
        return (n, h and h * BLOCK, w and w * BLOCK, COLOURS)


@keras.saving.register_keras_serializable(package="compressor")
class LappedSynthesisGradient(_BlockAnalysis):
    """The adjoint of `LappedSynthesis`: a gradient by pixels becomes one by coefficients.

    Not `LappedAnalysis`, since the transform is biorthogonal. At the border the post-filter leaves mirrored
    samples as they are, and so does its transpose.

    Input shape: (N, H, W, 3), H and W divisible by 16.
    Output shape: (N, H / 16, W / 16, channels).
    """

    @staticmethod
    def edge_filter() -> np.ndarray:
        """Return the transpose of the post-filter."""
        return post_filter().T
