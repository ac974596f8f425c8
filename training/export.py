"""A trained model to the files that encode and decode load: graphs, tables, exact networks, manifest."""

import hashlib
import io
import json
import math
from collections.abc import Iterable
from dataclasses import asdict
from itertools import cycle
from pathlib import Path

import numpy as np

from compressor.entropy.model import FACTORIZED_BITS, TOP_INDEX, layer_arrays
from compressor.entropy.tables import ScaleTables, quantise_frequencies
from compressor.layers.density import LOG_SCALE_STEP, SCALE_MIN
from compressor.models.base import SQUARED_STEP_WEIGHT, distortion_weight
from compressor.models.cnn import PIXEL_SCALE, Cnn
from compressor.models.deploy import deployment_graphs
from compressor.models.flagship import Flagship
from compressor.models.networks import ACTIVATION_MAX, ACTIVATION_STEPS
from compressor.picture_coder import load_coder
from training.fixed_point import fixed_contexts, fixed_hyper
from training.onnx_graph import to_onnx

MAX_HALF_WIDTH = 1000
# Counted symbols are mixed with so many drawn from the density that training assumed: rare symbols
# keep a sensible length.
PRIOR_COUNT = 2000


def logistic_weights(scale: float, half_width: int) -> np.ndarray:
    """Probabilities of magnitudes 0..half_width (one sign each) and of anything beyond."""
    edges = np.arange(half_width + 1) + 0.5
    beyond = 1 / (1 + np.exp(np.minimum(edges / scale, 700)))
    inside = -np.diff(beyond, prepend=0.5)
    inside[0] *= 2
    return np.append(inside, 2 * beyond[-1])


def scale_tables(counts: list[np.ndarray] | None = None) -> ScaleTables:
    """Tables of all scale indices.

    Args:
        counts: for each index, how often each magnitude was coded, as `np.bincount` gives it;
            None takes the logistic density alone.
    """
    frequencies, half_widths = [], [0]
    for index in range(1, TOP_INDEX + 1):
        scale = SCALE_MIN * math.exp(index * LOG_SCALE_STEP)
        half_width = min(math.ceil(10 * scale) + 1, MAX_HALF_WIDTH)
        weights = PRIOR_COUNT * logistic_weights(scale, half_width)
        if counts is not None:
            seen = np.bincount(
                np.arange(len(counts[index])).clip(max=half_width + 1), counts[index], half_width + 2
            )
            seen[1:-1] /= 2
            weights += seen
        frequencies.append(quantise_frequencies(weights))
        half_widths.append(half_width)
    return ScaleTables(np.concatenate(frequencies), np.array(half_widths, np.int32))


def magnitude_codes() -> np.ndarray:
    """Code of each symbol magnitude up to the first that reaches the cap."""
    magnitudes = np.arange(math.ceil(math.sinh(ACTIVATION_MAX)) + 2)
    return np.minimum(np.rint(ACTIVATION_STEPS * np.arcsinh(magnitudes)), 255).astype(np.uint8)


def quality_arrays(model: Flagship | Cnn) -> dict[str, np.ndarray]:
    """The arrays of `gains.npz` (see `compressor.quality.QualityGains`)."""
    gain, inverse = (
        np.asarray(curve.values, np.float64) for curve in (model.log_gain, model.log_inverse_gain)
    )
    log_step = 0.5 * np.log(SQUARED_STEP_WEIGHT / distortion_weight(np.linspace(0, 1, len(gain))))[:, None]
    if isinstance(model, Cnn):
        log_step -= math.log(PIXEL_SCALE)
        magnitude = np.ones(model.channels)
    else:
        magnitude = np.asarray(model.magnitude, np.float64)
    return {
        "magnitude": magnitude,
        "log_gain": gain - log_step,
        "log_inverse_gain": inverse + log_step,
        "log_step": log_step,
    }


def scale_index(log_scale) -> np.ndarray:
    """Logarithm of a scale -> position on the grid of scale indices, not yet rounded."""
    return (np.asarray(log_scale, np.float64) - math.log(SCALE_MIN)) / LOG_SCALE_STEP


