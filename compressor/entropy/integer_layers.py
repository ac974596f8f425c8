"""Layers of 8-bit integers in ONNX Runtime: exact, and faster than products in float32."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from compressor.errors import MissingDependencyError
from compressor.onnx_sessions import first_output, new_session, session_options
from compressor.spec.arrays import Floats
from compressor.spec.constants import MAX_WEIGHT

# float32 holds every integer below this exactly. No sum may reach it.
EXACT_LIMIT = 1 << 24
# A hyper-synthesis network runs its layers one by one, a context network all three at once.
NUMBERS_OF_LAYERS = (1, 3)


class IntegerLayer(NamedTuple):
    """A layer that computes ((inputs - zero point) @ weights + bias) * scale, rounded down and clipped.

    The zero point is 0 for all but the first layer, see `integer_layers`. Outputs are 0..maximum.

    Attributes:
        weights: (inputs, outputs), -63..63.
        bias: (outputs,) or (positions, outputs). No sum with it may reach 2**24.
        scale: (outputs,).
        maximum: 0..255.
    """

    weights: NDArray[np.int8]
    bias: NDArray[np.int64]
    scale: Floats
    maximum: int


def graph_path(num_layers: int) -> Path:
    """Return the path of a graph, written by `python -m scripts.make_integer_layers`."""
    return Path(__file__).with_name(f"integer_layers_{num_layers}.onnx")


def integer_layers(
    inputs: NDArray[np.uint8], layers: Sequence[IntegerLayer], zero_point: int = 0
) -> NDArray[np.uint8]:
    """Run layers one after another, and return the outputs of the last.

    Running several layers at once is faster than running each on its own.

    Args:
        inputs: (positions, inputs).
        layers: each reads the outputs of the one before; `NUMBERS_OF_LAYERS` says how many there may be.
        zero_point: the input of the first layer, 0..255, that stands for 0.

    Returns:
        (positions, outputs).

    Raises:
        MissingDependencyError: if ONNX Runtime does not compute exactly on this machine.
    """
    return _run(_session(len(layers)), inputs, layers, zero_point)


def _run(
    session: Any, inputs: NDArray[np.uint8], layers: Sequence[IntegerLayer], zero_point: int
) -> NDArray[np.uint8]:
    feeds: dict[str, Any] = {"inputs": inputs, "zero_point": np.array(zero_point, np.uint8)}
    for k, layer in enumerate(layers):
        feeds[f"weights_{k}"] = layer.weights
        feeds[f"bias_{k}"] = np.asarray(layer.bias, np.float32)
        feeds[f"scale_{k}"] = np.asarray(layer.scale, np.float32)
        feeds[f"maximum_{k}"] = np.array(layer.maximum, np.float32)
    outputs: NDArray[np.uint8] = first_output(session, feeds)
    return outputs


def _session(num_layers: int) -> Any:
    # One for each process: a session that is inherited may be locked by a thread that does not survive the
    # fork.
    return _checked_session(num_layers, os.getpid())


@cache
def _checked_session(num_layers: int, process: int) -> Any:
    # One thread, since another computes means at the same time.
    session = new_session(graph_path(num_layers).read_bytes(), session_options(threads=1))
    # The largest sums: if one saturates, its last bits, which are all that the bias leaves, are wrong.
    inputs = np.full((5, 1000), 255, np.uint8)
    weights = MAX_WEIGHT * np.resize([1, -1, 1, 1, -1, 0], (1000, 50)).astype(np.int8)
    expected = np.arange(250, dtype=np.uint8).reshape(5, 50)
    scale = np.ones(50, np.float32)
    unchanged = IntegerLayer(np.eye(50, dtype=np.int8), np.zeros(50, np.int64), scale, 255)
    for zero_point in (0, 128):
        bias = expected - (inputs.astype(np.int64) - zero_point) @ weights
        layers = [IntegerLayer(weights, bias, scale, 255), *[unchanged] * (num_layers - 1)]
        if not np.array_equal(_run(session, inputs, layers, zero_point), expected):
            raise MissingDependencyError(
                f"ONNX Runtime {onnxruntime.__version__} does not add 8-bit products exactly on this "
                "machine, so no file can be decoded; install another version of onnxruntime"
            )
    return session
