"""Encode and decode times, all codecs in turn in one process, and cold starts of fresh ones."""

import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from eval import codecs
from eval.errors import EvalError, one_line
from eval.images import find_pictures, load_rgb
from eval.machine import describe
from eval.match import quality_for_bpp
from eval.measure import write_atomically
from eval.outputs import table_lines
from eval.viewer import spread

RATIO_TO = ("jpeg420", "avif444")
_COLD_ROUNDS = 3

# The shortest script that does it with Pillow: source, target, format, options, plugin to import.
_PILLOW_SCRIPT = """
import sys, json, importlib
from PIL import Image
source, target, format, options, plugin = sys.argv[1:]
if plugin:
    importlib.import_module(plugin)
Image.open(source).convert("RGB").save(target, format, **json.loads(options))
"""

# Runs a command and prints its seconds, peak memory in kB or its last words. A process of its own:
# a child's peak counts from its parent's size, and this parent is small.
_LAUNCHER = """
import sys, subprocess, time
started = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
seconds = time.perf_counter() - started
if done.returncode:
    sys.exit((done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1])
try:
    import resource
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
except ImportError:
    peak = 0
print(seconds, peak)
"""


def _warn(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr)


def sample_photograph() -> np.ndarray:
    """A photograph of 512x512 that comes with scikit-image."""
    from skimage import data

    return data.astronaut()


def load_pictures(folder: Path | None, limit: int) -> list[np.ndarray]:
    if folder is None:
        return [sample_photograph()]
    pictures, problems = find_pictures(folder)
    for line in problems:
        _warn(f"left out: {line}")
    return [load_rgb(picture.path) for picture in spread(pictures, limit)]


def matched_quality(codec, image: np.ndarray, target_bpp: float) -> float:
    """The quality of this codec at about this rate; the nearest end of its scale if it has none."""
    num_pixels = image.shape[0] * image.shape[1]

    def bpp(quality: float) -> float:
        return 8 * len(codec.encode(image, quality)) / num_pixels

    ends = [(bpp(quality), quality) for quality in (min(codec.qualities), max(codec.qualities))]
    quality = quality_for_bpp(bpp, target_bpp, ends, codec.whole_qualities, tolerance=0.05)
    if quality is None:
        return min(ends, key=lambda end: abs(end[0] - target_bpp))[1]
    return quality


def warm_times(chosen: list, images: list[np.ndarray], target_bpp: float, rounds: int) -> dict[str, dict]:
    """Median seconds per megapixel of each codec.

    The codecs take turns within every round, so that a busy moment of the machine hits them all.
    """
    cases = []
    for codec in chosen:
        try:
            for image in images:
                quality = matched_quality(codec, image, target_bpp)
                codec.decode(codec.encode(image, quality))  # libraries and weights are loaded now
                cases.append((codec, image, quality))
        except Exception as error:  # noqa: BLE001  one codec's trouble is not the others'
            _warn(f"left out: {codec.name} failed: {one_line(error)}")
            cases = [case for case in cases if case[0] is not codec]
    names = dict.fromkeys(codec.name for codec, *_ in cases)
    times: dict[str, dict[str, list[float]]] = {
        name: {"encode": [], "decode": [], "bpp": []} for name in names
    }
    for _ in range(rounds):
        for codec, image, quality in cases:
            megapixels = image.shape[0] * image.shape[1] / 1e6
            started = time.perf_counter()
            data = codec.encode(image, quality)
            encoded = time.perf_counter()
            codec.decode(data)
            decoded = time.perf_counter()
            times[codec.name]["encode"].append((encoded - started) / megapixels)
            times[codec.name]["decode"].append((decoded - encoded) / megapixels)
            times[codec.name]["bpp"].append(8 * len(data) / (1e6 * megapixels))
    return {
        name: {key: statistics.median(values) for key, values in lists.items()}
        for name, lists in times.items()
    }


