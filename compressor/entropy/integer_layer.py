"""A layer of 8-bit integers in ONNX Runtime: exact, and faster than products in float32."""

import os
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from compressor.errors import MissingDependencyError
from compressor.onnx_sessions import first_output, new_session, session_options
from compressor.spec.arrays import Floats

# Written by `python -m scripts.make_integer_layer`.
GRAPH = Path(__file__).with_name("integer_layer.onnx")
# Largest magnitude of a weight. CPUs without 8-bit dot products add pairs of products in 16 bits, where
# 2 * 255 * 127 would overflow.
MAX_WEIGHT = 63
# float32 holds every integer below this exactly. No sum may reach it.
EXACT_LIMIT = 1 << 24
_INPUTS = {
    "inputs": np.uint8,
    "zero_point": np.uint8,
    "weights": np.int8,
    "bias": np.float32,
    "scale": np.float32,
    "maximum": np.float32,
}


def integer_layer(
    inputs: NDArray[np.uint8],
    zero_point: int,
    weights: NDArray[np.int8],
    bias: NDArray[np.int64],
    scale: Floats,
    maximum: int,
) -> NDArray[np.uint8]:
    """Return ((inputs - zero_point) @ weights + bias) * scale, rounded down and clipped to 0..maximum.

    Args:
        inputs: (positions, inputs).
        zero_point: the input, 0..255, that stands for 0.
        weights: (inputs, outputs), -63..63.
        bias: (outputs,) or (positions, outputs). No sum with it may reach 2**24.
        scale: (outputs,).
        maximum: 0..255.

    Returns:
        (positions, outputs).

    Raises:
        MissingDependencyError: if ONNX Runtime does not compute exactly on this machine.
    """
    outputs: NDArray[np.uint8] = _run(_session(), inputs, zero_point, weights, bias, scale, maximum)
    return outputs


def _run(session: Any, *values: Any) -> Any:
    """Run the graph on values in the order of `_INPUTS`."""
    pairs = zip(_INPUTS.items(), values, strict=True)
    return first_output(session, {name: np.asarray(value, kind) for (name, kind), value in pairs})


def _session() -> Any:
    # One for each process: a session that is inherited may be locked by a thread that does not survive the
    # fork.
    return _checked_session(os.getpid())


@cache
def _checked_session(process: int) -> Any:
    # One thread, since another computes means at the same time.
    session = new_session(GRAPH.read_bytes(), session_options(threads=1))
    # The largest sums: if one saturates, its last bits, which are all that the bias leaves, are wrong.
    inputs = np.full((5, 1000), 255, np.uint8)
    weights = MAX_WEIGHT * np.resize([1, -1, 1, 1, -1, 0], (1000, 50)).astype(np.int8)
    expected = np.arange(250, dtype=np.uint8).reshape(5, 50)
    for zero_point in (0, 128):
        bias = expected - (inputs.astype(np.int64) - zero_point) @ weights
        found = _run(session, inputs, zero_point, weights, bias, np.ones(50), 255)
        if not np.array_equal(found, expected):
            raise MissingDependencyError(
                f"ONNX Runtime {onnxruntime.__version__} does not add 8-bit products exactly on this "
                "machine, so no file can be decoded; install another version of onnxruntime"
            )
    return session
