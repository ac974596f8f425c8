"""Animations of the arithmetic."""

import keras
import numpy as np
import pytest
from scipy import signal

from demos import animations
from demos.errors import ArgumentError


@pytest.mark.parametrize("scene", animations.SCENES)
def test_animated_numbers(scene):
    output = scene.output()
    numbers = np.arange(1, scene.size**2 + 1).reshape(scene.size, scene.size) % 10
    kernel = np.zeros((scene.dilation * (scene.kernel - 1) + 1,) * 2)
    kernel[:: scene.dilation, :: scene.dilation] = 1
    if scene.transposed:
        images = numbers[None, :, :, None].astype(np.float32)
        full = keras.ops.conv_transpose(
            images, kernel[:, :, None, None].astype(np.float32), scene.stride, "valid"
        )
        crop = slice(scene.padding, full.shape[1] - scene.padding)
        expected = np.asarray(full)[0, crop, crop, 0]
    else:
        padded = np.pad(numbers, scene.padding)
        expected = signal.correlate2d(padded, kernel, mode="valid")[:: scene.stride, :: scene.stride]
    assert np.array_equal(output, expected)


def test_frames_mark_the_moving_kernel():
    scene = animations.SCENES[1]
    frames = animations.draw_frames(scene)
    assert len(frames) == scene.output().size == 9
    cell = animations.CELL

    def colour(frame, row, column):
        corner = (animations.GAP + cell * column + 3, animations.TITLE + 8 + cell * row + 3)
        return "#" + bytes(frame.getpixel(corner)).hex()

    for frame, left in zip(frames[:3], (0, 2, 4), strict=True):
        marked = [colour(frame, 0, column) == animations.KERNEL for column in range(7)]
        assert marked == [left <= column < left + 3 for column in range(7)]


@pytest.mark.parametrize("field", ["size", "kernel", "stride", "dilation"])
def test_scenes_need_positive_sizes(field):
    with pytest.raises(ArgumentError, match=f"{field} must be a positive integer"):
        animations.Scene("x", **{"size": 5, "kernel": 3, field: 0}).output()


def test_scene_with_too_large_a_kernel():
    with pytest.raises(ArgumentError, match="the output would be empty"):
        animations.Scene("x", 2, 3).output()
