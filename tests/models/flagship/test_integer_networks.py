"""Rounding the scale networks to integers costs few bits, against the same networks in float."""

import numpy as np
import pytest
from skimage import data

from compressor.coding.loading import create_coder
from compressor.entropy.integer_layers import EXACT_LIMIT, integer_layers
from compressor.models.export_arrays import scale_index
from compressor.models.exported import load_exported
from compressor.models.flagship.integer_networks import rounded_layer
from compressor.spec.constants import TOP_INDEX
from compressor.spec.quality import LEVELS_PER_KNOT
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import shipped_folder


def ideal_bits(tables, symbols, indices):
    """Code length of symbols."""
    return float(tables.bits[indices, np.minimum(np.abs(symbols), tables.bits.shape[1] - 1)].sum())


@pytest.fixture(scope="module")
def shipped():
    """The Keras model and the coder of the default model."""
    files = ModelFiles(shipped_folder())
    return load_exported(files), create_coder(files, "onnxruntime")


@pytest.mark.parametrize("level", [40, 196, 360])
def test_integer_networks_cost_less_than_half_a_percent(shipped, replay, level):
    """The same symbols, under the scale indices of the integer networks and under those of float networks."""
    model, coder = shipped
    image = data.coffee()[64:320, 64:448].astype(np.float32)
    analysis = coder.runtime.analyse(image[None] - 128, level)
    side = coder.runtime.side_information(analysis.for_side, level)
    coded = coder.tile_coder.code(analysis.latents, side, level)
    _, quantise = replay(model, analysis.latents, level, coded)
    integer = real = 0.0
    for (step, symbols), scale in zip(coded.steps, quantise.scales[1:], strict=True):
        indices = np.clip(np.rint(scale_index(np.log(scale))), 0, TOP_INDEX).astype(np.uint8)
        integer += ideal_bits(coder.runtime.tables, symbols, step.indices)
        real += ideal_bits(coder.runtime.tables, symbols, indices)
    assert integer < 1.005 * real


def test_layers_are_exact_and_close_to_their_floats():
    random = np.random.default_rng(0)
    # Small rows to large ones: each gets a scale of its own.
    weights = random.normal(size=(900, 8)) * np.geomspace(1e-4, 1e-2, 8)
    bias = random.uniform(2, 4, (5, 8))
    layer = rounded_layer(weights, bias, 1 / 32, 255, 32, 255)
    assert np.all(np.abs(layer.matrix).sum(0) * 255 + np.abs(layer.bias).max(0) < EXACT_LIMIT)
    x = random.integers(0, 256, (50, 900))
    wanted = np.clip(x @ weights + 32 * bias[2], 0, 255)
    assert wanted.std(0).min() > 0.1
    found = integer_layers(x.astype(np.uint8), [layer.at(2 * LEVELS_PER_KNOT)])
    assert np.abs(found - wanted).max() < 1


def test_weights_beyond_any_scale_are_refused():
    with pytest.raises(ValueError, match="too large"):
        rounded_layer(np.full((900, 1), 1e5), np.zeros(1), 1, 255, 1, 255)