def table_arrays(tables: ScaleTables) -> dict[str, np.ndarray]:
    """What is stored of the tables: one sign of each."""
    halves = [tables.frequencies(i)[tables.half_widths[i] :] for i in range(1, TOP_INDEX + 1)]
    return {"frequencies": np.concatenate(halves), "half_widths": tables.half_widths}


def flagship_entropy_arrays(model: Flagship) -> dict[str, np.ndarray]:
    """The integer side of the flagship but for its tables (see `compressor.entropy.model`)."""
    log_gain = quality_arrays(model)["log_gain"]
    side_index = np.clip(np.rint(scale_index(model.log_side_scale)), 0, TOP_INDEX)
    arrays = {"side_index": side_index.astype(np.uint8), "magnitude_codes": magnitude_codes()}
    for k, layer in enumerate(fixed_hyper(model).layers):
        arrays |= layer_arrays(f"hyper_{k}", layer)
    for k, context in enumerate(fixed_contexts(model, log_gain, TOP_INDEX)):
        for i, layer in enumerate(context.layers):
            arrays |= layer_arrays(f"context_{k}_{i}", layer)
    return arrays


def cnn_entropy_arrays(model: Cnn) -> dict[str, np.ndarray]:
    """The integer side of the baseline but for its tables."""
    index = scale_index(model.log_scale.values) + 0.5
    return {"bias": np.rint(index * 2**FACTORIZED_BITS).astype(np.int32)}


def _packed(arrays: dict[str, np.ndarray], save=np.savez) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def export(
    model: Flagship | Cnn,
    folder: Path,
    *,
    name: str,
    model_id: int,
    provenance: dict[str, object],
    counts: list[np.ndarray] | None = None,
) -> None:
    """Write everything that `compressor` loads of a model.

    Args:
        model: trained, with its averaged weights.
        folder: made if need be; files in it are replaced, the manifest last.
        name, model_id: how people and streams refer to the model.
        provenance: data, steps, settings: kept in the manifest.
        counts: see `scale_tables`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {
        "name": name,
        "model_id": model_id,
        "family": type(model).__name__.lower(),
        "config": model.config,
    }
    if isinstance(model, Cnn):
        arrays = cnn_entropy_arrays(model)
        manifest["pixel_scale"] = PIXEL_SCALE
    else:
        arrays = flagship_entropy_arrays(model)
        manifest["passes"] = [asdict(p) for p in model.passes]
    names = {id(variable): f"{k:03d}" for k, variable in enumerate(model.weights)}
    graphs = {key: to_onnx(graph, names) for key, graph in deployment_graphs(model).items()}
    files = {f"{key}.onnx": graph.SerializeToString() for key, graph in graphs.items()}
    files["gains.npz"] = _packed(quality_arrays(model))
    files["entropy.npz"] = _packed(arrays | table_arrays(scale_tables(counts)))
    held = {initialiser.name for graph in graphs.values() for initialiser in graph.graph.initializer}
    others = {
        names[id(v)]: np.asarray(v).astype(np.float16) for v in model.weights if names[id(v)] not in held
    }
    # Only training and the Keras engine read it: size counts more than the time to unpack it.
    files["keras.npz"] = _packed(others, np.savez_compressed)
    for key, data in files.items():
        (folder / key).write_bytes(data)
    manifest["provenance"] = provenance
    manifest["files"] = {
        key: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for key, data in files.items()
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def count_symbols(folder: Path, images: Iterable[np.ndarray], levels: Iterable[int]) -> list[np.ndarray]:
    """How often each magnitude is coded under each scale index.

    Args:
        folder: an exported model.
        images: (H, W, 3) uint8.
        levels: quality levels; each picture is coded at one of them, in turn.
    """
    coder = load_coder(weights=folder)
    counts = np.zeros((TOP_INDEX + 1, MAX_HALF_WIDTH + 2), np.int64)
    for image, level in zip(images, cycle(levels), strict=False):
        for symbols, indices in coder.symbols(image, level):
            coded = np.flatnonzero(indices)
            magnitudes = np.minimum(np.abs(symbols[coded]), MAX_HALF_WIDTH + 1)
            np.add.at(counts, (indices[coded], magnitudes), 1)
    return list(counts)
