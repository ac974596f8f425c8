"""The integer layer equals int64 arithmetic, or refuses to compute."""

import os
import subprocess
import sys

import numpy as np
import onnxruntime
import pytest

from compressor.entropy import integer_layer as module
from compressor.entropy.integer_layer import GRAPH, MAX_WEIGHT, integer_layer
from compressor.errors import MissingDependencyError


@pytest.mark.parametrize("positions", [1, 3, 16, 100])
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (64, 24), (999, 130)])
@pytest.mark.parametrize("zero_point", [0, 128])
def test_it_equals_int64_arithmetic(positions, inputs, outputs, zero_point):
    random = np.random.default_rng(0)
    x = random.integers(0, 256, (positions, inputs), np.uint8)
    # The largest weights, so that sums are large.
    weights = (MAX_WEIGHT * random.choice([-1, 1], (inputs, outputs), p=[0.4, 0.6])).astype(np.int8)
    sums = (x.astype(np.int64) - zero_point) @ weights
    bias = random.integers(-100, 100, sums.shape)
    scale = np.geomspace(1e-4, 1, outputs, dtype=np.float32)
    found = integer_layer(x, zero_point, weights, bias, scale, maximum=200)
    expected = np.floor((sums + bias).astype(np.float32) * scale)
    np.testing.assert_array_equal(found, np.clip(expected, 0, 200))
    assert found.dtype == np.uint8


def test_an_inexact_product_is_refused(monkeypatch):
    def saturated(self, names, feeds):
        inputs, weights = (feeds[name].astype(int) for name in ("inputs", "weights"))
        pairs = (inputs[:, :, None] * weights).reshape(len(inputs), -1, 2, weights.shape[1]).sum(axis=2)
        sums = np.clip(pairs, -(2**14), 2**14).sum(axis=1) + feeds["bias"]
        return [np.clip(sums, 0, 255).astype(np.uint8)]

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", saturated)
    module._checked_session.cache_clear()
    try:
        with pytest.raises(MissingDependencyError, match="does not add 8-bit products exactly"):
            integer_layer(np.zeros((1, 2), np.uint8), 0, np.zeros((2, 1), np.int8), *np.ones((2, 1)), 255)
    finally:
        module._checked_session.cache_clear()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_has_a_session_of_its_own():
    code = (
        "import os; from compressor.entropy.integer_layer import _session; before = _session(); "
        "child = os.fork(); child or os._exit(_session() is before); print(os.waitpid(child, 0)[1])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"


def test_the_graph_is_up_to_date():
    pytest.importorskip("onnx", reason="needs the train extra")
    from scripts.make_integer_layer import integer_layer_graph

    assert integer_layer_graph() == GRAPH.read_bytes()
