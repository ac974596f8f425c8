"""Decode the streams of every engine with every engine: `python -m scripts.engine_matrix` prints the table.

Each engine runs in its own process, since a process has one Keras backend. Engines that are not installed are
left out.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from compressor.coding.loading import create_coder
from compressor.images.psnr import psnr_db
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import default_model, shipped_folder
from scripts.symbols import digest_of_symbols

LEVEL = 236
MODELS = (default_model(), "cnn")


class Variant(NamedTuple):
    """An engine, the packages it needs, and how it is run."""

    engine: str
    package: str
    environment: dict[str, str] = {}
    threads: int = 1
    bfloat16: bool = False


VARIANTS = {
    "ONNX Runtime": Variant("onnxruntime", "onnxruntime"),
    "ONNX Runtime, 2 threads": Variant("onnxruntime", "onnxruntime", threads=2),
    "OpenVINO float32": Variant("openvino", "openvino"),
    "OpenVINO bfloat16, 2 threads": Variant("openvino", "openvino", threads=2, bfloat16=True),
    "Keras on TensorFlow": Variant("keras", "tensorflow", {"KERAS_BACKEND": "tensorflow"}),
    "Keras on JAX": Variant("keras", "jax", {"KERAS_BACKEND": "jax"}),
}


class Cell(NamedTuple):
    """Result of decoding one engine's stream with another.

    Attributes:
        model: name of a shipped model.
        encoder: name of a variant.
        decoder: name of a variant.
        is_exact: whether the decoded symbols equal the coded symbols.
        psnr_db: PSNR in dB of the decoded pixels.
    """

    model: str
    encoder: str
    decoder: str
    is_exact: bool
    psnr_db: float


def installed() -> list[str]:
    """Return the names of the variants whose packages are installed."""
    return [name for name, v in VARIANTS.items() if find_spec(v.package) and find_spec(v.engine)]


def matrix(names: list[str], image_uint8: np.ndarray, models: Sequence[str] = MODELS) -> list[Cell]:
    """Return how each engine decodes the streams of each engine, for each model."""
    with tempfile.TemporaryDirectory() as folder:
        Image.fromarray(image_uint8).save(Path(folder) / "picture.png")
        workers = [_start(name, folder, models) for name in names]
        written = {name: json.loads(w.stdout.readline()) for name, w in zip(names, workers, strict=True)}
        answers = [json.loads(w.communicate("decode\n")[0]) for w in workers]
    return [
        Cell(model, encoder, decoder, digest == written[encoder][model], psnr_db)
        for decoder, answer in zip(names, answers, strict=True)
        for model, encoder, digest, psnr_db in answer
    ]


def largest_difference_db(cells: list[Cell]) -> float:
    """Return the largest difference in PSNR between decoders of one stream, in dB."""
    by_stream: dict[tuple[str, str], list[float]] = {}
    for cell in cells:
        by_stream.setdefault((cell.model, cell.encoder), []).append(cell.psnr_db)
    return max(max(values) - min(values) for values in by_stream.values())


def _start(name: str, folder: str, models: Sequence[str]) -> subprocess.Popen:
    command = [sys.executable, "-m", "scripts.engine_matrix", name, folder, *models]
    root = Path(__file__).parents[1]
    environment = os.environ | VARIANTS[name].environment | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=root, env=environment, text=True, stdin=pipe, stdout=pipe)


def work(name: str, folder: Path, models: Sequence[str]) -> None:
    """Run one engine's process: encode, wait for a line of input, and decode the streams of all engines."""
    image = np.asarray(Image.open(folder / "picture.png"))
    variant = VARIANTS[name]
    coders = {
        model: create_coder(
            ModelFiles(shipped_folder(model)), variant.engine, variant.threads, bfloat16=variant.bfloat16
        )
        for model in models
    }
    for model, coder in coders.items():
        (folder / f"{model}.{name}").write_bytes(coder.encode(image, LEVEL))
    print(
        json.dumps(
            {
                model: digest_of_symbols(symbols for symbols, _ in coder.symbols(image, LEVEL))
                for model, coder in coders.items()
            }
        ),
        flush=True,
    )

    sys.stdin.readline()
    answer = []
    for model, coder in coders.items():
        for path in sorted(folder.glob(f"{model}.*")):
            payload = path.read_bytes()
            pairs = coder.read_symbols(payload, *image.shape[:2], LEVEL)
            digest = digest_of_symbols(symbols for symbols, _ in pairs)
            decoded = coder.decode(payload, *image.shape[:2], LEVEL)
            answer.append((model, path.name.removeprefix(f"{model}."), digest, psnr_db(image, decoded)))
    print(json.dumps(answer))


def main() -> int:
    """Print a table in Markdown for each model, and return 1 if a decoder has read other symbols, else 0."""
    from skimage import data

    names = installed()
    cells = matrix(names, np.ascontiguousarray(data.astronaut()[:96, 160:320]))
    for model in MODELS:
        found = [cell for cell in cells if cell.model == model]
        print(f"\n{model}: PSNR in dB, and ! where the symbols differ\n")
        print("| encoded by, decoded by |", " | ".join(names), "|\n|", " --- |" * (len(names) + 1))
        for name in names:
            row = [f"{c.psnr_db:.3f}{'' if c.is_exact else '!'}" for c in found if c.encoder == name]
            print(f"| {name} |", " | ".join(row), "|")
        print(f"\nLargest difference between decoders of a stream: {largest_difference_db(found):.4f} dB")
    return 0 if all(cell.is_exact for cell in cells) else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        work(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
    else:
        sys.exit(main())
