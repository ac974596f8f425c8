"""Compare the speed of two checkouts, which take turns: `python -m scripts.time_checkouts OLD NEW`.

$ git worktree add ../before HEAD~1
$ python -m scripts.time_checkouts ../before . --images PHOTOS
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from compressor.cli.option_values import positive
from eval.errors import EvalError, warn_left_out
from eval.outputs import table_lines
from eval.samples import load_pictures, mosaic

QUALITIES = (15, 50, 80)
# Thumbnails are timed on a picture of twelve megapixels.
LARGE_SIZE = (4242, 2828)

# The arguments are PNG files. The worker reads lines of a kind and a quality. For each line, it prints the
# seconds for all files, and the total size of their streams in bytes.
_WORKER = """
import sys, time
import numpy as np
from PIL import Image
import compressor
pictures = [np.asarray(Image.open(path)) for path in sys.argv[1:]]
streams = {}
for line in sys.stdin:
    kind, quality = line.split()
    if quality not in streams:
        streams[quality] = [compressor.encode(picture, float(quality)) for picture in pictures]
    started = time.perf_counter()
    for picture, stream in zip(pictures, streams[quality]):
        if kind == "encode":
            compressor.encode(picture, float(quality))
        else:
            compressor.decode(stream, reduction=16 if kind == "thumbnail" else 1)
    print(time.perf_counter() - started, sum(map(len, streams[quality])), flush=True)
"""


class Comparison(NamedTuple):
    """Results of one kind of call on both checkouts, (old, new).

    Attributes:
        name: kind of call and quality.
        seconds: median times for all pictures together.
        num_bytes: total size of their streams.
    """

    name: str
    seconds: tuple[float, float]
    num_bytes: tuple[int, int]


def compare(
    checkouts: list[Path], pictures: list[np.ndarray], kinds: list[str], qualities: list[float], rounds: int
) -> list[Comparison]:
    """Time both checkouts in turn, each in its own process.

    Args:
        checkouts: folders with a `compressor` package: old, new.
        pictures: uint8 (H, W, 3).
        kinds: any of "encode", "decode" and "thumbnail" (at 1/16 of width and height).
        qualities: 1 to 100.
        rounds: number of timed repetitions, after an untimed one.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.png" for number in range(len(pictures))]
        for path, picture in zip(paths, pictures, strict=True):
            Image.fromarray(picture).save(path, compress_level=1)
        workers = [_start(checkout, paths) for checkout in checkouts]
        try:
            return [_compare(workers, kind, quality, rounds) for quality in qualities for kind in kinds]
        finally:
            for worker in workers:
                worker.communicate()


def _start(checkout: Path, pictures: list[Path]) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(checkout.resolve())}
    command = [sys.executable, "-P", "-c", _WORKER, *map(str, pictures)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def _compare(workers: list[subprocess.Popen], kind: str, quality: float, rounds: int) -> Comparison:
    answers = [[_ask(worker, kind, quality) for worker in workers] for _ in range(rounds + 1)][1:]
    medians = tuple(
        statistics.median(seconds for seconds, _ in of_one) for of_one in zip(*answers, strict=True)
    )
    return Comparison(
        f"{kind}, quality {quality:g}", medians, tuple(num_bytes for _, num_bytes in answers[0])
    )


def _ask(worker: subprocess.Popen, kind: str, quality: float) -> tuple[float, int]:
    with suppress(BrokenPipeError):
        print(kind, quality, file=worker.stdin, flush=True)
    answer = worker.stdout.readline().split()
    if not answer:
        raise SystemExit("a checkout failed; its error is above")
    return float(answer[0]), int(answer[1])


def main(arguments: list[str] | None = None) -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path, help="folder of a checkout")
    parser.add_argument("new", type=Path, help="folder of the checkout to compare with the old one")
    parser.add_argument("--images", type=Path, help="folder of photographs (a photograph of scikit-image)")
    parser.add_argument("--limit", type=positive, default=4, help="number of photographs (%(default)s)")
    parser.add_argument("--rounds", type=positive, default=7, help="(%(default)s)")
    options = parser.parse_args(arguments)
    checkouts = [options.old, options.new]
    for checkout in checkouts:
        # Without a package there, Python would import the installed package.
        if not (checkout / "compressor" / "__init__.py").is_file():
            parser.error(f"{checkout} holds no package compressor: give the folder of a checkout")
    try:
        pictures, problems = load_pictures(options.images, options.limit)
    except EvalError as error:
        parser.error(str(error))
    warn_left_out(problems)
    results = compare(checkouts, pictures, ["encode", "decode"], QUALITIES, options.rounds)
    results += compare(checkouts, [mosaic(pictures, *LARGE_SIZE)], ["thumbnail"], [50], options.rounds)
    header = ("", "old, ms", "new, ms", "time, new / old", "bytes, new / old")
    rows = [
        (
            result.name,
            *(f"{1e3 * seconds:.0f}" for seconds in result.seconds),
            f"{result.seconds[1] / result.seconds[0]:.2f}",
            f"{result.num_bytes[1] / result.num_bytes[0]:.4f}",
        )
        for result in results
    ]
    print("\n".join(table_lines([header, *rows])))


if __name__ == "__main__":
    main()
