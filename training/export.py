"""Export of a trained model: graphs, tables, exact networks and manifest, as the codec loads them."""

import hashlib
import io
import json
import math
from collections.abc import Iterable
from itertools import cycle
from pathlib import Path

import numpy as np

from compressor.coding.loading import create_coder
from compressor.coding.objectives import OBJECTIVES
from compressor.entropy.tables import quantise_frequencies
from compressor.layers.density import LOG_SCALE_STEP
from compressor.models.base import RateDistortionModel
from compressor.models.registry import family_named
from compressor.spec.constants import SCALE_MIN, TOP_INDEX
from compressor.weights.files import ModelFiles
from training.graphs import REFINEMENT_ONLY
from training.onnx_export.graph import to_onnx

MAX_HALF_WIDTH = 1000
# This many symbols of the density that training assumed are added to the counted ones, so that rare symbols
# do not become too expensive.
PRIOR_COUNT = 2000


def logistic_weights(scale: float, half_width: int) -> np.ndarray:
    """Return the probabilities of a rounded logistic variable.

    Args:
        scale: scale of the logistic distribution.
        half_width: largest magnitude with an entry.

    Returns:
        (half_width + 2,): probabilities of the magnitudes 0..half_width (one sign each), and of all larger
        ones.
    """
    edges = np.arange(half_width + 1) + 0.5
    beyond = 1 / (1 + np.exp(np.minimum(edges / scale, 700)))
    inside = -np.diff(beyond, prepend=0.5)
    inside[0] *= 2
    return np.append(inside, 2 * beyond[-1])


def table_arrays(counts: list[np.ndarray] | None = None) -> dict[str, np.ndarray]:
    """Return the tables of all scale indices, as the arguments of `ScaleTables`.

    Only one sign is stored, since the tables are symmetric.

    Args:
        counts: for each index, how often each magnitude was coded, as `np.bincount` returns it;
            None for the logistic density alone.
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
    return {"frequencies": np.concatenate(frequencies), "half_widths": np.array(half_widths, np.int32)}


def _packed(arrays: dict[str, np.ndarray], save=np.savez) -> bytes:
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def export(
    model: RateDistortionModel,
    folder: Path,
    *,
    name: str,
    model_id: int,
    metric: str,
    provenance: dict[str, object],
    counts: list[np.ndarray] | None = None,
) -> None:
    """Write a model to the files that `compressor` loads.

    Args:
        model: trained model, with its averaged weights.
        folder: folder to write; created if it does not exist. Files in it are replaced, the manifest last.
        name: name of the model, for messages.
        model_id: number of the model in streams; 0 for models that do not ship.
        metric: distortion that the model was trained for; see `Settings`.
        provenance: data, steps, settings; kept in the manifest.
        counts: see `table_arrays`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    exporter = family_named(model.family).exporter(model)
    names = {id(variable): f"{k:03d}" for k, variable in enumerate(model.weights)}
    unused = set() if metric in OBJECTIVES else REFINEMENT_ONLY
    graphs = {key: to_onnx(graph, names) for key, graph in exporter.graphs().items() if key not in unused}
    files = {f"{key}.onnx": graph.SerializeToString() for key, graph in graphs.items()}
    files["gains.npz"] = _packed(exporter.gains())
    if reduction := exporter.reduction():
        files["reduction.npz"] = _packed(reduction)
    files["entropy.npz"] = _packed(exporter.entropy() | table_arrays(counts))
    held = {initialiser.name for graph in graphs.values() for initialiser in graph.graph.initializer}
    others = {
        names[id(v)]: np.asarray(v).astype(np.float16) for v in model.weights if names[id(v)] not in held
    }
    # Only training and the Keras engine read this file: its size matters more than the time to unpack it.
    files["keras.npz"] = _packed(others, np.savez_compressed)
    for key, data in files.items():
        (folder / key).write_bytes(data)
    manifest = {
        "name": name,
        "model_id": model_id,
        "family": model.family,
        "metric": metric,
        "config": model.config,
        **exporter.manifest(),
        "provenance": provenance,
        "files": {
            key: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for key, data in files.items()
        },
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def count_symbols(folder: Path, images: Iterable[np.ndarray], levels: Iterable[int]) -> list[np.ndarray]:
    """Count how often each magnitude is coded under each scale index.

    Args:
        folder: folder of an exported model.
        images: pictures, uint8 (H, W, 3).
        levels: quality levels; each picture is coded at one of them, in turn.

    Returns:
        For each scale index, the counts of the magnitudes 0, 1, ...; the last entry counts all larger ones.
    """
    coder = create_coder(ModelFiles(folder), "onnxruntime")
    counts = np.zeros((TOP_INDEX + 1, MAX_HALF_WIDTH + 2), np.int64)
    for image, level in zip(images, cycle(levels), strict=False):
        for symbols, indices in coder.symbols(image, level):
            coded = np.flatnonzero(indices)
            magnitudes = np.minimum(np.abs(symbols[coded]), MAX_HALF_WIDTH + 1)
            np.add.at(counts, (indices[coded], magnitudes), 1)
    return list(counts)
