"""Integer layers equal int64 arithmetic, or refuse to compute."""

import os
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest

from compressor.entropy import integer_layers as module
from compressor.entropy.integer_layers import (
    MAX_WEIGHT,
    NUMBERS_OF_LAYERS,
    IntegerLayer,
    graph_path,
    integer_layers,
)
from compressor.errors import MissingDependencyError


def int64_layer(x, layer, zero_point=0):
    sums = (x.astype(np.int64) - zero_point) @ layer.weights + layer.bias
    return np.clip(np.floor(sums.astype(np.float32) * layer.scale), 0, layer.maximum)


@pytest.mark.parametrize("positions", [1, 3, 16, 100])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (64, 24), (999, 130)])
@pytest.mark.parametrize("zero_point", [0, 128])
def test_a_layer_equals_int64_arithmetic(positions, inputs, outputs, zero_point):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (positions, inputs), np.uint8)
    # The largest weights, so that sums are large.
    weights = (MAX_WEIGHT * random.choice([-1, 1], (inputs, outputs), p=[0.4, 0.6])).astype(np.int8)
    bias = random.integers(-100, 100, (positions, outputs))
    layer = IntegerLayer(weights, bias, np.geomspace(1e-4, 1, outputs, dtype=np.float32), 200)
    found = integer_layers(x, [layer], zero_point)
    np.testing.assert_array_equal(found, int64_layer(x, layer, zero_point))
    assert found.dtype == np.uint8


def test_each_layer_reads_the_outputs_of_the_one_before():
    random = np.random.default_rng(1)
    x = random.integers(0, 256, (20, 30), np.uint8)
    layers = [
        IntegerLayer(
            random.integers(-MAX_WEIGHT, MAX_WEIGHT + 1, (inputs, outputs), np.int8),
            random.integers(0, 10_000, outputs),
            random.uniform(0.01, 0.02, outputs).astype(np.float32),
            maximum,
        )
        for inputs, outputs, maximum in [(30, 40, 255), (40, 50, 240), (50, 60, 63)]
    ]
    expected = x
    for layer in layers:
        expected = int64_layer(expected, layer)
    assert 10 < expected.std() < 63
    np.testing.assert_array_equal(integer_layers(x, layers), expected)


@pytest.mark.parametrize("num_layers", NUMBERS_OF_LAYERS)
def test_an_inexact_product_is_refused(monkeypatch, num_layers):
    def saturated(self, names, feeds):
        inputs, weights = (feeds[name].astype(int) for name in ("inputs", "weights_0"))
        pairs = (inputs[:, :, None] * weights).reshape(len(inputs), -1, 2, weights.shape[1]).sum(axis=2)
        sums = np.clip(pairs, -(2**14), 2**14).sum(axis=1) + feeds["bias_0"]
        return [np.clip(sums, 0, 255).astype(np.uint8)]

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", saturated)
    layer = IntegerLayer(np.zeros((2, 1), np.int8), np.zeros(1, np.int64), np.ones(1, np.float32), 255)
    module._checked_session.cache_clear()
    try:
        with pytest.raises(MissingDependencyError, match="does not add 8-bit products exactly"):
            integer_layers(np.zeros((1, 2), np.uint8), [layer] * num_layers)
    finally:
        module._checked_session.cache_clear()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_a_session_of_its_own():
    code = (
        "import os; from compressor.entropy.integer_layers import _session; before = _session(1); "
        "child = os.fork(); child or os._exit(_session(1) is before); print(os.waitpid(child, 0)[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_the_graphs_are_up_to_date():
    pytest.importorskip("onnx", reason="needs the train extra")
    from scripts.make_integer_layers import integer_layers_graph

    for number in NUMBERS_OF_LAYERS:
        assert integer_layers_graph(number) == graph_path(number).read_bytes()
