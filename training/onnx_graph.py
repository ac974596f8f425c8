"""Functional Keras models to ONNX: the few layers that the models are made of, one rule each.

Inside the graph tensors are NCHW; inputs and outputs keep Keras' NHWC. Weights are stored as float16
and cast at load. A transposed convolution becomes the convolution + depth-to-space that equals it.
"""

from collections.abc import Mapping
from types import MappingProxyType

import keras
import numpy as np
import onnx
from keras import layers
from keras.src.models.functional import Functional
from onnx import TensorProto, helper, numpy_helper

from compressor.layers import (
    DepthToSpace,
    LappedAnalysis,
    LappedSynthesis,
    LappedSynthesisGradient,
    ReluGradient,
)
from compressor.layers.lapped import BLOCK, post_filter, pre_filter

OPSET = 17
# Of Keras' "leaky_relu".
_LEAKY_SLOPE = 0.2


def subpixel_kernel(kernel: np.ndarray, stride: int) -> tuple[np.ndarray, tuple[int, int]]:
    """The convolution that, followed by depth-to-space, equals a 'same' transposed convolution.

    Args:
        kernel: Keras Conv2DTranspose kernel (k, k, outputs, inputs), k >= stride.
        stride: of the transposed convolution.

    Returns: kernel (taps, taps, inputs, stride * stride * outputs) and its padding (before, after).
    """
    size, _, outputs, inputs = kernel.shape
    crop = (size - stride) // 2
    # Output stride * j + phase gets input j - d through tap stride * d + phase + crop.
    shifts = [d for d in range(-size, size + 1) if -stride < stride * d + crop < size]
    result = np.zeros((len(shifts), len(shifts), inputs, stride, stride, outputs), kernel.dtype)
    for a, da in enumerate(reversed(shifts)):
        for b, db in enumerate(reversed(shifts)):
            for p in range(stride):
                for q in range(stride):
                    i, j = stride * da + p + crop, stride * db + q + crop
                    if 0 <= i < size and 0 <= j < size:
                        result[a, b, :, p, q] = kernel[i, j].T
    flat = result.reshape(len(shifts), len(shifts), inputs, stride * stride * outputs)
    return flat, (max(shifts), -min(shifts))


