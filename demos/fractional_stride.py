"""Fractionally strided convolution

A transposed convolution is a convolution that moves by a fraction of an input pixel: put zeros between the
pixels, then convolve at stride 1. As a Keras layer for strides 2 and 3 it equals Conv2DTranspose with the
flipped kernel. Repeating the nearest pixel instead of inserting zeros is a different layer.

Formula: n to n*stride; zeros inserted, kernel - 1 zeros around, cropped as Keras "same" does. References:
Dumoulin and Visin, 2016, arXiv 1603.07285, section 4.6; Shi et al., Is the deconvolution layer the same
as a convolutional layer?, 2016, arXiv 1609.07009.
"""

import keras
import numpy as np
from keras import layers, ops

from demos.checks import require_positive, shape
from demos.context import Context
from demos.drawing import Panel, draw_panels


@keras.saving.register_keras_serializable(package="demos")
class FractionalConv2D(layers.Layer):
    """Insert stride-1 zeros between pixels, then convolve at stride 1.

    Maps (N, H, W, C) to (N, H*stride, W*stride, filters). The kernel is (kh, kw, in, out): the
    kernel of Conv2DTranspose, flipped and with its last axes exchanged.

    Args:
        filters: output channels.
        kernel_size: side of the square kernel.
        stride: factor of enlargement.
        repeat: repeat each pixel stride times instead of inserting zeros.

    Raises:
        ArgumentError: a size is not a positive integer.

    Reference:
        Shi et al., Is the deconvolution layer the same as a convolutional layer?, 2016, arXiv 1609.07009.

    Example:
        >>> FractionalConv2D(4, kernel_size=3, stride=2).compute_output_shape((1, 5, 6, 3))
        (1, 10, 12, 4)
    """

    def __init__(self, filters: int, kernel_size: int, stride: int, repeat: bool = False, **kwargs) -> None:
        super().__init__(**kwargs)
        require_positive(filters=filters, kernel_size=kernel_size, stride=stride)
        self.filters, self.kernel_size, self.stride, self.repeat = filters, kernel_size, stride, repeat
        self.convolution = layers.Conv2D(filters, kernel_size, padding="valid")

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Create the weights."""
        self.convolution.build((None, None, None, input_shape[-1]))

    def call(self, images):
        """Enlarge a batch (N, H, W, C)."""
        s, k = self.stride, self.kernel_size
        if self.repeat:
            spread = ops.repeat(ops.repeat(images, s, axis=1), s, axis=2)
        else:
            spread = append_zeros(images, s)
        # The full result needs k-1 zeros on both sides, of which Keras' "same" crops k-s rows, the smaller
        # half at the start. The zeros after the last pixel make up for the crop at the end.
        before = k - 1 - max(k - s, 0) // 2
        after = k - 1 - before
        return self.convolution(ops.pad(spread, ((0, 0), (before, after), (before, after), (0, 0))))

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Return (N, H*stride, W*stride, filters)."""
        batch, *size, _ = input_shape
        return (batch, *(None if n is None else n * self.stride for n in size), self.filters)

    def get_config(self) -> dict:
        """Return the constructor's arguments."""
        own = {name: getattr(self, name) for name in ("filters", "kernel_size", "stride", "repeat")}
        return {**super().get_config(), **own}


def append_zeros(images, stride: int):
    """Put stride-1 zeros after every pixel, along both axes: (N, H, W, C) to (N, H*stride, W*stride, C)."""
    height, width, channels = images.shape[1:]
    cells = ops.reshape(images, (-1, height, 1, width, 1, channels))
    cells = ops.pad(cells, ((0, 0), (0, 0), (0, stride - 1), (0, 0), (0, stride - 1), (0, 0)))
    return ops.reshape(cells, (-1, height * stride, width * stride, channels))


def from_transposed(weights: np.ndarray) -> np.ndarray:
    """Convert a kernel (kh, kw, out, in) of Conv2DTranspose to one (kh, kw, in, out) of FractionalConv2D."""
    return weights[::-1, ::-1].transpose(0, 1, 3, 2)


def enlarge(images: np.ndarray, kernel: np.ndarray, stride: int, repeat: bool = False) -> np.ndarray:
    """Apply FractionalConv2D with weights (k, k, in, out) and no bias to (N, H, W, in)."""
    layer = FractionalConv2D(kernel.shape[3], kernel.shape[0], stride, repeat)
    layer.build(images.shape)
    layer.set_weights([kernel, np.zeros(kernel.shape[3])])
    return ops.convert_to_numpy(layer(images))


def run(context: Context) -> None:
    """Compare the layer with Conv2DTranspose and with nearest-pixel repetition."""
    picture = context.gray(96)[None, :, :, None]
    for kernel_size, stride in ((3, 2), (4, 2), (5, 2), (3, 3), (5, 3)):
        reference = layers.Conv2DTranspose(1, kernel_size, stride, padding="same")
        expected = ops.convert_to_numpy(reference(picture))
        kernel, bias = reference.get_weights()
        output = enlarge(picture, from_transposed(kernel), stride) + bias
        context.check(
            f"kernel {kernel_size}, stride {stride}: {shape(output)} equals Conv2DTranspose, kernel flipped",
            np.allclose(output, expected, atol=1e-5),
        )
        difference = abs(
            enlarge(picture, from_transposed(kernel), stride, repeat=True) + bias - expected
        ).max()
        context.check_on_sample(
            f"repeating pixels instead differs by up to {difference:.2f}", difference > 1e-3
        )

    # Linear interpolation.
    weights = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32)[:, :, None, None] / 16
    zeros = enlarge(picture, weights, 2)
    repeated = enlarge(picture, weights / 4, 2, repeat=True)  # four times as many pixels contribute
    context.save(
        draw_panels(
            [
                Panel(f"picture {shape(picture)}", picture[0, :, :, 0]),
                Panel("zeros inserted", append_zeros(picture, 2)[0, :, :, 0]),
                Panel("then convolved", zeros[0, :, :, 0]),
                Panel("repeated, convolved: blurred", repeated[0, :, :, 0]),
                Panel("difference", (repeated - zeros)[0, :, :, 0], "signed"),
            ],
            columns=5,
        ),
        "Zeros inserted and convolved; pixels repeated and convolved with the same kernel; the difference.",
    )
