"""Compare the bits that models need: `python -m scripts.compare_models IMAGES REFERENCE MODEL ...`.

Use it on validation pictures to choose the weights to ship. It prints BD-rates of whole files over RGB PSNR
28 to 40 dB: the mean over pictures, and the BD-rate of the averaged curve, also for its lower and upper half.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import compressor
from compressor.cli.option_values import effort, positive
from compressor.errors import CompressorError, shown
from compressor.images.psnr import psnr_db
from eval.bd import bjontegaard_delta
from eval.errors import warn, warn_left_out
from eval.images import load_all, picture_paths

QUALITIES = (1, 20, 35, 50, 65, 80, 90, 95)
LOW_DB, MIDDLE_DB, HIGH_DB = 28, 34, 40
# Side of the crop on which models are tried first.
TRIAL_PX = 64


def curves(folder: Path, images: list[np.ndarray], effort: int) -> np.ndarray:
    """Return bits per pixel and PSNR in dB of every picture at every quality, (pictures, qualities, 2)."""

    def point(image: np.ndarray, quality: float) -> tuple[float, float]:
        runtime = compressor.Runtime(weights=folder)
        data = compressor.encode(image, quality, effort=effort, runtime=runtime)
        decoded = np.asarray(compressor.decode(data, runtime=runtime))
        return 8 * len(data) / image[..., 0].size, psnr_db(image, decoded)

    return np.array([[point(image, quality) for quality in QUALITIES] for image in images])


def comparison(reference: np.ndarray, other: np.ndarray) -> str:
    """Return one line on the bits of `other` relative to `reference`, both as `curves` returns them."""

    def rate(a: np.ndarray, b: np.ndarray, low: float = LOW_DB, high: float = HIGH_DB) -> float:
        percent = bjontegaard_delta(a.tolist(), b.tolist(), limits=(low, high)).rate_percent
        return np.nan if percent is None else percent

    pictures = np.nanmean([rate(a, b) for a, b in zip(reference, other, strict=True)])
    ours, theirs = other.mean(axis=0), reference.mean(axis=0)
    low, high = rate(theirs, ours, LOW_DB, MIDDLE_DB), rate(theirs, ours, MIDDLE_DB, HIGH_DB)
    return (
        f"{pictures:+.2f} % a picture; averaged curve {rate(theirs, ours):+.2f} %, "
        f"{low:+.2f} % below {MIDDLE_DB} dB, {high:+.2f} % above"
    )


def compare(options: argparse.Namespace) -> None:
    """Print a line for each model."""
    images, problems = load_all(picture_paths(options.images)[:: options.every], warn)
    warn_left_out(problems)
    # A model that cannot be used is found before the long measurements.
    for folder in (options.reference, *options.models):
        curves(folder, [images[0][:TRIAL_PX, :TRIAL_PX]], options.effort)
    reference = curves(options.reference, images, options.effort)
    for folder in options.models:
        line = comparison(reference, curves(folder, images, options.effort))
        print(f"{shown(folder.name)}: {line}", flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("reference", type=Path, help="folder of an exported model")
    parser.add_argument(
        "models", type=Path, nargs="+", help="folders of models to compare with the reference"
    )
    parser.add_argument(
        "--every", type=positive, default=1, metavar="N", help="use every Nth picture (%(default)s)"
    )
    parser.add_argument("--effort", type=effort, default=5, help="(%(default)s)")
    try:
        compare(parser.parse_args(arguments))
    except CompressorError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
