"""Convolution arithmetic

The size of a layer's output, its number of parameters, and the part of the picture that one output
sees. Formulas for convolution, dilation and transposed convolution, checked against Keras; the
receptive-field recursion for any stack of layers, checked against the gradient that Keras computes.

Formulas: convolution floor((n + 2p - d(k-1) - 1) / s) + 1; transposed (n-1)s - 2p + d(k-1) + o + 1;
receptive field r += d(k-1) j, jump j *= s. References: Dumoulin and Visin 2016, arXiv 1603.07285; Araujo,
Norris and Sim, Computing receptive fields of convolutional neural networks, Distill 2019.
"""

from math import prod

import keras
import numpy as np
from keras import layers
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from demos.checks import require_not_negative, require_positive
from demos.context import Context
from demos.drawing import draw_lines
from demos.errors import ArgumentError
from demos.receptive_field import (
    Layer,
    extent,
    layers_of,
    model_of,
    receptive_field,
    receptive_field_growth,
    sensitivity,
)


def conv_output(n: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Compute the size of a convolution's output: floor((n + 2p - d(k-1) - 1) / s) + 1.

    Args:
        n: size of the input along one axis, in pixels.
        kernel, stride, dilation: parameters of the layer, at least 1.
        padding: pixels added on both sides.

    Returns:
        The size in pixels, at least 1.

    Raises:
        ArgumentError: an argument is out of range, or the output would be empty.

    Example:
        >>> conv_output(16, kernel=4, stride=2, padding=1)
        8
    """
    require_positive(n=n, kernel=kernel, stride=stride, dilation=dilation)
    require_not_negative(padding=padding)
    size = (n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    return _not_empty(
        size, f"a kernel that spans {dilation * (kernel - 1) + 1} over {n + 2 * padding} pixels"
    )


def transpose_output(
    n: int, kernel: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    """Compute the size of a transposed convolution's output: (n-1)s - 2p + d(k-1) + o + 1.

    Args:
        n: size of the input along one axis, in pixels.
        kernel, stride, dilation: parameters of the layer, at least 1.
        padding: pixels cropped from both sides.
        output_padding: pixels added at the end.

    Returns:
        The size in pixels, at least 1.

    Raises:
        ArgumentError: an argument is out of range, or the output would be empty.

    Example:
        >>> transpose_output(16, kernel=4, stride=2, padding=1)
        32
    """
    require_positive(n=n, kernel=kernel, stride=stride, dilation=dilation)
    require_not_negative(padding=padding, output_padding=output_padding)
    full = (n - 1) * stride + dilation * (kernel - 1) + 1
    return _not_empty(full - 2 * padding + output_padding, f"padding {padding} on a {full}x{full} result")


def _not_empty(size: int, cause: str) -> int:
    """Return a size, or raise an ArgumentError if it is below 1."""
    if size < 1:
        raise ArgumentError(f"the output would be empty: {cause} leaves a size of {size}")
    return size


def conv_parameters(kernel: int, channels: int, filters: int, bias: bool = True) -> int:
    """Count the parameters of a (transposed) convolution: filters * (kernel^2 * channels + 1 for the bias).

    Raises:
        ArgumentError: an argument is not a positive integer.

    Example:
        >>> conv_parameters(kernel=3, channels=3, filters=1)
        28
    """
    require_positive(kernel=kernel, channels=channels, filters=filters)
    return filters * (kernel * kernel * channels + int(bias))


def codec_transforms() -> dict[str, keras.Model]:
    """Return the untrained transform networks of the codec by name."""
    from compressor.models.registry import build_model

    cnn, flagship = build_model("cnn"), build_model("flagship")
    return {
        "cnn analysis": cnn.analysis,
        "cnn synthesis": cnn.synthesis,
        "flagship correction": flagship.correction,
        "flagship synthesis filter": flagship.synthesis_filter,
    }


STACKS = {
    "six plain 3x3": [Layer(3)] * 6,
    "stride 2 in every other layer": [Layer(3, 2), Layer(3)] * 3,
    "dilation 1, 2, 4, 8, 16, 32": [Layer(3, dilation=2**i) for i in range(6)],
    "two 5x5 down, two up (transposed)": [
        Layer(5, 2),
        Layer(5, 2),
        Layer(5, 2, 1, True),
        Layer(5, 2, 1, True),
    ],
}


def run(context: Context) -> None:
    """Check the formulas on a grid of layers, count parameters, and measure receptive fields."""
    n, agree = 12, []
    for kernel in (1, 2, 3, 4):
        for stride, dilation in ((1, 1), (2, 1), (3, 1), (1, 2), (1, 3)):
            zeros = np.zeros((1, n, n, 1), np.float32)
            down = layers.Conv2D(1, kernel, stride, dilation_rate=dilation)(zeros)
            up = layers.Conv2DTranspose(1, kernel, stride, dilation_rate=dilation)(zeros)
            agree.append(down.shape[1] == conv_output(n, kernel, stride, dilation=dilation))
            # Keras returns at least n * stride rows, even if the kernel does not reach that far.
            full = transpose_output(n, kernel, stride, dilation=dilation)
            agree.append(up.shape[1] == max(full, n * stride))
    context.check(
        f"the output sizes of {len(agree)} Conv2D and Conv2DTranspose match the formulas", all(agree)
    )
    down, up = conv_output(16, 4, 2, 1), transpose_output(16, 4, 2, 1)
    context.say(f"16 px, kernel 4, stride 2, padding 1: {down} px down, {up} px up")
    parameters = conv_parameters(kernel=3, channels=3, filters=1)
    layer = layers.Conv2D(1, 3)
    layer.build((None, None, None, 3))
    context.say(f"one 3x3 kernel on three channels: 3*3*3 + 1 = {parameters} parameters")
    context.check("Keras counts the same number", layer.count_params() == parameters)
    try:
        transpose_output(1, 3, padding=2)
    except ArgumentError as error:
        context.say(f"padding 2 on a 3x3 result is refused: {error}")

    context.say("\nReceptive fields, by formula and by gradient:")
    figure = Figure(figsize=(10.5, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, stack in STACKS.items():
        field = receptive_field(stack)
        model = model_of(stack)
        period = prod(layer.stride for layer in stack if layer.transposed)
        measured = max(extent(sensitivity(model, 160, offset))[2] for offset in range(period))
        context.check(
            f"{name}: {field} px, from the model's own layers and measured",
            measured == field == receptive_field(layers_of(model)),
        )
    context.say("\nTransforms of the codec:")
    for name, transform in codec_transforms().items():
        stack = layers_of(transform)
        context.say(f"  {name:<25} {len(stack):2} convolutions: {receptive_field(stack)} px")
    growth = {name: receptive_field_growth(stack) for name, stack in STACKS.items() if "up" not in name}
    draw_lines(left, growth, "layer", "receptive field (px)")
    left.set_yscale("log", base=2)
    seen = sensitivity(model_of(STACKS["stride 2 in every other layer"]), 64)
    top, first, height, width = extent(seen)
    right.imshow(seen, cmap="viridis")
    right.add_patch(Rectangle((first - 0.5, top - 0.5), width, height, fill=False, edgecolor="red"))
    right.set_title(f"seen by one output: {height}x{width} px", fontsize=9)
    context.save(figure, "Receptive field after each layer, and the gradient of one output.")
