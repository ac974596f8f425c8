"""Multiply-accumulates per pixel of an exported model, counted in its graphs and integer networks."""

from pathlib import Path

import numpy as np
import onnx

from compressor.spec.constants import SIDE_PX
from compressor.spec.lapped import BLOCK
from compressor.spec.passes import CodingPass
from compressor.weights.files import ModelFiles
from training.graphs import DECODER_ONLY, ENCODER_ONLY, REFINEMENT_ONLY

# Side of the picture in pixels; divisible by the strides of all models. The cost per pixel hardly depends on
# it.
PICTURE_PX = 256


def graph_macs(model: onnx.ModelProto, sizes: dict[str, int]) -> int:
    """Count the multiply-accumulates of the convolutions and matrix products of a graph.

    Args:
        model: a graph with symbolic dimensions, which are replaced.
        sizes: value of each symbolic dimension of the inputs.
    """
    for value in model.graph.input:
        for dimension in value.type.tensor_type.shape.dim:
            if dimension.dim_param:
                dimension.dim_value = sizes[dimension.dim_param]
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True).graph
    shapes = {
        value.name: [d.dim_value for d in value.type.tensor_type.shape.dim]
        for value in [*inferred.value_info, *inferred.output, *inferred.input]
    } | {tensor.name: list(tensor.dims) for tensor in inferred.initializer}
    total = 0
    for node in inferred.node:
        if node.op_type == "Conv":
            weights = shapes[node.input[1]]
            total += int(np.prod(shapes[node.output[0]])) * int(np.prod(weights[1:]))
        elif node.op_type in ("MatMul", "MatMulInteger"):
            total += int(np.prod(shapes[node.output[0]])) * shapes[node.input[1]][-2]
    return total


def _passes(files: ModelFiles) -> tuple[CodingPass, ...]:
    return tuple(map(CodingPass.from_manifest, files.manifest["passes"]))


def _grid(files: ModelFiles, name: str) -> tuple[float, int]:
    """Return the number of positions along a side of a graph's inputs, and how often the graph runs."""
    if name in ("analysis", "correction"):
        return PICTURE_PX, 1
    if "passes" not in files.manifest:
        return PICTURE_PX / files.manifest["numbers"]["block"], 1
    if name == "hyper_mean":
        return PICTURE_PX / SIDE_PX, 1
    if name.startswith("mean_"):
        coding_pass = _passes(files)[int(name.removeprefix("mean_"))]
        return PICTURE_PX / BLOCK / coding_pass.stride / coding_pass.spacing, len(coding_pass.views)
    return PICTURE_PX / BLOCK, 1


def macs_per_pixel(folder: Path) -> dict[str, float]:
    """Count the multiply-accumulates per pixel of each graph, the integer networks, encoder and decoder.

    Args:
        folder: folder of an exported model.

    Returns:
        Counts by the name of the graph; "exact" is for the integer networks, and "encoder" and "decoder" are
        sums.
    """
    files, found = ModelFiles(folder), {}
    for file in files.manifest["files"]:
        if not file.endswith(".onnx"):
            continue
        name = file.removesuffix(".onnx")
        model = onnx.load_from_string(files.read(file))
        grid, runs = _grid(files, name)
        sizes = {}
        for value in model.graph.input:
            channels = value.type.tensor_type.shape.dim[3].dim_value
            for dimension in value.type.tensor_type.shape.dim:
                # Inputs of at most three channels hold pixels or a plane of quality.
                side = PICTURE_PX if name in DECODER_ONLY | REFINEMENT_ONLY and channels <= 3 else grid
                # The windows of strided passes have about twice as many positions as the outputs.
                if name.startswith("mean_") and value.name == "x0" and len(model.graph.input) == 2:
                    coding_pass = _passes(files)[int(name.removeprefix("mean_"))]
                    side = coding_pass.stride * grid + coding_pass.kernel - coding_pass.stride
                sizes[dimension.dim_param] = 1 if dimension.dim_param.endswith("n") else int(side)
        found[name] = runs * graph_macs(model, sizes) / PICTURE_PX**2
    if "passes" in files.manifest:
        found["exact"] = _exact_macs(files)
    shared = sum(v for k, v in found.items() if k not in ENCODER_ONLY | DECODER_ONLY | REFINEMENT_ONLY)
    found["encoder"] = shared + sum(v for k, v in found.items() if k in ENCODER_ONLY)
    found["decoder"] = shared + sum(v for k, v in found.items() if k in DECODER_ONLY)
    return found


def _exact_macs(files: ModelFiles) -> float:
    arrays = files.arrays("entropy.npz")
    # The first layer is followed by a depth-to-space of 2.
    first, second = (arrays[f"hyper_{i}_matrix"].size for i in (0, 1))
    total = first / SIDE_PX**2 + second / (SIDE_PX // 2) ** 2
    for k, coding_pass in enumerate(_passes(files)):
        total += sum(coding_pass.share * arrays[f"context_{k}_{i}_matrix"].size for i in range(3)) / BLOCK**2
    return total
