"""Conversion of a functional model, with one rule per type of layer that the models use.

Between layers, tensors are NCHW; inputs and outputs of the graph are NHWC as in Keras. Weights are stored as
float16 and cast to float32 in the graph, except for those of 8-bit layers and of the lapped transform.
"""

from collections.abc import Mapping
from types import MappingProxyType

import keras
import onnx
from keras import layers
from keras.src.models.functional import Functional
from onnx import TensorProto, helper

from compressor.layers import (
    DepthToSpace,
    DynamicEightBitConv2D,
    EightBitConv2D,
    EightBitConv2DTranspose,
    EightBits,
    LappedAnalysis,
    LappedSynthesis,
    LappedSynthesisGradient,
    ReluGradient,
)
from training.onnx_export import lapped
from training.onnx_export.builder import GraphBuilder
from training.onnx_export.convolutions import add_convolution, add_transposed_convolution, check_options
from training.onnx_export.eight_bits import (
    add_dynamic_eight_bit_convolution,
    add_eight_bit_convolution,
    add_eight_bit_transposed_convolution,
    add_eight_bits,
)

OPSET = 17
# Slope of Keras's "leaky_relu".
_LEAKY_SLOPE = 0.2


def to_onnx(model, names: Mapping[int, str] = MappingProxyType({})) -> onnx.ModelProto:
    """Convert a functional Keras model with one output to ONNX.

    The inputs are named x0, x1, ..., and the output y; all are NHWC.

    Args:
        model: functional model; each of its layers needs a rule here.
        names: names of the initialisers that hold variables, by the variable's `id`. Kernels are stored in
            ONNX's order of axes: outputs, inputs, height, width.

    Raises:
        TypeError: for a layer, or an option of one, without a rule here.
    """
    graph, inputs, tensors = GraphBuilder(names), [], []
    for k, tensor in enumerate(model.inputs):
        axes = [f"x{k}_{axis}" if n is None else n for axis, n in zip("nhwc", tensor.shape, strict=True)]
        inputs.append(helper.make_tensor_value_info(f"x{k}", TensorProto.FLOAT, axes))
        tensors.append(graph.channels_first(f"x{k}"))
    result = _add_layer(graph, model, tensors)
    if graph.rearrangements:
        raise TypeError(
            f"no ONNX rule for an EightBitConv2DTranspose without EightBits after it in {model.name}"
        )
    graph.nodes.append(helper.make_node("Transpose", [result], ["y"], perm=[0, 2, 3, 1]))
    shape = ["n", "h", "w", model.outputs[0].shape[-1]]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)]
    whole = helper.make_graph(graph.nodes, model.name, inputs, outputs, graph.initialisers)
    # The IR version of the opset, not the newest, so that older runtimes can read the file.
    proto = helper.make_model(whole, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(proto)
    return proto


def _add_model(graph: GraphBuilder, model, inputs: list[str]) -> str:
    """Add the layers of a functional model with one output."""
    names = {id(t): name for t, name in zip(model.inputs, inputs, strict=True)}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            if not node.is_input:
                arguments = [names[id(t)] for t in node.input_tensors]
                names[id(node.outputs[0])] = _add_layer(graph, node.operation, arguments)
    (output,) = model.outputs
    return names[id(output)]


def _add_layer(graph: GraphBuilder, layer, inputs: list[str]) -> str:
    """Add one Keras layer.

    Raises:
        TypeError: for a layer, or an option of one, without a rule here.
    """
    x = inputs[0]
    check_options(layer)
    match layer:
        case keras.Sequential():
            return _add_model(graph, layer._functional, inputs)
        case Functional():
            return _add_model(graph, layer, inputs)
        case EightBits():
            return add_eight_bits(graph, x, layer)
        case EightBitConv2DTranspose():
            return _add_activation(graph, add_eight_bit_transposed_convolution(graph, x, layer), layer)
        case DynamicEightBitConv2D():
            return _add_activation(graph, add_dynamic_eight_bit_convolution(graph, x, layer), layer)
        case EightBitConv2D():
            return _add_activation(graph, add_eight_bit_convolution(graph, x, layer), layer)
        case layers.Conv2DTranspose():
            return _add_activation(graph, add_transposed_convolution(graph, x, layer), layer)
        case layers.Conv2D():
            return _add_activation(graph, add_convolution(graph, x, layer), layer)
        case layers.Activation():
            return _add_activation(graph, x, layer)
        case layers.Add():
            return graph.node("Add", *inputs)
        case ReluGradient():
            passed = graph.node("Greater", inputs[1], graph.floats(0))
            return graph.node("Mul", x, graph.node("Cast", passed, to=TensorProto.FLOAT))
        case layers.Concatenate():
            return graph.node("Concat", *inputs, axis=1)
        case layers.Rescaling():
            return graph.node("Mul", x, graph.floats(layer.scale))
        case DepthToSpace():
            return graph.node("DepthToSpace", x, blocksize=layer.block, mode="DCR")
        case LappedAnalysis() | LappedSynthesisGradient():
            return lapped.add_analysis(graph, x, layer)
        case LappedSynthesis():
            return lapped.add_synthesis(graph, x, layer)
    raise TypeError(f"no ONNX rule for layer {layer.name} of type {type(layer).__name__}")


def _add_activation(graph: GraphBuilder, x: str, layer) -> str:
    """Add the activation of a layer.

    Raises:
        TypeError: for an activation without a rule here.
    """
    match layer.activation.__name__:
        case "linear":
            return x
        case "relu":
            return graph.node("Relu", x)
        case "leaky_relu":
            return graph.node("LeakyRelu", x, alpha=_LEAKY_SLOPE)
    raise TypeError(f"no ONNX rule for activation {layer.activation.__name__} of layer {layer.name}")
