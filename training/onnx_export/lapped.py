"""The lapped transform: filters of block edges around a separable DCT, channels last, in float32.

Rows and columns are transformed one after the other. This takes an eighth of the multiplications of the
layers, which convolve with the basis pictures of 512 channels.
"""

import numpy as np

from compressor.spec.lapped import (
    ALL_CHANNELS,
    BLOCK,
    COLOURS,
    Matrix,
    colour_matrix,
    dct2,
    post_filter,
)
from training.onnx_export.builder import GraphBuilder


def add_analysis(graph: GraphBuilder, x: str, layer) -> str:
    """Add a `LappedAnalysis` or a `LappedSynthesisGradient`, NCHW."""
    x = _filter_edges(graph, graph.channels_last(x), layer.edge_filter())
    # Blocks (N, h, w, 16, 16 * 3).
    x = graph.reshape(x, (0, 0, 1, -1), (0, -1, BLOCK, 0), (0, 0, 0, -1, BLOCK * COLOURS))
    x = graph.node("Transpose", x, perm=[0, 1, 3, 2, 4])
    down, across = _cosines()
    x = graph.node("MatMul", graph.floats(down), graph.node("MatMul", x, graph.floats(across.T)))
    x = graph.channels_first(graph.reshape(x, (0, 0, 0, -1)))
    return graph.node("Gather", x, graph.integers(*np.asarray(layer.chosen)), axis=1)


def add_synthesis(graph: GraphBuilder, x: str, layer) -> str:
    """Add a `LappedSynthesis`, NCHW."""
    chosen = np.asarray(layer.chosen)
    # Channels that are not chosen get any values, times zero.
    sources, is_chosen = np.zeros((2, ALL_CHANNELS), np.int64)
    sources[chosen], is_chosen[chosen] = np.arange(len(chosen)), 1
    x = graph.channels_last(graph.node("Gather", x, graph.integers(*sources), axis=1))
    x = graph.reshape(graph.node("Mul", x, graph.floats(is_chosen)), (0, 0, 0, BLOCK, -1))
    down, across = _cosines()
    x = graph.node("MatMul", graph.floats(down.T), graph.node("MatMul", x, graph.floats(across)))
    x = graph.join_rows(graph.node("Transpose", x, perm=[0, 1, 3, 2, 4]), COLOURS)
    return graph.channels_first(_filter_edges(graph, x, post_filter()))


def _cosines() -> tuple[Matrix, Matrix]:
    """Return the DCT of columns (16, 16), and of rows and colours (48, 48)."""
    return dct2(BLOCK), np.kron(dct2(BLOCK), colour_matrix())


def _filter_edges(graph: GraphBuilder, x: str, matrix: Matrix) -> str:
    """Add `compressor.layers.lapped.filter_block_edges`, down and then across."""
    down = graph.floats(matrix)
    across = graph.floats(np.kron(matrix.T, np.eye(COLOURS)))
    x = graph.reshape(_widened(graph, x, axis=1), (0, 0, 1, -1), (0, -1, BLOCK, 0))
    x = graph.reshape(graph.node("MatMul", down, x), (0, -1, 1, 0), (0, 0, -1, COLOURS))
    x = _widened(graph, _narrowed(graph, x, axis=1), axis=2)
    x = graph.node("MatMul", graph.reshape(x, (0, 0, -1, BLOCK * COLOURS)), across)
    return _narrowed(graph, graph.reshape(x, (0, 0, -1, COLOURS)), axis=2)


def _widened(graph: GraphBuilder, x: str, axis: int) -> str:
    """Pad both ends of an axis by half a block, as NumPy's "symmetric" mode does."""
    half = BLOCK // 2
    along, step = graph.integers(axis), graph.integers(-1)
    first = graph.node("Slice", x, graph.integers(half - 1), graph.integers(-(2**31)), along, step)
    last = graph.node("Slice", x, graph.integers(-1), graph.integers(-half - 1), along, step)
    return graph.node("Concat", first, x, last, axis=axis)


def _narrowed(graph: GraphBuilder, x: str, axis: int) -> str:
    """Remove half a block from both ends of an axis."""
    half = BLOCK // 2
    return graph.node("Slice", x, graph.integers(half), graph.integers(-half), graph.integers(axis))
