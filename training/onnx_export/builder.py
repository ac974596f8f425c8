"""Nodes and initialisers of an ONNX graph, by name."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class GraphBuilder:
    """Collects the nodes and initialisers of a graph. Methods take and return names of tensors.

    Args:
        names: see `to_onnx`.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []
        # Functions that rearrange the values of tensors, by tensor name. 8-bit layers leave this to the
        # quantisation after them, since moving bytes is faster than moving floats.
        self.rearrangements: dict[str, Callable[[str], str]] = {}

    def node(self, kind: str, *inputs: str, **attributes) -> str:
        """Add a node with one output."""
        return self.outputs(1, kind, *inputs, **attributes)[0]

    def outputs(self, count: int, kind: str, *inputs: str, **attributes) -> list[str]:
        """Add a node with several outputs."""
        name = f"{kind.lower()}_{len(self.nodes)}"
        names = [name, *(f"{name}_{k}" for k in range(1, count))]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=name, **attributes))
        return names

    def constant(self, array, name: str | None = None) -> str:
        """Add an initialiser of the array's own type."""
        name = name or f"constant_{len(self.initialisers)}"
        self.initialisers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def floats(self, array) -> str:
        """Add a float32 initialiser, for values that need more precision than float16."""
        return self.constant(np.asarray(array, np.float32))

    def weights(self, array, source=None) -> str:
        """Add an array as float16, cast to float32.

        Args:
            array: values to add.
            source: variable that holds the values, perhaps with another order of axes; its name is used.
        """
        name = self.names.get(id(source))
        half = self.constant(np.ascontiguousarray(np.asarray(array).astype(np.float16)), name)
        return self.node("Cast", half, to=TensorProto.FLOAT)

    def integers(self, *values: int) -> str:
        """Add an int64 vector."""
        return self.constant(np.array(values, np.int64))

    def reshape(self, x: str, *shapes: tuple[int, ...]) -> str:
        """Reshape to each shape in turn; 0 keeps a dimension, and -1 takes what is left."""
        for shape in shapes:
            x = self.node("Reshape", x, self.integers(*shape))
        return x

    def channels_last(self, x: str) -> str:
        """Add the transposition from NCHW to NHWC; ONNX Runtime removes pairs of opposite ones."""
        return self.node("Transpose", x, perm=[0, 2, 3, 1])

    def channels_first(self, x: str) -> str:
        """Add the transposition from NHWC to NCHW."""
        return self.node("Transpose", x, perm=[0, 3, 1, 2])

    def join_rows(self, x: str, channels: int) -> str:
        """Reshape (N, h, f, w, f * C), rows of blocks, to (N, f * h, f * w, C)."""
        return self.reshape(x, (0, 0, 0, -1), (0, -1, 1, 0), (0, 0, -1, channels))
