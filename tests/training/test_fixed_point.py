"""What rounding the scale networks to integers costs, against the same networks in float."""

import dataclasses

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the train extra")
data = pytest.importorskip("skimage.data")

from compressor.entropy.exact import EXACT, LEVELS_PER_KNOT  # noqa: E402
from compressor.entropy.model import TOP_INDEX  # noqa: E402
from compressor.entropy.tables import TOTAL  # noqa: E402
from compressor.model_files import SHELF  # noqa: E402
from compressor.models.exported import load_exported  # noqa: E402
from compressor.picture_coder import PictureCoder  # noqa: E402
from training import fixed_point  # noqa: E402
from training.export import quality_arrays  # noqa: E402
from training.fixed_point import fixed_layer  # noqa: E402


@dataclasses.dataclass(frozen=True)
class FloatLayer:
    """An `ExactLayer` that rounds nothing but the scale index it ends in."""

    weights: np.ndarray
    bias: np.ndarray
    maximum: int

    def __call__(self, inputs, level):
        position = min(level / LEVELS_PER_KNOT, len(self.bias) - 1)
        low = min(int(position), max(len(self.bias) - 2, 0))
        high = min(low + 1, len(self.bias) - 1)
        bias = self.bias[low] + (position - low) * (self.bias[high] - self.bias[low])
        sums = inputs @ self.weights + bias
        return np.clip(np.floor(sums + 0.5) if self.maximum == TOP_INDEX else sums, 0, self.maximum)


def float_layer(weights, bias, input_step, input_max, output_steps, maximum):
    weights = np.asarray(weights, np.float64) * input_step * output_steps
    return FloatLayer(weights, np.atleast_2d(np.asarray(bias, np.float64)) * output_steps, maximum)


def ideal_bits(coder, image, level):
    """Code length of all symbols under the shipped tables."""
    tables, total = coder._family.tile_coder._entropy.tables, 0.0
    for symbols, indices in coder.symbols(image, level):
        for index in np.unique(indices[indices > 0]):
            width, values = tables.half_widths[index], symbols[indices == index]
            letters = np.where(np.abs(values) > width, 2 * width + 1, values + width)
            total -= np.log2(tables.frequencies(index)[letters] / TOTAL).sum()
    return total


def test_integer_networks_cost_less_than_half_a_percent(monkeypatch):
    model, coder = load_exported(SHELF.files(None)), PictureCoder(SHELF.files(None))
    image, levels = np.ascontiguousarray(data.coffee()[64:320, 64:448]), (40, 196, 360)
    integer = [ideal_bits(coder, image, level) for level in levels]
    monkeypatch.setattr(fixed_point, "fixed_layer", float_layer)
    tile_coder = coder._family.tile_coder
    contexts = fixed_point.fixed_contexts(model, quality_arrays(model)["log_gain"], TOP_INDEX)
    hyper = fixed_point.fixed_hyper(model)
    tile_coder._entropy = dataclasses.replace(tile_coder._entropy, hyper=hyper, contexts=contexts)
    real = [ideal_bits(coder, image, level) for level in levels]
    for level, a, b in zip(levels, integer, real, strict=True):
        print(f"level {level}: integer networks {100 * (a / b - 1):+.3f} % bits")
        assert a < 1.005 * b


def test_layers_are_exact_and_close_to_their_floats():
    random = np.random.default_rng(0)
    # Small rows to large ones: each gets a scale of its own.
    weights = random.normal(size=(900, 8)) * np.geomspace(1e-4, 1e-2, 8)
    bias = random.uniform(2, 4, (5, 8))
    layer = fixed_layer(weights, bias, 1 / 32, 255, 32, 255)
    assert np.all(np.abs(layer.weights).sum(0) * 255 + np.abs(layer.bias).max(0) < EXACT)
    x = random.integers(0, 256, (50, 900))
    wanted = np.clip(x @ weights + 32 * bias[2], 0, 255)
    assert wanted.std(0).min() > 0.1
    assert np.abs(layer(x.astype(np.float32), 2 * LEVELS_PER_KNOT) - wanted).max() < 1


def test_weights_beyond_any_scale_are_refused():
    with pytest.raises(ValueError, match="too large"):
        fixed_layer(np.full((900, 1), 1e5), np.zeros(1), 1, 255, 1, 255)
