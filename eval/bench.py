"""Encode and decode times of all codecs, in this process and in new ones, for one picture and many."""

import itertools
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from eval import codecs
from eval.errors import EvalError, described, warn, warn_left_out
from eval.machine import describe, describe_lines
from eval.match import is_near, quality_for_bpp
from eval.outputs import table_lines, write_results
from eval.processes import decode_command, encode_command, timed
from eval.samples import load_pictures

RATIO_TO = ("jpeg420", "avif444")
_COLD_ROUNDS = 3
# Each row of the table: its title, its key in the results, and its number of decimals.
_MEASURES = (
    ("bits per pixel", "bpp", 2),
    ("encode, warm, s/MP", "encode", 3),
    ("decode, warm, s/MP", "decode", 3),
    ("encode, whole process, s", "cold_encode_s", 2),
    ("decode, whole process, s", "cold_decode_s", 2),
    ("encode, peak memory, MB", "cold_encode_peak_mb", 0),
    ("decode, peak memory, MB", "cold_decode_peak_mb", 0),
    ("encode, many, pictures/s", "batch_encode_images_per_s", 2),
    ("decode, many, pictures/s", "batch_decode_images_per_s", 2),
)


def matched_quality(codec: codecs.Codec, image: np.ndarray, target_bpp: float) -> float:
    """Find the quality at which a picture has about this rate, or warn and return the closest one tried."""
    num_pixels = image.shape[0] * image.shape[1]

    def bpp(quality: float) -> float:
        return 8 * len(codec.encode(image, quality)) / num_pixels

    ends = [(bpp(quality), quality) for quality in (min(codec.qualities), max(codec.qualities))]
    quality, found = quality_for_bpp(bpp, target_bpp, ends, codec.whole_qualities, tolerance=0.05)
    if not is_near(found, target_bpp):
        warn(f"{codec.name}: found no quality near {target_bpp:g} bpp; timing a picture at {found:.2f} bpp")
    return quality


def matched_qualities(
    chosen: list[codecs.Codec], images: list[np.ndarray], target_bpp: float
) -> dict[str, list[float]]:
    """Find the quality of each picture for each codec.

    Each picture is also encoded and decoded once, so that libraries are loaded before timing.

    Args:
        chosen: codecs to time.
        images: pictures, uint8 (H, W, 3).
        target_bpp: rate at which the codecs are timed.

    Returns:
        For each codec the quality of each picture. Codecs that fail are left out with a warning.
    """
    result = {}
    for codec in chosen:
        try:
            qualities = [matched_quality(codec, image, target_bpp) for image in images]
            for image, quality in zip(images, qualities, strict=True):
                codec.decode(codec.encode(image, quality))
        except Exception as error:  # noqa: BLE001  the other codecs are still timed
            warn(f"left out: {codec.name} failed: {described(error)}")
        else:
            result[codec.name] = qualities
    return result


