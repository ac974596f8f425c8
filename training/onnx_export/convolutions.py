"""Convolutions in floating point, NCHW."""

import numpy as np
from keras import layers

from compressor.layers.shuffle import subpixel_kernel
from training.onnx_export.builder import GraphBuilder

PADDING = {"same": "SAME_UPPER", "valid": "VALID"}


def check_options(layer) -> None:
    """Raise TypeError for a convolution with options that no rule considers."""
    if isinstance(layer, layers.Conv2D | layers.Conv2DTranspose):
        is_square = len({*layer.kernel_size}) == len({*layer.strides}) == 1
        is_usual = {*layer.dilation_rate} == {1} and getattr(layer, "groups", 1) == 1
        if isinstance(layer, layers.Conv2DTranspose):
            is_usual = is_usual and layer.padding == "same" and layer.use_bias
            is_usual = is_usual and layer.output_padding is None
        if not (is_square and is_usual):
            raise TypeError(f"no ONNX rule for the options of layer {layer.name}")


def add_convolution(graph: GraphBuilder, x: str, layer: layers.Conv2D) -> str:
    """Add a `Conv2D`."""
    inputs = [x, graph.weights(np.transpose(np.asarray(layer.kernel), (3, 2, 0, 1)), layer.kernel)]
    if layer.use_bias:
        inputs.append(graph.weights(layer.bias, layer.bias))
    return graph.node("Conv", *inputs, strides=layer.strides, auto_pad=PADDING[layer.padding])


def add_transposed_convolution(graph: GraphBuilder, x: str, layer: layers.Conv2DTranspose) -> str:
    """Add a "same" `Conv2DTranspose` as a convolution, depth-to-space and a crop."""
    kernel = subpixel_kernel(np.asarray(layer.kernel), layer.strides[0])
    bias = np.tile(np.asarray(layer.bias), layer.strides[0] ** 2)
    pads = [kernel.shape[2] - 1] * 4
    x = graph.node("Conv", x, graph.weights(kernel), graph.weights(bias), pads=pads)
    return add_pixels(graph, x, layer)


def add_pixels(graph: GraphBuilder, subpixels: str, layer: layers.Conv2DTranspose, unused: int = 0) -> str:
    """Add depth-to-space and the crop after the convolution with a `subpixel_kernel`.

    In ONNX Runtime, this takes a third of the time of the operator DepthToSpace.

    Args:
        graph: graph to extend.
        subpixels: name of the output of the convolution.
        layer: the transposed convolution.
        unused: number of further outputs of the convolution.
    """
    (stride, _), (size, _) = layer.strides, layer.kernel_size
    widths = [stride * layer.filters] * stride + [unused] * bool(unused)
    parts = graph.outputs(
        len(widths), "Split", graph.channels_last(subpixels), graph.integers(*widths), axis=3
    )
    rows = [graph.node("Unsqueeze", part, graph.integers(2)) for part in parts[:stride]]
    x = graph.join_rows(graph.node("Concat", *rows, axis=2), layer.filters)
    if margin := -(-size // stride) - 1:
        before = (size - stride) // 2
        starts, ends = graph.integers(before, before), graph.integers(*[before - margin * stride] * 2)
        x = graph.node("Slice", x, starts, ends, graph.integers(1, 2))
    return graph.channels_first(x)
