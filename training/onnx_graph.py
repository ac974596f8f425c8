"""Conversion of functional Keras models to ONNX, with one rule per type of layer that the models use.

Inside the graph tensors are NCHW; inputs and outputs are NHWC as in Keras. Weights are stored as float16
and cast to float32 in the graph, except for int8 kernels and their float32 steps and biases.
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
    DynamicEightBitConv2D,
    EightBitConv2D,
    EightBits,
    LappedAnalysis,
    LappedSynthesis,
    LappedSynthesisGradient,
    ReluGradient,
)
from compressor.layers.eight_bits import in_steps
from compressor.spec.lapped import BLOCK, COLOURS, post_filter

OPSET = 17
# Slope of Keras's "leaky_relu".
_LEAKY_SLOPE = 0.2
_PADDING = {"same": "SAME_UPPER", "valid": "VALID"}


def subpixel_kernel(kernel: np.ndarray, stride: int) -> np.ndarray:
    """Return the convolution that, followed by depth-to-space, equals a transposed convolution.

    Args:
        kernel: kernel of a Keras Conv2DTranspose, (k, k, outputs, inputs), k >= stride.
        stride: stride of the transposed convolution.

    Returns:
        Kernel (taps, taps, inputs, stride * stride * outputs), for inputs with taps - 1 zeros on all sides.
    """
    size, _, outputs, inputs = kernel.shape
    taps = -(-size // stride)
    missing = taps * stride - size
    padded = np.pad(kernel, [(0, missing), (0, missing), (0, 0), (0, 0)])
    # Output stride * j + phase gets input j - tap through row stride * tap + phase of the kernel.
    split = padded.reshape(taps, stride, taps, stride, outputs, inputs)[::-1, :, ::-1]
    return split.transpose(0, 2, 5, 1, 3, 4).reshape(taps, taps, inputs, stride * stride * outputs)


def _as_stored(variable) -> np.ndarray:
    """Round a variable to float16, as it is stored: a model read from exported files exports to the same."""
    return np.asarray(variable).astype(np.float16).astype(np.float32)


def _check_options(layer) -> None:
    """Raise TypeError for a convolution with options that no rule considers."""
    if isinstance(layer, layers.Conv2D | layers.Conv2DTranspose):
        is_square = len({*layer.kernel_size}) == len({*layer.strides}) == 1
        is_usual = {*layer.dilation_rate} == {1} and getattr(layer, "groups", 1) == 1
        if isinstance(layer, layers.Conv2DTranspose):
            is_usual = is_usual and layer.padding == "same" and layer.use_bias
        if not (is_square and is_usual):
            raise TypeError(f"no ONNX rule for the options of layer {layer.name}")


class GraphBuilder:
    """Collects the nodes and initialisers of a graph. Methods take and return names of NCHW tensors.

    Args:
        names: see `to_onnx`.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.nodes: list[onnx.NodeProto] = []
        self.initialisers: list[onnx.TensorProto] = []

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

    def convolution(self, x: str, kernel, bias=None, stride: int = 1, pads=None, padding="valid") -> str:
        """Add a convolution.

        Args:
            x: name of the input.
            kernel: Keras kernel (k, k, inputs, outputs), an array or a variable.
            bias: (outputs,), or None.
            stride: stride along both axes.
            pads: rows and columns of zeros (before, after); None to use `padding`.
            padding: "valid" or "same", as in Keras.
        """
        inputs = [x, self.weights(np.transpose(np.asarray(kernel), (3, 2, 0, 1)), kernel)]
        if bias is not None:
            inputs.append(self.weights(bias, bias))
        if pads:
            before, after = pads
            return self.node("Conv", *inputs, strides=[stride] * 2, pads=[before, before, after, after])
        return self.node("Conv", *inputs, strides=[stride] * 2, auto_pad=_PADDING[padding])

    def transposed_convolution(self, x: str, layer: layers.Conv2DTranspose) -> str:
        """Add a "same" transposed convolution as a convolution, depth-to-space and a crop."""
        stride = layer.strides[0]
        kernel = subpixel_kernel(np.asarray(layer.kernel), stride)
        bias = np.tile(np.asarray(layer.bias), stride**2)
        margin = len(kernel) - 1
        x = self.convolution(x, kernel, bias, pads=(margin, margin))
        x = self.depth_to_space(self.channels_last(x), stride, layer.filters)
        if margin:
            before = (layer.kernel_size[0] - stride) // 2
            after = margin * stride - before
            starts, ends = self.integers(before, before), self.integers(-after, -after)
            x = self.node("Slice", x, starts, ends, self.integers(1, 2))
        return self.channels_first(x)

    def depth_to_space(self, x: str, factor: int, channels: int) -> str:
        """Add depth-to-space with channels last, (N, h, w, factor**2 * C) -> (N, factor * h, factor * w, C).

        In ONNX Runtime, this takes half as long as DepthToSpace, whose channels are first.
        """
        x = self.node("Transpose", self._reshape(x, (0, 0, 0, factor, -1)), perm=[0, 1, 3, 2, 4])
        columns = self.node("Shape", x, start=3, end=4)
        shape = self.node("Concat", self.integers(0, -1), columns, self.integers(factor * channels), axis=0)
        return self._reshape(self.node("Reshape", x, shape), (0, 0, -1, channels))

    def channels_last(self, x: str) -> str:
        """Add the transposition from NCHW to NHWC; ONNX Runtime removes pairs of opposite ones."""
        return self.node("Transpose", x, perm=[0, 2, 3, 1])

    def channels_first(self, x: str) -> str:
        """Add the transposition from NHWC to NCHW."""
        return self.node("Transpose", x, perm=[0, 3, 1, 2])

    def eight_bits(self, x: str, layer: EightBits) -> str:
        """Add `EightBits` as QuantizeLinear followed by DequantizeLinear."""
        step = self.constant(np.exp(_as_stored(layer.log_step)))
        zero_point = self.constant(np.asarray(layer.zero_point).astype(np.uint8))

        def rounded(x: str) -> str:
            quantised = self.node("QuantizeLinear", x, step, zero_point)
            return self.node("DequantizeLinear", quantised, step, zero_point)

        is_first = all(node.op_type != "QuantizeLinear" for node in self.nodes)
        if not is_first:
            return rounded(x)
        # An identity convolution. After it, ONNX Runtime keeps channels last in all 8-bit layers,
        # instead of transposing before and after each pair of convolutions.
        kernel = np.eye(layer.input.shape[-1], dtype=np.int8)[:, :, None, None]
        return rounded(self.node("Conv", rounded(x), self._eight_bit_kernel(kernel, np.ones(len(kernel)))))

    def eight_bit_convolution(self, x: str, layer: EightBitConv2D) -> str:
        """Add the convolution of `EightBitConv2D`. Engines fuse it with the quantisation around it."""
        exact, steps = map(np.asarray, in_steps(_as_stored(layer.kernel)))
        kernel = self._eight_bit_kernel(np.rint(exact).astype(np.int8).transpose(3, 2, 0, 1), steps)
        bias = [self.constant(_as_stored(layer.bias))] if layer.use_bias else []
        return self.node("Conv", x, kernel, *bias, strides=layer.strides, auto_pad=_PADDING[layer.padding])

    def _eight_bit_kernel(self, kernel: np.ndarray, steps: np.ndarray) -> str:
        """Add an int8 kernel (outputs, inputs, height, width) with one step per output."""
        return self.node(
            "DequantizeLinear", self.constant(kernel), self.constant(steps.astype(np.float32)), axis=0
        )

    def dynamic_eight_bit_convolution(self, x: str, layer: DynamicEightBitConv2D) -> str:
        """Add `DynamicEightBitConv2D` as a matrix product, channels last.

        Raises:
            TypeError: for a layer with a stride that pads its inputs.
        """
        x = self.channels_last(x)
        if layer.padding == "same" and layer.kernel_size != (1, 1):
            if layer.strides != (1, 1):
                raise TypeError(f"no ONNX rule for the padding of layer {layer.name}")
            pad = layer.kernel_size[0] // 2
            # Before rounding: OpenVINO does not pad with a zero point that is computed.
            x = self.node("Pad", x, self.integers(0, pad, pad, 0, 0, pad, pad, 0))
        values, step, zero_point = self.outputs(3, "DynamicQuantizeLinear", x)
        exact, steps = map(np.asarray, in_steps(_as_stored(layer.kernel)))
        kernel = self.constant(np.rint(exact).astype(np.int8).reshape(-1, layer.filters))
        sums = self.node("MatMulInteger", self._windows(values, layer), kernel, zero_point)
        steps = self.node("Mul", step, self.constant(steps.astype(np.float32)))
        x = self.node("Mul", self.node("Cast", sums, to=TensorProto.FLOAT), steps)
        if layer.use_bias:
            x = self.node("Add", x, self.weights(layer.bias, layer.bias))
        return self.channels_first(x)

    def _windows(self, x: str, layer: layers.Conv2D) -> str:
        """Concatenate the inputs in each window of a "valid" convolution along the last axis."""
        (size, _), (stride, _) = layer.kernel_size, layer.strides
        axes, steps = self.integers(1, 2), self.integers(stride, stride)
        ends = [i - size + 1 or np.iinfo(np.int64).max for i in range(size)]
        taps = [
            self.node("Slice", x, self.integers(i, j), self.integers(ends[i], ends[j]), axes, steps)
            for i in range(size)
            for j in range(size)
        ]
        return self.node("Concat", *taps, axis=3) if len(taps) > 1 else taps[0]

    def filter_edges(self, x: str, matrix: np.ndarray) -> str:
        """Add `compressor.layers.lapped.filter_block_edges`, down and then across, with channels last."""
        # Kept in float32: the matrices are small, and rounding them to float16 would lose accuracy.
        down = self.constant(matrix.astype(np.float32))
        across = self.constant(np.kron(matrix.T, np.eye(COLOURS)).astype(np.float32))
        x = self._reshape(self._widened(x, axis=1), (0, 0, 1, -1), (0, -1, BLOCK, 0))
        x = self._reshape(self.node("MatMul", down, x), (0, -1, 1, 0), (0, 0, -1, COLOURS))
        x = self._widened(self._narrowed(x, axis=1), axis=2)
        x = self.node("MatMul", self._reshape(x, (0, 0, -1, BLOCK * COLOURS)), across)
        return self._narrowed(self._reshape(x, (0, 0, -1, COLOURS)), axis=2)

    def _reshape(self, x: str, *shapes: tuple[int, ...]) -> str:
        """Reshape to each shape in turn; 0 keeps a dimension, and -1 takes what is left."""
        for shape in shapes:
            x = self.node("Reshape", x, self.integers(*shape))
        return x

    def _widened(self, x: str, axis: int) -> str:
        """Pad both ends of an axis by half a block, as NumPy's "symmetric" mode does."""
        half = BLOCK // 2
        along, step = self.integers(axis), self.integers(-1)
        first = self.node("Slice", x, self.integers(half - 1), self.integers(-(2**31)), along, step)
        last = self.node("Slice", x, self.integers(-1), self.integers(-half - 1), along, step)
        return self.node("Concat", first, x, last, axis=axis)

    def _narrowed(self, x: str, axis: int) -> str:
        """Remove half a block from both ends of an axis."""
        half = BLOCK // 2
        return self.node("Slice", x, self.integers(half), self.integers(-half), self.integers(axis))

    def activation(self, layer, x: str) -> str:
        """Add the activation of a layer.

        Raises:
            TypeError: for an activation without a rule here.
        """
        match layer.activation.__name__:
            case "linear":
                return x
            case "relu":
                return self.node("Relu", x)
            case "leaky_relu":
                return self.node("LeakyRelu", x, alpha=_LEAKY_SLOPE)
        raise TypeError(f"no ONNX rule for activation {layer.activation.__name__} of layer {layer.name}")

    def layer(self, layer, inputs: list[str]) -> str:
        """Add one Keras layer.

        Raises:
            TypeError: for a layer, or an option of one, without a rule here.
        """
        x = inputs[0]
        _check_options(layer)
        match layer:
            case keras.Sequential():
                return self.model(layer._functional, inputs)[0]
            case Functional():
                return self.model(layer, inputs)[0]
            case layers.Conv2DTranspose():
                return self.activation(layer, self.transposed_convolution(x, layer))
            case EightBits():
                return self.eight_bits(x, layer)
            case DynamicEightBitConv2D():
                return self.activation(layer, self.dynamic_eight_bit_convolution(x, layer))
            case EightBitConv2D():
                return self.activation(layer, self.eight_bit_convolution(x, layer))
            case layers.Conv2D():
                bias = layer.bias if layer.use_bias else None
                x = self.convolution(x, layer.kernel, bias, layer.strides[0], padding=layer.padding)
                return self.activation(layer, x)
            case layers.Activation():
                return self.activation(layer, x)
            case layers.Add():
                return self.node("Add", *inputs)
            case ReluGradient():
                passed = self.node(
                    "Cast",
                    self.node("Greater", inputs[1], self.constant(np.float32(0))),
                    to=TensorProto.FLOAT,
                )
                return self.node("Mul", x, passed)
            case layers.Concatenate():
                return self.node("Concat", *inputs, axis=1)
            case layers.Rescaling():
                return self.node("Mul", x, self.constant(np.float32(layer.scale)))
            case DepthToSpace():
                return self.node("DepthToSpace", x, blocksize=layer.block, mode="DCR")
            case LappedAnalysis() | LappedSynthesisGradient():
                x = self.filter_edges(self.channels_last(x), layer.edge_filter())
                return self.convolution(self.channels_first(x), layer.kernel, stride=BLOCK)
            case LappedSynthesis():
                kernel = np.asarray(layer.kernel).reshape(1, 1, -1, layer.channels).swapaxes(2, 3)
                x = self.channels_last(self.convolution(x, kernel))
                x = self.filter_edges(self.depth_to_space(x, BLOCK, COLOURS), post_filter())
                return self.channels_first(x)
        raise TypeError(f"no ONNX rule for layer {layer.name} of type {type(layer).__name__}")

    def model(self, model, inputs: list[str]) -> list[str]:
        """Add the layers of a functional model, and return the names of its outputs."""
        names = {id(t): name for t, name in zip(model.inputs, inputs, strict=True)}
        for depth in sorted(model._nodes_by_depth, reverse=True):
            for node in model._nodes_by_depth[depth]:
                if not node.is_input:
                    arguments = [names[id(t)] for t in node.input_tensors]
                    names[id(node.outputs[0])] = self.layer(node.operation, arguments)
        return [names[id(t)] for t in model.outputs]


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
    # The IR version of the opset, not the newest, so that older runtimes can read the file.
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(proto)
    return proto
