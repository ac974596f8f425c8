"""Conv2D and its shapes

From pictures to feature maps and back: sixteen maps of a 28x28 picture, one map of a gray and of a colour
picture, three maps of a colour picture, and 128 channels at 16x16 to 64 channels at 8x8 with explicit
padding. A layer's weights are (kh, kw, in, out); every output channel sums over all input channels. On the
way back to 8 bits, round and clip; a plain cast truncates and wraps.

Formula: out = floor((n + 2 padding - kernel) / stride) + 1. Reference: Keras, Conv2D.
"""

import keras
import numpy as np
from keras import layers, ops

from demos.checks import require_not_negative, require_positive, shape
from demos.context import LUMA_WEIGHTS, Context
from demos.drawing import Panel, draw_panels
from demos.errors import ArgumentError
from demos.kernels import LAPLACIAN, SHARPEN, gaussian


def to_batch(image_uint8: np.ndarray) -> np.ndarray:
    """Convert a picture to a batch.

    Args:
        image_uint8: uint8 (H, W) or (H, W, C).

    Returns:
        float32 (1, H, W, C) in 0..1.

    Raises:
        ArgumentError: the array has another type or number of axes.

    Example:
        >>> to_batch(np.full((2, 3), 255, np.uint8)).shape
        (1, 2, 3, 1)
    """
    if image_uint8.dtype != np.uint8 or image_uint8.ndim not in (2, 3):
        raise ArgumentError(
            f"expected a uint8 picture with 2 or 3 axes, received {image_uint8.dtype} {shape(image_uint8)}"
        )
    channels = image_uint8[..., None] if image_uint8.ndim == 2 else image_uint8
    return channels[None].astype(np.float32) / 255


def to_picture(maps) -> np.ndarray:
    """Convert a batch of one picture to 8 bits, with rounding and clipping.

    Args:
        maps: (1, H, W, 1) or (1, H, W, 3), nominally in 0..1.

    Returns:
        uint8 (H, W) or (H, W, 3).

    Raises:
        ArgumentError: the batch has another shape.

    Example:
        >>> to_picture(np.array([-0.5, 0.5, 1.5]).reshape(1, 1, 3, 1)).tolist()
        [[0, 128, 255]]
    """
    maps = ops.convert_to_numpy(maps)
    if maps.ndim != 4 or maps.shape[0] != 1 or maps.shape[3] not in (1, 3):
        raise ArgumentError(f"expected one picture of 1 or 3 channels (1, H, W, C), received {shape(maps)}")
    picture = np.round(np.clip(maps[0], 0, 1) * 255).astype(np.uint8)
    return picture[..., 0] if picture.shape[2] == 1 else picture


def stretch(maps) -> np.ndarray:
    """Scale a feature map of any shape and range to 0..1, for display."""
    maps = ops.convert_to_numpy(maps)
    low, high = maps.min(), maps.max()
    return (maps - low) / (high - low) if high > low else np.zeros_like(maps)


def conv2d_with(kernel: np.ndarray, images) -> np.ndarray:
    """Apply a Conv2D with padding "same" and the weights `kernel` (kh, kw, in, out) to (N, H, W, in)."""
    layer = layers.Conv2D(kernel.shape[3], kernel.shape[:2], padding="same", use_bias=False)
    layer.build((None, None, None, kernel.shape[2]))
    layer.set_weights([kernel])
    return ops.convert_to_numpy(layer(images))


def padded_conv2d(filters: int, kernel: int, stride: int, padding: int) -> keras.Sequential:
    """Build a Conv2D with explicit padding on all four sides, which Keras has no argument for.

    Keras' "same" pads as needed for an output of ceil(n / stride), with an odd pixel at the end; other
    frameworks pad all sides equally.

    Args:
        filters: output channels.
        kernel: side of the square kernel.
        stride: step of the kernel.
        padding: pixels of zeros on each side.

    Raises:
        ArgumentError: an argument is out of range.
    """
    require_positive(filters=filters, kernel=kernel, stride=stride)
    require_not_negative(padding=padding)
    return keras.Sequential([layers.ZeroPadding2D(padding), layers.Conv2D(filters, kernel, stride)])


