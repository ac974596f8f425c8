"""Time and memory of our command line, as whole processes, for pictures from one megapixel up."""

import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from eval.errors import warn_left_out
from eval.machine import describe, describe_lines
from eval.outputs import table_lines, write_results
from eval.processes import our_command, timed
from eval.samples import load_pictures, mosaic

# A mosaic uses at most this many different pictures, then repeats them mirrored.
_MOST_PICTURES = 32
_REGION_PX = 512
_THUMBNAIL_SCALE = "1/16"


def measure(picture: np.ndarray, folder: Path) -> dict[str, float]:
    """Encode a picture, and decode all of it, a small region in its middle, and a thumbnail.

    Args:
        picture: picture, uint8 (H, W, 3).
        folder: folder for the files.

    Returns:
        Width, height, rate, and seconds (`..._s`) and peak memory in MB (`..._peak_mb`) of each step.
    """
    height, width = picture.shape[:2]
    source, encoded = folder / "picture.png", folder / "picture.cmpr"
    # The fastest compression is enough, because PNG is not what is measured.
    Image.fromarray(picture).save(source, compress_level=1)
    region_px = min(_REGION_PX, width, height)
    region = f"{(width - region_px) // 2},{(height - region_px) // 2},{region_px},{region_px}"
    commands = {
        "encode": our_command("encode", [source], folder),
        "decode": our_command("decode", [encoded], folder),
        "region": our_command("decode", [encoded], folder, "--region", region),
        "thumbnail": our_command("decode", [encoded], folder, "--scale", _THUMBNAIL_SCALE),
    }
    result = {"width": width, "height": height}
    for kind, command in commands.items():
        result[f"{kind}_s"], result[f"{kind}_peak_mb"] = timed(command)
    return result | {"bpp": 8 * encoded.stat().st_size / (width * height)}


def scaling_lines(results: list[dict]) -> list[str]:
    """Return the table, with a line for each size."""
    header = ("megapixels", "size", "bpp", "encode s/MP", "peak MB", "decode s/MP", "peak MB")
    parts = (f"region of {_REGION_PX}x{_REGION_PX} s", "peak MB", f"{_THUMBNAIL_SCALE} s", "peak MB")
    cells = [(*header, *parts)]
    for line in results:
        megapixels = line["width"] * line["height"] / 1e6
        row = [f"{megapixels:.1f}", f"{line['width']}x{line['height']}", f"{line['bpp']:.2f}"]
        for kind in ("encode", "decode"):
            row += [f"{line[f'{kind}_s'] / megapixels:.2f}", f"{line[f'{kind}_peak_mb']:.0f}"]
        for kind in ("region", "thumbnail"):
            row += [f"{line[f'{kind}_s']:.2f}", f"{line[f'{kind}_peak_mb']:.0f}"]
        cells.append(tuple(row))
    return table_lines(cells)


def scaling_command(options) -> int:
    """Run `python -m eval scaling` and return its exit code."""
    pictures, problems = load_pictures(options.images, _MOST_PICTURES)
    warn_left_out(problems)
    results = []
    for megapixels in options.megapixels:
        # The aspect ratio is three to two, as in most cameras.
        height = max(1, round((megapixels * 1e6 / 1.5) ** 0.5))
        picture = mosaic(pictures, max(1, round(1.5 * height)), height)
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(picture, Path(folder)))
        if not options.quiet:
            done = results[-1]
            print(
                f"{megapixels:g} megapixels: encoded in {done['encode_s']:.1f} s and "
                f"{done['encode_peak_mb']:.0f} MB, decoded in {done['decode_s']:.1f} s and "
                f"{done['decode_peak_mb']:.0f} MB",
                file=sys.stderr,
            )
    machine = describe()
    print("\n".join(describe_lines(machine)))
    print("\nwhole processes, from PNG file to .cmpr file and back\n")
    print("\n".join(scaling_lines(results)))
    if options.json:
        write_results(options.json, machine, results)
    return 1 if problems else 0
