"""Conv2D and its shapes

From pictures to feature maps and back: sixteen maps of a 28x28 picture, one map of a gray and of a colour
picture, three maps of a colour picture, and 128 channels at 16x16 to 64 channels at 8x8 with explicit
padding. A layer's weights are (kh, kw, in, out); every output channel sums over all input channels. On the
way back to 8 bits, round and clip; a plain cast truncates and wraps.

Formula: out = floor((n + 2 padding - kernel) / stride) + 1. Reference: Keras, Conv2D.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from demos.common import ArgumentError, Context, require_not_negative, require_positive, shape
from demos.drawing import Panel, draw_panels
from demos.kernels import LAPLACIAN, SHARPEN, gaussian


def to_batch(image_uint8: np.ndarray) -> np.ndarray:
    """Picture to batch: uint8 (H, W) or (H, W, C) in 0..255 to float32 (1, H, W, C) in 0..1."""
    if image_uint8.dtype != np.uint8 or image_uint8.ndim not in (2, 3):
        raise ArgumentError(
            f"expected a uint8 picture with 2 or 3 axes, received {image_uint8.dtype} {shape(image_uint8)}"
        )
    channels = image_uint8[..., None] if image_uint8.ndim == 2 else image_uint8
    return channels[None].astype(np.float32) / 255


def to_picture(maps: object) -> np.ndarray:
    """Batch to picture: (1, H, W, 1 or 3) in 0..1 to uint8 (H, W) or (H, W, 3), rounded and clipped."""
    maps = ops.convert_to_numpy(maps)
    if maps.ndim != 4 or maps.shape[0] != 1 or maps.shape[3] not in (1, 3):
        raise ArgumentError(f"expected one picture of 1 or 3 channels (1, H, W, C), received {shape(maps)}")
    picture = np.round(np.clip(maps[0], 0, 1) * 255).astype(np.uint8)
    return picture[..., 0] if picture.shape[2] == 1 else picture


def stretch(maps: object) -> np.ndarray:
    """Map a feature map of any range linearly to 0..1, for showing only: the scale is lost."""
    maps = ops.convert_to_numpy(maps)
    low, high = maps.min(), maps.max()
    return (maps - low) / (high - low) if high > low else np.zeros_like(maps)


def conv2d_with(kernel: np.ndarray, images: object) -> np.ndarray:
    """Run a Conv2D, padding "same", whose weights are `kernel` (kh, kw, in, out); NHWC in and out."""
    layer = layers.Conv2D(kernel.shape[3], kernel.shape[:2], padding="same", use_bias=False)
    layer.build((None, None, None, kernel.shape[2]))
    layer.set_weights([kernel])
    return ops.convert_to_numpy(layer(images))


def padded_conv2d(filters: int, kernel: int, stride: int, padding: int) -> keras.Sequential:
    """Conv2D with the same explicit padding on all four sides, which Keras has no argument for.

    Keras "same" aims at ceil(n / stride) and puts an odd pixel of padding at the end; this one pads
    `padding` pixels everywhere, as the formula above and other frameworks do.
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
        "Sixteen maps of one random picture: each filter starts from its own random weights.",
    )

    colour = to_batch(np.round(context.colour(256) * 255).astype(np.uint8))
    gray = to_batch(np.round(context.gray(256) * 255).astype(np.uint8))
    context.check(
        "picture to batch to picture is exact", np.array_equal(to_batch(to_picture(colour)), colour)
    )
    edges = conv2d_with(LAPLACIAN[:, :, None, None], gray)
    blurred_luma = gaussian(5, 1.2)[:, :, None, None] * np.array([0.299, 0.587, 0.114], np.float32)[:, None]
    one = conv2d_with(blurred_luma, colour)
    # A diagonal of channels: each output looks at its own input colour only.
    three = conv2d_with(SHARPEN[:, :, None, None] * np.eye(3, dtype=np.float32), colour)
    for name, kernel_shape, before, after in (
        ("gray to one map", (3, 3, 1, 1), gray, edges),
        ("colour to one map", blurred_luma.shape, colour, one),
        ("colour to three maps", (3, 3, 3, 3), colour, three),
    ):
        context.say(f"{name:<21} weights {kernel_shape}: {shape(before)} to {shape(after)}")

    context.say(f"sharpened values reach {three.min():.2f} .. {three.max():.2f}, outside 0..1:")
    right = to_picture(three)
    wrong = (three[0] * 255).astype(np.int32).astype(np.uint8)  # via int32, where the wrap is defined
    away = np.mean(abs(wrong.astype(int) - right) > 1)
    context.check(f"a plain cast is wrong by more than a level in {away:.1%} of the values", bool(away > 0))
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
        "kernel 3, stride 2 on 8x8: 'same' pads (0, 1), not (1, 1): equal shapes, other values",
        ours.shape == same.shape and not np.allclose(ours, same),
    )