class GraphBuilder:
    """Collects nodes and initialisers; every method takes and returns names of NCHW tensors.

    Args:
        names: see `to_onnx`.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

    def node(self, kind: str, *inputs: str, **attributes) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, array, name: str | None = None) -> str:
        name = name or f"constant_{len(self.initialisers)}"
        self.initialisers.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def weights(self, array, source=None) -> str:
        """An array, which is that of the variable `source` but for the order of its axes."""
        name = self.names.get(id(source))
        half = self.constant(np.ascontiguousarray(np.asarray(array).astype(np.float16)), name)
        return self.node("Cast", half, to=TensorProto.FLOAT)

    def integers(self, *values: int) -> str:
        return self.constant(np.array(values, np.int64))

    def convolution(self, x: str, kernel, bias=None, stride: int = 1, pads=None, same: bool = False) -> str:
        """Convolution with a Keras kernel (k, k, inputs, outputs), an array or a variable."""
        inputs = [x, self.weights(np.transpose(np.asarray(kernel), (3, 2, 0, 1)), kernel)]
        if bias is not None:
            inputs.append(self.weights(bias, bias))
        if pads:
            before, after = pads
            return self.node("Conv", *inputs, strides=[stride] * 2, pads=[before, before, after, after])
        return self.node("Conv", *inputs, strides=[stride] * 2, auto_pad="SAME_UPPER" if same else "VALID")

    def filter_edges(self, x: str, matrix: np.ndarray) -> str:
        """`compressor.layers.lapped.filter_block_edges`, along the last axis and then the other."""
        half = BLOCK // 2
        # Exact in float32 and tiny: not worth rounding to float16.
        transposed = self.constant(matrix.T.astype(np.float32))
        for _ in range(2):
            axis, step = self.integers(3), self.integers(-1)
            first = self.node("Slice", x, self.integers(half - 1), self.integers(-(2**31)), axis, step)
            last = self.node("Slice", x, self.integers(-1), self.integers(-half - 1), axis, step)
            x = self.node("Concat", first, x, last, axis=3)
            shape = self.node("Shape", x)
            x = self.node("MatMul", self.node("Reshape", x, self.integers(-1, BLOCK)), transposed)
            x = self.node("Reshape", x, shape)
            x = self.node("Slice", x, self.integers(half), self.integers(-half), axis)
            x = self.node("Transpose", x, perm=[0, 1, 3, 2])
        return x

    def activation(self, layer, x: str) -> str:
        match layer.activation.__name__:
            case "relu":
                return self.node("Relu", x)
            case "leaky_relu":
                return self.node("LeakyRelu", x, alpha=_LEAKY_SLOPE)
        return x

    def layer(self, layer, inputs: list[str]) -> str:
        """One Keras layer.

        Raises:
            TypeError: for a layer that has no rule here.
        """
        x = inputs[0]
        match layer:
            case keras.Sequential():
                return self.model(layer._functional, inputs)[0]
            case Functional():
                return self.model(layer, inputs)[0]
            case layers.Conv2DTranspose():
                stride = layer.strides[0]
                kernel, pads = subpixel_kernel(np.asarray(layer.kernel), stride)
                x = self.convolution(x, kernel, np.tile(np.asarray(layer.bias), stride**2), pads=pads)
                x = self.node("DepthToSpace", x, blocksize=stride, mode="DCR")
                return self.activation(layer, x)
            case layers.Conv2D():
                bias = layer.bias if layer.use_bias else None
                x = self.convolution(x, layer.kernel, bias, layer.strides[0], same=layer.padding == "same")
                return self.activation(layer, x)
            case layers.Activation():
                return self.activation(layer, x)
            case layers.Add():
                return self.node("Add", *inputs)
            case layers.Subtract():
                return self.node("Sub", *inputs)
            case ReluGradient():
                passed = self.node(
                    "Cast",
                    self.node("Greater", inputs[1], self.constant(np.float32(0))),
                    to=TensorProto.FLOAT,
                )
                return self.node("Mul", x, passed)
            case layers.Multiply():
                return self.node("Mul", *inputs)
            case layers.Concatenate():
                return self.node("Concat", *inputs, axis=1)
            case layers.Rescaling():
                return self.node("Mul", x, self.constant(np.float32(layer.scale)))
            case DepthToSpace():
                return self.node("DepthToSpace", x, blocksize=layer.block, mode="DCR")
            case LappedAnalysis():
                x = self.filter_edges(x, pre_filter())
                return self.convolution(x, layer.kernel, stride=BLOCK)
            case LappedSynthesisGradient():
                x = self.filter_edges(x, post_filter().T)
                return self.convolution(x, layer.kernel, stride=BLOCK)
            case LappedSynthesis():
                kernel = np.asarray(layer.kernel)
                kernel = kernel.transpose(3, 0, 1, 2).reshape(1, 1, layer.channels, -1)
                x = self.node("DepthToSpace", self.convolution(x, kernel), blocksize=BLOCK, mode="DCR")
                return self.filter_edges(x, post_filter())
        raise TypeError(f"no ONNX rule for layer {layer.name} of type {type(layer).__name__}")

    def model(self, model, inputs: list[str]) -> list[str]:
        """A functional model, layer by layer."""
        names = {id(t): name for t, name in zip(model.inputs, inputs, strict=True)}
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if not node.is_input:
                    arguments = [names[id(t)] for t in node.input_tensors]
                    names[id(node.outputs[0])] = self.layer(node.operation, arguments)
        return [names[id(t)] for t in model.outputs]


def to_onnx(model, names: Mapping[int, str] = MappingProxyType({})) -> onnx.ModelProto:
    """A functional Keras model with one output -> ONNX model; inputs x0, x1, ..., output y, all NHWC.

    Args:
        model: made of layers that have a rule here.
        names: what to call the initialiser that holds a variable, by the variable's `id`. Kernels are in
            ONNX's order of axes: outputs, inputs, height, width.
    """
    builder, inputs, tensors = GraphBuilder(names), [], []
    for k, tensor in enumerate(model.inputs):
        axes = [f"x{k}_{axis}" if n is None else n for axis, n in zip("nhwc", tensor.shape, strict=True)]
        inputs.append(helper.make_tensor_value_info(f"x{k}", TensorProto.FLOAT, axes))
        tensors.append(builder.node("Transpose", f"x{k}", perm=[0, 3, 1, 2]))
    result = builder.layer(model, tensors)
    builder.nodes.append(helper.make_node("Transpose", [result], ["y"], perm=[0, 2, 3, 1]))
    shape = ["n", "h", "w", model.outputs[0].shape[-1]]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)]
    graph = helper.make_graph(builder.nodes, model.name, inputs, outputs, builder.initialisers)
    # The IR version that goes with the opset, not the newest: older runtimes read the file too.
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(proto)
    return proto
