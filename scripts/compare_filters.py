"""Compare an 8-bit synthesis filter with one in floating point: `python -m scripts.compare_filters IMAGES`.

Both decode the same streams. The script prints how much PSNR and SSIMULACRA 2 are lost in 8 bits.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from compressor.coding.loading import coder_on
from compressor.coding.picture_coder import PictureCoder
from compressor.engines.interface import Engine
from compressor.engines.onnx_engine import OnnxEngine
from compressor.errors import CompressorError
from compressor.images.psnr import psnr_db
from compressor.images.ssimulacra2 import ssimulacra2
from compressor.models.base import RateDistortionModel
from compressor.models.flagship.graphs import network_graph
from compressor.models.flagship.model import Flagship
from compressor.spec.arrays import Floats
from compressor.spec.quality import quality_to_level
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import shipped_folder
from eval.errors import EvalError, warn, warn_left_out
from eval.images import load_all, picture_paths
from training.rebuild import rebuilt
from training.start import read_model

QUALITIES = (15, 50, 85)


class FloatFilter:
    """An engine that runs one graph, the filter, as a Keras model in floating point.

    Args:
        engine: runs all other graphs.
        reference: flagship with the filter's weights.
    """

    def __init__(self, engine: Engine, reference: Flagship) -> None:
        self.name, self.threads = engine.name, engine.threads
        in_float = rebuilt(reference, reference.config | {"eight_bits": False})
        self._engine, self._filter = engine, network_graph(in_float.synthesis_filter, "filter")

    def run(self, graph: str, *inputs: Floats) -> Floats:
        """See `Engine`."""
        if graph != "filter":
            return self._engine.run(graph, *inputs)
        return np.array(self._filter(list(inputs)))


def losses(
    image: np.ndarray, level: int, coder: PictureCoder, reference: PictureCoder
) -> tuple[float, float]:
    """Return how much higher PSNR in dB and SSIMULACRA 2 are with the reference, for one stream."""
    payload, (height, width) = coder.encode(image, level), image.shape[:2]
    pictures = [each.decode(payload, height, width, level) for each in (reference, coder)]
    psnr, score = ([measure(image, each) for each in pictures] for measure in (psnr_db, ssimulacra2))
    return psnr[0] - psnr[1], score[0] - score[1]


def load_coders(weights: Path, source: Path) -> tuple[PictureCoder, PictureCoder]:
    """Return a coder of a model, and one with a filter in floating point.

    Args:
        weights: folder of an exported model.
        source: exported model or run whose filter is used in floating point.

    Raises:
        EvalError: if the model has no 8-bit filter, or the source no filter.
        CompressorError: if one of them cannot be read.
    """
    files = ModelFiles(weights)
    model, reference = read_model(weights), read_model(source)
    if not has_filter(model) or not model.config["eight_bits"]:
        raise EvalError(f"{weights} has no 8-bit filter: give a flagship that was trained with --eight-bits")
    if not has_filter(reference):
        raise EvalError(f"{source} has no filter: give a flagship that was trained with --stage all")
    engine = OnnxEngine(files, None)
    return coder_on(engine, files, 1), coder_on(FloatFilter(engine, reference), files, 1)


def has_filter(model: RateDistortionModel) -> bool:
    """Return whether a model has a synthesis filter."""
    return isinstance(model, Flagship) and model.transforms


def compare(options: argparse.Namespace) -> None:
    """Print a table in Markdown."""
    images, problems = load_all(picture_paths(options.images), warn)
    warn_left_out(problems)
    coder, reference = load_coders(options.weights, options.reference or options.weights)
    print("| quality | loss of PSNR, dB: mean, worst | loss of SSIMULACRA 2: mean, worst |")
    print("| --- | --- | --- |")
    for quality in QUALITIES:
        found = np.array([losses(image, quality_to_level(quality), coder, reference) for image in images])
        mean, worst = found.mean(axis=0), found.max(axis=0)
        print(f"| {quality} | {mean[0]:.3f}, {worst[0]:.3f} | {mean[1]:.2f}, {worst[1]:.2f} |", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument(
        "--weights", type=Path, default=shipped_folder(), help="exported model (default: flagship-iq)"
    )
    parser.add_argument(
        "--reference",
        type=Path,
        help="exported model or run whose filter is used in floating point (default: the same weights)",
    )
    try:
        compare(parser.parse_args(arguments))
    except CompressorError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