def run(context: Context) -> None:
    """Print the shapes of five convolutions and draw the maps."""
    noise = context.rng.random((1, 28, 28, 1), np.float32)
    layer = layers.Conv2D(16, 3, padding="same")
    maps = layer(noise)
    context.say(f"Conv2D(16, 3, 'same'): {shape(noise)} to {shape(maps)}, weights {shape(layer.kernel)}")
    context.check("16 * (3*3*1 + 1) = 160 parameters", layer.count_params() == 160)
    grid = ops.convert_to_numpy(maps)[0].transpose(2, 0, 1)
    context.save(
        draw_panels([Panel(f"map {i}", m, "signed") for i, m in enumerate(grid)], columns=8, size=1.3),
        "Sixteen maps of one random picture, from filters with random weights.",
    )

    colour = to_batch(np.round(context.colour(256) * 255).astype(np.uint8))
    gray = to_batch(np.round(context.gray(256) * 255).astype(np.uint8))
    context.check(
        "picture to batch to picture is exact", np.array_equal(to_batch(to_picture(colour)), colour)
    )
    edges = conv2d_with(LAPLACIAN[:, :, None, None], gray)
    blurred_luma = gaussian(5, 1.2)[:, :, None, None] * LUMA_WEIGHTS[:, None]
    one = conv2d_with(blurred_luma, colour)
    # Diagonal in the channels: each output reads only its own input colour.
    three = conv2d_with(SHARPEN[:, :, None, None] * np.eye(3, dtype=np.float32), colour)
    for name, kernel_shape, before, after in (
        ("gray to one map", (3, 3, 1, 1), gray, edges),
        ("colour to one map", blurred_luma.shape, colour, one),
        ("colour to three maps", (3, 3, 3, 3), colour, three),
    ):
        context.say(f"{name:<21} weights {kernel_shape}: {shape(before)} to {shape(after)}")

    context.say(f"sharpened values reach {three.min():.2f} .. {three.max():.2f}, outside 0..1:")
    right = to_picture(three)
    wrong = (three[0] * 255).astype(np.int32).astype(np.uint8)  # via int32, for which wrapping is defined
    away = np.mean(abs(wrong.astype(int) - right) > 1)
    context.check_on_sample(
        f"a plain cast is wrong by more than a level in {away:.1%} of the values", bool(away > 0)
    )
    context.save(
        draw_panels(
            [
                Panel("gray to one map (stretched)", stretch(edges)[0, :, :, 0]),
                Panel("colour to one map", one[0, :, :, 0]),
                Panel("colour to three: clipped", right / 255),
                Panel("colour to three: plain cast", wrong / 255),
            ]
        ),
        "One map of a gray picture, one and three maps of a colour picture, and the cast that wraps.",
    )

    block = context.rng.standard_normal((1, 16, 16, 128), np.float32)
    explicit = padded_conv2d(64, kernel=4, stride=2, padding=1)(block)
    context.say(f"kernel 4, stride 2, padding 1: {shape(block)} to {shape(explicit)}")
    context.check("floor((16 + 2*1 - 4) / 2) + 1 = 8", explicit.shape == (1, 8, 8, 64))
    ramp = np.arange(8, dtype=np.float32).reshape(1, 1, 8, 1) * np.ones((1, 8, 1, 1), np.float32)
    ones = np.ones((3, 3, 1, 1), np.float32)
    ours = ops.conv(ops.pad(ramp, ((0, 0), (1, 1), (1, 1), (0, 0))), ones, strides=2, padding="valid")
    same = ops.conv(ramp, ones, strides=2, padding="same")
    context.check(
        "kernel 3, stride 2 on 8x8: 'same' pads (0, 1), not (1, 1): equal shapes, different values",
        ours.shape == same.shape and not np.allclose(ours, same),
    )