def cold_times(chosen: list, image: np.ndarray, target_bpp: float) -> dict[str, dict]:
    """Seconds and peak memory of fresh processes: start, read, encode or decode, write, exit."""
    samples: dict = {}
    with tempfile.TemporaryDirectory() as folder:
        picture, decoded = Path(folder) / "in.png", Path(folder) / "out.png"
        Image.fromarray(image).save(picture)
        commands = []
        for codec in chosen:
            quality = matched_quality(codec, image, target_bpp)
            encoded = Path(folder) / f"{codec.name}{codec.suffix}"
            commands.append((codec.name, "encode", _cold_command(codec, "encode", picture, encoded, quality)))
            commands.append((codec.name, "decode", _cold_command(codec, "decode", encoded, decoded, quality)))
        failed = set()
        for _, (name, kind, command) in itertools.product(range(_COLD_ROUNDS), commands):
            if name not in failed:
                try:
                    samples.setdefault((name, kind), []).append(_timed(command))
                except EvalError as error:
                    _warn(f"no cold times of {name}: {one_line(error)}")
                    failed.add(name)
    result: dict[str, dict] = {codec.name: {} for codec in chosen}
    for (name, kind), pairs in samples.items():
        if name in failed:
            continue
        result[name][f"cold_{kind}_s"] = statistics.median(seconds for seconds, _ in pairs)
        result[name][f"cold_{kind}_peak_mb"] = max(mb for _, mb in pairs)
    return result


def _cold_command(codec, kind: str, source: Path, target: Path, quality: float) -> list[str]:
    """Ours by its own command line; the others by Pillow alone. The PNG side is the same for all."""
    if isinstance(codec, codecs.LearnedCodec):
        extra = ["-q", f"{quality:g}"] if kind == "encode" else []
        for name, value in codec.options.items():
            extra += [f"--{name.replace('_', '-')}", str(value)]
        return [sys.executable, "-m", "compressor", kind, str(source), "-o", str(target), *extra]
    format_, options = "PNG", {}
    if kind == "encode":
        with Image.open(source) as image:
            format_, options = codec.format, codec.save_options(quality, image.size)
    script = [sys.executable, "-c", _PILLOW_SCRIPT]
    return [*script, str(source), str(target), format_, json.dumps(options), codec.plugin]


def _timed(command: list[str]) -> tuple[float, float]:
    root = Path(__file__).resolve().parent.parent  # where `python -m compressor` is found
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, *command]
    done = subprocess.run(launcher, cwd=root, capture_output=True, text=True)
    if done.returncode:
        raise EvalError(done.stderr)
    seconds, peak = map(float, done.stdout.split())
    return seconds, peak / (1024**2 if sys.platform == "darwin" else 1024)


def bench_lines(results: dict[str, dict]) -> list[str]:
    """The table that is printed; ratios are this codec's time over the other's."""
    ratios = [name for name in RATIO_TO if name in results]
    versus = [f"x {name}" for name in ratios]
    header = ["codec", "bpp", "encode s/MP", *versus, "decode s/MP", *versus]
    header += ["cold encode s", "cold decode s", "cold peak MB"]
    cells = [tuple(header)]
    for name, line in results.items():
        row = [name, f"{line['bpp']:.2f}"]
        for kind in ("encode", "decode"):
            row += [f"{line[kind]:.3f}", *(f"{line[kind] / results[other][kind]:.2g}" for other in ratios)]
        if "cold_encode_s" in line:
            row += [f"{line['cold_encode_s']:.2f}", f"{line['cold_decode_s']:.2f}"]
            row.append(f"{max(line['cold_encode_peak_mb'], line['cold_decode_peak_mb']):.0f}")
        else:
            row += ["-"] * 3
        cells.append(tuple(row))
    return table_lines(cells)


def bench_command(options) -> int:
    chosen, missing = codecs.select(options.codecs)
    for line in missing:
        _warn(f"left out: {line}")
    images = load_pictures(options.images, options.limit)
    results = warm_times(chosen, images, options.bpp, options.rounds)
    if not results:
        raise EvalError("no codec could be timed")
    if not options.no_cold:
        timed = [codec for codec in chosen if codec.name in results]
        for name, line in cold_times(timed, images[0], options.bpp).items():
            results[name].update(line)
    machine = describe()
    print("\n".join(f"{key}: {value}" for key, value in machine.items()))
    height, width = images[0].shape[:2]
    print(f"\n{len(images)} picture(s), the first {width}x{height}, about {options.bpp:g} bits per pixel,")
    print(f"medians of {options.rounds} rounds, each library with its own default number of threads\n")
    print("\n".join(bench_lines(results)))
    if options.json:
        write_atomically(
            options.json, json.dumps({"machine": machine, "results": results}, indent=1).encode()
        )
    asked = set(options.codecs or [codec.name for codec in chosen])
    return 0 if asked <= set(results) else 1
