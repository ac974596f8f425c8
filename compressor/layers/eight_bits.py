"""Layers for quantisation-aware training: they round like the exported 8-bit network."""

import keras
import numpy as np
from keras import layers, ops

from compressor.layers.quantisation import straight_through
from compressor.spec.constants import MAX_WEIGHT

MAX_ACTIVATION = 255
# Avoids a division by zero if all values are 0.
MIN_STEP = 1e-8


def in_steps(kernel, output_axis: int = 3):
    """Divide a convolution kernel by its quantisation steps, one for each output channel.

    Args:
        kernel: (k, k, inputs, outputs), or with the axes in another order.
        output_axis: the axis of the outputs.

    Returns:
        The kernel in steps, -63..63, not rounded, and the steps, in a shape that broadcasts to it.
    """
    others = tuple(axis for axis in range(4) if axis != output_axis)
    largest = ops.max(ops.abs(kernel), axis=others, keepdims=True)
    steps = ops.maximum(largest / MAX_WEIGHT, MIN_STEP)
    return kernel / steps, steps


@keras.saving.register_keras_serializable(package="compressor")
class EightBits(layers.Layer):
    """Quantises activations to 8 bits.

    The quantisation step is trained. `fit` sets its initial value and the zero point, the integer from 0 to
    255 that represents 0.

    Reference: Esser et al., "Learned step size quantization", ICLR 2020.

    Example:
        >>> layer = EightBits()
        >>> layer.fit(0.0, 2.55)
        >>> round(float(layer(ops.convert_to_tensor(0.3333))), 4)
        0.33
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32"} | kwargs)

    def build(self, input_shape):
        self.log_step = self.add_weight(shape=(), initializer="zeros", name="log_step")
        self.zero_point = self.add_weight(shape=(), initializer="zeros", trainable=False, name="zero_point")
        self.built = True

    def fit(self, low: float, high: float) -> None:
        """Set the step and the zero point for values from `low`, at most 0, to `high`, above 0."""
        if not self.built:
            self.build(None)
        step = (high - low) / MAX_ACTIVATION
        self.log_step.assign(np.log(step))
        self.zero_point.assign(np.rint(-low / step))

    def call(self, x):
        step = ops.exp(self.log_step)
        steps = ops.clip(x / step, -self.zero_point, MAX_ACTIVATION - self.zero_point)
        return straight_through(steps, ops.round(steps)) * step


class _EightBitKernel:
    """Mixin for convolutions with a kernel quantised to 7 bits. List it before the Keras layer.

    Subclasses set `output_axis`, the axis of the kernel that stands for the outputs, and define `_convolved`.
    """

    output_axis: int

    def __init__(self, *args, **kwargs):
        # The kernel must be quantised in float32; autocast would round it to bfloat16 first.
        super().__init__(*args, **kwargs, autocast=False)
        if self.data_format != "channels_last":
            raise ValueError(f"{type(self).__name__} needs channels_last data")

    @property
    def rounded_kernel(self):
        """The kernel that is used, in the shape of `kernel`."""
        exact, steps = in_steps(self.kernel, self.output_axis)
        return straight_through(exact, ops.round(exact)) * steps

    def call(self, inputs):
        inputs, kernel = (ops.cast(x, self.compute_dtype) for x in (inputs, self.rounded_kernel))
        outputs = self._convolved(inputs, kernel)
        if self.use_bias:
            outputs += ops.cast(self.bias, self.compute_dtype)
        return self.activation(outputs)


@keras.saving.register_keras_serializable(package="compressor")
class EightBitConv2D(_EightBitKernel, layers.Conv2D):
    """A convolution with a kernel quantised to 7 bits, with one step per output channel.

    Raises:
        ValueError: with channels first.

    Reference: Jacob et al., "Quantization and training of neural networks for efficient
    integer-arithmetic-only inference", CVPR 2018.
    """

    output_axis = 3

    def _convolved(self, inputs, kernel):
        return self.convolution_op(inputs, kernel)


@keras.saving.register_keras_serializable(package="compressor")
class EightBitConv2DTranspose(_EightBitKernel, layers.Conv2DTranspose):
    """A transposed convolution with a kernel quantised as in `EightBitConv2D`.

    Raises:
        ValueError: with channels first.

    Example:
        >>> layer = EightBitConv2DTranspose(3, 4, 2, padding="same")
        >>> layer(np.ones((1, 5, 4, 2), "float32")).shape
        TensorShape([1, 10, 8, 3])
    """

    output_axis = 2

    def _convolved(self, inputs, kernel):
        return ops.conv_transpose(
            inputs,
            kernel,
            list(self.strides),
            self.padding,
            self.output_padding,
            dilation_rate=self.dilation_rate,
        )


@keras.saving.register_keras_serializable(package="compressor")
class DynamicEightBitConv2D(EightBitConv2D):
    """An `EightBitConv2D` whose inputs are also quantised to 8 bits.

    The range is that of the whole input tensor (a batch in training, a tile when coding), extended to include
    0. No calibration is needed, at the cost of an extra pass over the inputs.

    Raises:
        ValueError: with channels first.

    Reference: the operator DynamicQuantizeLinear of ONNX.

    Example:
        >>> layer = DynamicEightBitConv2D(8, 3)
        >>> layer(np.ones((1, 5, 4, 2), "float32")).shape
        TensorShape([1, 3, 2, 8])
    """

    def call(self, inputs):
        low, high = ops.minimum(ops.min(inputs), 0), ops.maximum(ops.max(inputs), 0)
        step = ops.maximum((high - low) / MAX_ACTIVATION, MIN_STEP)
        zero_point = ops.round(-low / step)
        steps = ops.clip(ops.round(inputs / step) + zero_point, 0, MAX_ACTIVATION) - zero_point
        return super().call(straight_through(inputs, steps * step))