def warm_times(
    chosen: list[codecs.Codec], images: list[np.ndarray], qualities: dict[str, list[float]], rounds: int
) -> dict[str, dict]:
    """Measure encode and decode times in this process.

    The codecs take turns within every round, so that other load on the machine affects them all.

    Args:
        chosen: codecs to time, all of them in `qualities`.
        images: pictures, uint8 (H, W, 3).
        qualities: see `matched_qualities`.
        rounds: number of repetitions for each picture.

    Returns:
        For each codec the medians `encode` and `decode`, in seconds per megapixel, and `bpp`.
    """
    cases = [
        (codec, image, quality)
        for codec in chosen
        for image, quality in zip(images, qualities[codec.name], strict=True)
    ]
    times: dict[str, dict[str, list[float]]] = {
        codec.name: {"encode": [], "decode": [], "bpp": []} for codec in chosen
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


def process_times(
    chosen: list[codecs.Codec], image: np.ndarray, qualities: dict[str, list[float]], batch: int
) -> dict[str, dict]:
    """Measure whole processes: start, read, encode or decode, write, exit.

    The codecs take turns within every round, as in `warm_times`.

    Args:
        chosen: codecs to time, all of them in `qualities`.
        image: the first picture, uint8 (H, W, 3).
        qualities: see `matched_qualities`.
        batch: number of copies of the picture that a single process handles, on all processors.

    Returns:
        For each codec seconds and peak memory in MB for one picture (`cold_...`), and pictures per second
        for many (`batch_...`). Codecs that fail are left out with a warning.
    """
    samples: dict[str, dict[str, list]] = {codec.name: {} for codec in chosen}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = [folder / f"{number}.png" for number in range(batch)]
        for picture in pictures:
            Image.fromarray(image).save(picture)
        for _, (number, codec) in itertools.product(range(_COLD_ROUNDS), enumerate(chosen)):
            if codec.name not in samples:
                continue
            # The folder is numbered, because the name of a model may contain a slash.
            target = folder / f"codec-{number}"
            target.mkdir(exist_ok=True)
            try:
                for kind, command in _process_commands(codec, qualities[codec.name][0], pictures, target):
                    samples[codec.name].setdefault(kind, []).append(timed(command))
            except EvalError as error:
                warn(f"{codec.name} was not timed as a process: {described(error)}")
                del samples[codec.name]
    return {name: _process_summary(by_kind, batch) for name, by_kind in samples.items()}


def _process_commands(
    codec: codecs.Codec, quality: float, pictures: list[Path], target: Path
) -> list[tuple[str, list[str]]]:
    """Return the commands that encode and decode one picture (`cold_...`) and all (`batch_...`), in order.

    Raises:
        EvalError: if the codec has no command line.
    """
    commands = []
    for kind, sources in (("cold", pictures[:1]), ("batch", pictures)):
        files = [target / f"{source.stem}{codec.suffix}" for source in sources]
        commands.append((f"{kind}_encode", encode_command(codec, quality, sources, target)))
        commands.append((f"{kind}_decode", decode_command(codec, files, target)))
    return commands


def _process_summary(samples: dict[str, list[tuple[float, float]]], batch: int) -> dict[str, float]:
    """Return a codec's results, from the seconds and peak memory in MB of each run of its commands."""
    result = {}
    for kind, runs in samples.items():
        seconds = statistics.median(seconds for seconds, _ in runs)
        if kind.startswith("batch"):
            result[f"{kind}_images_per_s"] = batch / seconds
        else:
            result[f"{kind}_s"] = seconds
            result[f"{kind}_peak_mb"] = max(mb for _, mb in runs)
    return result


def bench_lines(results: dict[str, dict]) -> list[str]:
    """Return the table of codecs side by side, with ratios of the first one to JPEG and AVIF."""
    first, *others = results
    references = [name for name in others if name in RATIO_TO]
    cells = [("", *results, *(f"{first} / {name}" for name in references))]
    for title, key, digits in _MEASURES:
        values = {name: line[key] for name, line in results.items() if key in line}
        ratios = [
            f"{values[first] / values[name]:.2g}" if {first, name} <= set(values) else "-"
            for name in references
        ]
        shown = [f"{values[name]:.{digits}f}" if name in values else "-" for name in results]
        cells.append((title, *shown, *ratios))
    return table_lines(cells)


def bench_command(options) -> int:
    """Run `python -m eval bench` and return its exit code."""
    chosen, missing = codecs.select(options.codecs, options.weights)
    images, problems = load_pictures(options.images, options.limit)
    warn_left_out([*problems, *missing])
    qualities = matched_qualities(chosen, images, options.bpp)
    if not qualities:
        raise EvalError("no codec could be timed: fix what the warnings report, or choose other --codecs")
    timed_codecs = [codec for codec in chosen if codec.name in qualities]
    results = warm_times(timed_codecs, images, qualities, options.rounds)
    complete = set(results)
    if not options.no_cold:
        in_processes = process_times(timed_codecs, images[0], qualities, options.batch)
        complete &= set(in_processes)
        for name, line in in_processes.items():
            results[name].update(line)
    machine = describe()
    print("\n".join(describe_lines(machine)))
    height, width = images[0].shape[:2]
    print(f"\n{len(images)} picture(s), the first {width}x{height}, about {options.bpp:g} bits per pixel,")
    print(f"warm: medians of {options.rounds} rounds, each library with its own default number of threads;")
    print(f"whole processes: medians of {_COLD_ROUNDS}, many: {options.batch} pictures in one run\n")
    print("\n".join(bench_lines(results)))
    if options.json:
        versioned = {
            codec.name: {"version": codec.version(), **results[codec.name]} for codec in timed_codecs
        }
        write_results(options.json, machine, versioned)
    # An optional codec that is not installed is not a failure, unless it was requested by name.
    requested = {codec.name for codec in chosen} | set(options.codecs or ())
    return 0 if requested <= complete and not problems else 1
