"""The integer networks against plain int64 loops, for any size."""

import numpy as np
import pytest

from compressor.entropy.exact import ExactContext, ExactHyper, ExactLayer, knots_at, patches
from compressor.entropy.integer_layers import EXACT_LIMIT, integer_layers
from compressor.spec.constants import MAX_WEIGHT


def random_layer(random, inputs, outputs, knots=1, input_max=255, maximum=255, units=256):
    weights = random.integers(-MAX_WEIGHT, MAX_WEIGHT + 1, (inputs, outputs))
    room = EXACT_LIMIT - 1 - np.abs(weights).sum(0) * input_max
    assert room.min() > 0
    bias = (random.random((knots, outputs)) * np.minimum(room, 2**20)).astype(np.int32)
    scale = (random.uniform(0.25, 4, outputs) / units).astype(np.float32)
    return ExactLayer(weights.astype(np.int8), bias, scale, maximum)


def reference_layer(layer, x, level):
    """(positions, inputs) Python-exact int64."""
    sums = x.astype(np.int64) @ layer.matrix.astype(np.int64) + knots_at(layer.bias, level)
    return np.clip(np.floor(sums.astype(np.float32) * layer.scale), 0, layer.maximum).astype(np.int64)


def padded(x, kernel):
    p = kernel // 2
    return np.pad(x, ((p, p), (p, p), (0, 0)))


def reference_patches(x, kernel, stride, row, column):
    """Neighbourhoods by plain loops, zero outside."""
    h, w, c = x.shape
    p, found = kernel // 2, []
    for i in range(row, h, stride):
        for j in range(column, w, stride):
            near = np.zeros((kernel, kernel, c), np.int64)
            for a in range(kernel):
                for b in range(kernel):
                    y, z = i + a - p, j + b - p
                    if 0 <= y < h and 0 <= z < w:
                        near[a, b] = x[y, z]
            found.append(near.ravel())
    return np.array(found)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(("stride", "row", "column"), [(1, 0, 0), (2, 0, 1), (2, 1, 1)])
def test_patches(kernel, stride, row, column):
    random = np.random.default_rng(0)
    x, own = (random.integers(0, 256, (6, 8, channels), np.uint8) for channels in (2, 3))
    own = own[row::stride, column::stride]
    got = patches(padded(x, kernel), kernel, stride, row, column, own)
    np.testing.assert_array_equal(got[:, :-3], reference_patches(x, kernel, stride, row, column))
    np.testing.assert_array_equal(got[:, -3:], own.reshape(-1, 3))


@pytest.mark.parametrize("size", [(1, 1), (2, 5), (7, 12)])
@pytest.mark.parametrize("level", [0, 57, 99, 250, 396])
def test_networks_equal_the_int64_reference(size, level):
    random = np.random.default_rng(3)
    first = random_layer(random, 9 * 6, 16, knots=5, input_max=127)
    second = random_layer(random, 9 * 4, 12)
    side = random.integers(-127, 128, (*size, 6))
    features = ExactHyper((first, second))(side, level)

    x = side
    for layer in (first, second):
        h, w, _ = x.shape
        y = reference_layer(layer, reference_patches(x, 3, 1, 0, 0), level).reshape(h, w, 2, 2, -1)
        x = y.transpose(0, 2, 1, 3, 4).reshape(2 * h, 2 * w, -1)
    np.testing.assert_array_equal(features, x)

    codes = random.integers(0, 256, (*features.shape[:2], 5), np.uint8)
    layers = (
        random_layer(random, 25 * 5 + 3, 20),
        random_layer(random, 20, 20),
        random_layer(random, 20, 9, knots=5, maximum=63, units=2**14),
    )
    own = features[1::2, 0::2]
    indices = ExactContext(layers)(patches(padded(codes, 5), 5, 2, 1, 0, own), level)
    y = np.concatenate([reference_patches(codes, 5, 2, 1, 0), own.reshape(-1, 3).astype(np.int64)], 1)
    for layer in layers:
        y = reference_layer(layer, y, level)
    np.testing.assert_array_equal(indices, y)
    assert indices.max() > indices.min() or indices.size < 20


def test_each_position_may_have_a_level_of_its_own():
    random = np.random.default_rng(5)
    layer = random_layer(random, 30, 8, knots=5)
    x, levels = random.integers(0, 256, (12, 30), np.uint8), random.integers(0, 397, 12).astype(np.int32)
    expected = [reference_layer(layer, row, level) for row, level in zip(x[:, None], levels, strict=True)]
    np.testing.assert_array_equal(integer_layers(x, [layer.at(levels)]), np.concatenate(expected))


def test_knots_are_interpolated_in_integers():
    values = np.array([[0], [99], [-98], [0], [7]], np.int32)
    levels = [0, 1, 98, 99, 100, 197, 198, 396]
    assert [int(knots_at(values, level)[0]) for level in levels] == [0, 1, 98, 99, 97, -97, -98, 7]
