"""Moving channels to space: the cheap, artefact-free form of a transposed convolution."""

import keras
import numpy as np
from keras import ops


def depth_to_space(x, block: int):
    """(N, h, w, block * block * C) -> (N, block * h, block * w, C); channels ordered row, column, C."""
    n, h, w, depth = ops.shape(x)
    channels = depth // (block * block)
    x = ops.reshape(x, (n, h, w, block, block, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (n, h * block, w * block, channels))


def subpixel_kernel(kernel: np.ndarray, stride: int) -> np.ndarray:
    """Return the convolution that, followed by depth-to-space, equals a transposed convolution.

    Args:
        kernel: kernel of a Keras Conv2DTranspose, (k, k, outputs, inputs), k >= stride.
        stride: stride of the transposed convolution.

    Returns:
        Kernel (stride * stride * outputs, inputs, taps, taps), for inputs with taps - 1 zeros on all sides.
    """
    size, _, outputs, inputs = kernel.shape
    taps = -(-size // stride)
    missing = taps * stride - size
    padded = np.pad(kernel, [(0, missing), (0, missing), (0, 0), (0, 0)])
    # Output stride * j + phase gets input j - tap through row stride * tap + phase of the kernel.
    split = padded.reshape(taps, stride, taps, stride, outputs, inputs)[::-1, :, ::-1]
    return split.transpose(1, 3, 4, 5, 0, 2).reshape(stride * stride * outputs, inputs, taps, taps)


@keras.saving.register_keras_serializable(package="compressor")
class DepthToSpace(keras.layers.Layer):
    """Rearrange channels into a finer grid.

    Args:
        block: factor by which height and width grow, at least 1.

    Input shape: (N, h, w, block * block * C).
    Output shape: (N, block * h, block * w, C).

    Raises:
        ValueError: if `block` is below 1, or the channels are not divisible by its square.

    Reference: Shi et al., "Real-time single image and video super-resolution using an efficient
    sub-pixel convolutional neural network", CVPR 2016.
    """

    def __init__(self, block: int = 2, **kwargs):
        super().__init__(**kwargs)
        if block < 1:
            raise ValueError(f"expected a block of at least 1, received {block}")
        self.block = block

    def build(self, input_shape):
        if input_shape[-1] % self.block**2:
            raise ValueError(
                f"DepthToSpace({self.block}) needs channels divisible by {self.block**2}, "
                f"received {input_shape[-1]}"
            )
        self.built = True

    def call(self, x):
        return depth_to_space(x, self.block)

    def compute_output_shape(self, input_shape):
        n, h, w, depth = input_shape
        return (n, h and h * self.block, w and w * self.block, depth // self.block**2)

    def get_config(self):
        return {**super().get_config(), "block": self.block}
