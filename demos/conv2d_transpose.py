"""Conv2DTranspose, argument by argument

The layer that enlarges: 128 channels at 16x16 to 64 channels at 32x32, a 245x612 picture to 491x1225, and
3x3 to 6x6 with output padding. Every argument of Keras' Conv2DTranspose is demonstrated. Keras has
"valid" and "same"; padding in pixels is a crop of the valid result, for which there is a small helper.

Formula: out = (n - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1. Reference: Zeiler
et al., Deconvolutional networks, 2010; Keras, Conv2DTranspose.
"""

import numpy as np
from keras import constraints, initializers, layers, ops, regularizers

from demos.checks import require_not_negative, require_positive, shape
from demos.context import Context
from demos.drawing import Panel, draw_panels
from demos.errors import ArgumentError

# Each argument of the layer, with its meaning and an example for a map of 3 channels.
ARGUMENTS = {
    "filters": ("number of output channels", {"filters": 8}),
    "kernel_size": ("size of the kernel: valid output is (n-1)*stride + kernel", {"kernel_size": 5}),
    "strides": ("distance between input pixels in the output: factor of enlargement", {"strides": 2}),
    "padding": ("'valid' keeps all, 'same' crops to n*stride", {"strides": 2, "padding": "same"}),
    "output_padding": (
        "rows and columns added at the end, less than the stride",
        {"strides": 2, "output_padding": 1},
    ),
    "data_format": ("axis of the channels; last is faster on CPUs", {"data_format": "channels_last"}),
    "dilation_rate": (
        "distance of the weights: the kernel spans dilation*(kernel-1) + 1",
        {"dilation_rate": 2},
    ),
    "activation": ("applied to the output, after the bias", {"activation": "relu"}),
    "use_bias": ("whether to add one number per output channel", {"use_bias": False}),
    "kernel_initializer": ("initial weights (kh, kw, out, in)", {"kernel_initializer": "he_normal"}),
    "bias_initializer": ("initial bias", {"bias_initializer": initializers.Constant(0.5)}),
    "kernel_regularizer": ("loss added for large weights", {"kernel_regularizer": regularizers.L2(0.01)}),
    "bias_regularizer": ("loss added for large biases", {"bias_regularizer": regularizers.L2(0.01)}),
    "activity_regularizer": ("loss added for large outputs", {"activity_regularizer": regularizers.L1(0.01)}),
    "kernel_constraint": (
        "projection of the weights after a step",
        {"kernel_constraint": constraints.MaxNorm(1)},
    ),
    "bias_constraint": ("projection of the bias after a step", {"bias_constraint": constraints.NonNeg()}),
}


def conv2d_transpose(
    images,
    kernel: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
):
    """Apply a transposed convolution with padding in pixels, as defined by papers and other frameworks.

    Args:
        images: (N, H, W, in).
        kernel: (kh, kw, out, in), as in Conv2DTranspose.
        bias: (out,), or None.
        stride: distance between input pixels in the output.
        padding: pixels cropped from every side of the full result.
        output_padding: rows and columns added at the end, 0..stride-1. They select one of the `stride` sizes
            that a convolution of that stride maps to the same output size.

    Returns:
        A tensor (N, H', W', out), with H' = (H-1)*stride - 2*padding + kh + output_padding.

    Raises:
        ArgumentError: an argument is out of range, or the output would be empty.

    Example:
        >>> images, kernel = np.ones((1, 3, 3, 1), np.float32), np.ones((3, 3, 1, 1), np.float32)
        >>> shape(conv2d_transpose(images, kernel, stride=2, padding=1, output_padding=1))
        '1x6x6x1'
    """
    require_positive(stride=stride)
    require_not_negative(padding=padding, output_padding=output_padding)
    if output_padding >= stride:
        raise ArgumentError(f"output_padding must be below the stride {stride}, received {output_padding}")
    full_size = [(n - 1) * stride + k for n, k in zip(images.shape[1:3], kernel.shape[:2], strict=True)]
    size = [n - 2 * padding + output_padding for n in full_size]
    if min(size) < 1:
        raise ArgumentError(f"padding {padding} crops the {full_size[0]}x{full_size[1]} result to nothing")
    full = ops.conv_transpose(images, kernel, strides=stride, padding="valid")
    # With a kernel smaller than the stride, Keras' valid result has n*stride rows; the excess is zero.
    surplus = [max(padding + n - f, 0) for n, f in zip(size, full.shape[1:3], strict=True)]
    full = ops.pad(full, ((0, 0), (0, surplus[0]), (0, surplus[1]), (0, 0)))
    output = full[:, padding : padding + size[0], padding : padding + size[1], :]
    return output if bias is None else output + bias


