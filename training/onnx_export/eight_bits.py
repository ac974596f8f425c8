"""Layers that compute in 8-bit integers. Kernels are int8, their steps float32."""

from functools import partial

import numpy as np
from keras import layers
from onnx import TensorProto

from compressor.layers import DynamicEightBitConv2D, EightBitConv2D, EightBitConv2DTranspose, EightBits
from compressor.layers.shuffle import subpixel_kernel
from compressor.models.export_arrays import as_stored, stored_integers
from training.onnx_export.builder import GraphBuilder
from training.onnx_export.convolutions import PADDING, add_pixels

# ONNX Runtime computes products for this many outputs at once. For 12, it takes more than twice as long.
_OUTPUTS_AT_ONCE = 16


def add_eight_bits(graph: GraphBuilder, x: str, layer: EightBits) -> str:
    """Add `EightBits` as QuantizeLinear followed by DequantizeLinear."""
    step = graph.floats(np.exp(as_stored(layer.log_step)))
    zero_point = graph.constant(np.asarray(layer.zero_point).astype(np.uint8))
    quantised = graph.node("QuantizeLinear", x, step, zero_point)
    if rearranged := graph.rearrangements.pop(x, None):
        quantised = rearranged(quantised)
    return graph.node("DequantizeLinear", quantised, step, zero_point)


def add_eight_bit_convolution(graph: GraphBuilder, x: str, layer: EightBitConv2D) -> str:
    """Add an `EightBitConv2D`. Engines fuse it with the quantisation around it."""
    kernel, steps = stored_integers(layer)
    inputs = [x, _kernel(graph, kernel.transpose(3, 2, 0, 1), steps)]
    if layer.use_bias:
        inputs.append(graph.floats(as_stored(layer.bias)))
    return graph.node("Conv", *inputs, strides=layer.strides, auto_pad=PADDING[layer.padding])


def add_eight_bit_transposed_convolution(graph: GraphBuilder, x: str, layer: EightBitConv2DTranspose) -> str:
    """Add a "same" `EightBitConv2DTranspose` as a convolution; the `EightBits` after it adds the rest."""
    kernel, steps = stored_integers(layer)
    kernel = subpixel_kernel(kernel, layer.strides[0])
    unused = -len(kernel) % _OUTPUTS_AT_ONCE
    phases = layer.strides[0] ** 2
    pads = [kernel.shape[2] - 1] * 4
    kernel = np.pad(kernel, [(0, unused), (0, 0), (0, 0), (0, 0)])
    steps = np.pad(np.tile(steps.ravel(), phases), (0, unused), constant_values=1)
    bias = np.pad(np.tile(as_stored(layer.bias), phases), (0, unused))
    subpixels = graph.node("Conv", x, _kernel(graph, kernel, steps), graph.floats(bias), pads=pads)
    graph.rearrangements[subpixels] = partial(add_pixels, graph, layer=layer, unused=unused)
    return subpixels


def add_dynamic_eight_bit_convolution(graph: GraphBuilder, x: str, layer: DynamicEightBitConv2D) -> str:
    """Add a `DynamicEightBitConv2D` as a matrix product, channels last.

    Raises:
        TypeError: for a layer with a stride that pads its inputs.
    """
    x = graph.channels_last(x)
    if layer.padding == "same" and layer.kernel_size != (1, 1):
        if layer.strides != (1, 1):
            raise TypeError(f"no ONNX rule for the padding of layer {layer.name}")
        pad = layer.kernel_size[0] // 2
        # Before rounding: OpenVINO does not pad with a zero point that is computed.
        x = graph.node("Pad", x, graph.integers(0, pad, pad, 0, 0, pad, pad, 0))
    values, step, zero_point = graph.outputs(3, "DynamicQuantizeLinear", x)
    kernel, steps = stored_integers(layer)
    windows = _windows(graph, values, layer)
    matrix = graph.constant(kernel.astype(np.int8).reshape(-1, layer.filters))
    sums = graph.node("MatMulInteger", windows, matrix, zero_point)
    steps = graph.node("Mul", step, graph.floats(steps.ravel()))
    x = graph.node("Mul", graph.node("Cast", sums, to=TensorProto.FLOAT), steps)
    if layer.use_bias:
        x = graph.node("Add", x, graph.weights(layer.bias, layer.bias))
    return graph.channels_first(x)


def _kernel(graph: GraphBuilder, kernel: np.ndarray, steps: np.ndarray) -> str:
    """Add a kernel (outputs, inputs, height, width) in whole steps as int8, with one step per output."""
    return graph.node(
        "DequantizeLinear", graph.constant(kernel.astype(np.int8)), graph.floats(steps.ravel()), axis=0
    )


def _windows(graph: GraphBuilder, x: str, layer: layers.Conv2D) -> str:
    """Concatenate the inputs in each window of a "valid" convolution along the last axis."""
    (size, _), (stride, _) = layer.kernel_size, layer.strides
    axes, steps = graph.integers(1, 2), graph.integers(stride, stride)
    ends = [i - size + 1 or np.iinfo(np.int64).max for i in range(size)]
    taps = [
        graph.node("Slice", x, graph.integers(i, j), graph.integers(ends[i], ends[j]), axes, steps)
        for i in range(size)
        for j in range(size)
    ]
    return graph.node("Concat", *taps, axis=3) if len(taps) > 1 else taps[0]