def explain(argument: str, images: np.ndarray) -> str:
    """Describe an argument in one line: a value, the output shape with it, and its meaning."""
    meaning, example = ARGUMENTS[argument]
    layer = layers.Conv2DTranspose(**{"filters": 4, "kernel_size": 3, **example})
    output = layer(images)
    value = example[argument]
    name = value if isinstance(value, (int, str)) else type(value).__name__
    extra = f", extra loss {float(sum(layer.losses)):.3f}" if layer.losses else ""
    return f"{argument:<21}{name!s:<16}{shape(output):<13}{meaning}{extra}"


def run(context: Context) -> None:
    """Explain the arguments, then reproduce three enlargements with explicit padding."""
    small = context.rng.standard_normal((1, 5, 5, 3), np.float32)
    context.say(f"Conv2DTranspose(4, 3) on {shape(small)}, changing one argument at a time:")
    for argument in ARGUMENTS:
        context.say("  " + explain(argument, small))

    block = context.rng.standard_normal((1, 16, 16, 128), np.float32)
    weights = context.rng.standard_normal((4, 4, 64, 128), np.float32) / 32
    output = conv2d_transpose(block, weights, stride=2, padding=1)
    context.say(f"\nkernel 4, stride 2, padding 1: {shape(block)} to {shape(output)}")
    context.check("(16-1)*2 - 2*1 + 4 = 32", output.shape == (1, 32, 32, 64))
    same = ops.conv_transpose(block, weights, strides=2, padding="same")
    context.check(
        "if kernel - stride = 2 * padding, Keras 'same' crops equally",
        np.allclose(output, same, atol=1e-5),
    )

    picture = context.gray((245, 612))[None, :, :, None]
    triangle = np.outer([0.5, 1, 0.5], [0.5, 1, 0.5]).astype(np.float32)[:, :, None, None]
    enlarged = conv2d_transpose(picture, triangle, stride=2)
    context.say(f"kernel 3, stride 2, no padding: {shape(picture)} to {shape(enlarged)}")
    context.check("(245-1)*2 + 3 = 491 and (612-1)*2 + 3 = 1225", enlarged.shape == (1, 491, 1225, 1))

    tiny = np.arange(1, 10, dtype=np.float32).reshape(1, 3, 3, 1)
    ones = np.ones((3, 3, 1, 1), np.float32)
    six = conv2d_transpose(tiny, ones, stride=2, padding=1, output_padding=1)
    context.say(f"kernel 3, stride 2, padding 1, output padding 1: {shape(tiny)} to {shape(six)}")
    context.check("(3-1)*2 - 2*1 + 3 + 1 = 6", six.shape == (1, 6, 6, 1))
    context.check(
        "Keras 'same' crops the other end: (0, 1) where this crops (1, 0)",
        not np.allclose(six, ops.conv_transpose(tiny, ones, strides=2, padding="same")),
    )
    context.save(
        draw_panels(
            [
                Panel("3x3", tiny[0, :, :, 0], "magnitude", numbers=True),
                Panel(
                    "kernel 3, stride 2: 7x7",
                    conv2d_transpose(tiny, ones, stride=2)[0, :, :, 0],
                    "magnitude",
                    True,
                ),
                Panel("cropped by 1, output padding 1: 6x6", six[0, :, :, 0], "magnitude", numbers=True),
            ],
            columns=3,
            size=3,
        ),
        "A 3x3 map, its full transposed convolution with a kernel of ones, and the padded 6x6 result.",
    )
    context.save(
        draw_panels(
            [
                Panel("245x612", picture[0, :, :, 0]),
                Panel("491x1225 (triangle kernel)", enlarged[0, :, :, 0]),
            ],
            columns=1,
            size=6,
        ),
        "A picture enlarged by a transposed convolution whose kernel interpolates linearly.",
    )
