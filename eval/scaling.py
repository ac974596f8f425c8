"""How memory and time grow with the picture: our command line as whole processes, from one megapixel up."""

import itertools
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from eval.bench import load_pictures
from eval.machine import describe
from eval.measure import write_atomically
from eval.outputs import table_lines
from eval.processes import our_command, timed

# Pictures in the mosaic before they repeat, mirrored.
_MOST_PICTURES = 32
_REGION_PX = 512


def mosaic(pictures: list[np.ndarray], width: int, height: int) -> np.ndarray:
    """A picture of any size (height, width, 3) with the content of photographs: squares cut from each in
    turn, at their own resolution, mirrored from side to side every second time around.
    """
    side = min(min(picture.shape[:2]) for picture in pictures)
    result = np.empty((height, width, 3), np.uint8)
    corners = itertools.product(range(0, height, side), range(0, width, side))
    for number, (top, left) in enumerate(corners):
        turn, index = divmod(number, len(pictures))
        square = pictures[index][:side, :side]
        square = square[:, ::-1] if turn % 2 else square
        result[top : top + side, left : left + side] = square[: height - top, : width - left]
    return result


def measure(picture: np.ndarray, folder: Path) -> dict[str, float]:
    """Seconds and peak memory of encoding it, decoding it, and decoding a small region in its middle."""
    height, width = picture.shape[:2]
    source, encoded = folder / "picture.png", folder / "picture.cmpr"
    # Little compressed: reading and writing PNG is not what is measured.
    Image.fromarray(picture).save(source, compress_level=1)
    region_px = min(_REGION_PX, width, height)
    region = f"{(width - region_px) // 2},{(height - region_px) // 2},{region_px},{region_px}"
    commands = {
        "encode": our_command("encode", [source], folder),
        "decode": our_command("decode", [encoded], folder),
        "region": our_command("decode", [encoded], folder, "--region", region),
    }
    result = {"width": width, "height": height}
    for kind, command in commands.items():
        result[f"{kind}_s"], result[f"{kind}_peak_mb"] = timed(command)
    return result | {"bpp": 8 * encoded.stat().st_size / (width * height)}


def scaling_lines(results: list[dict]) -> list[str]:
    """The table that is printed: a line for each size."""
    header = ("megapixels", "size", "bpp", "encode s/MP", "peak MB", "decode s/MP", "peak MB")
    cells = [(*header, f"region of {_REGION_PX}x{_REGION_PX} s", "peak MB")]
    for line in results:
        megapixels = line["width"] * line["height"] / 1e6
        row = [f"{megapixels:.1f}", f"{line['width']}x{line['height']}", f"{line['bpp']:.2f}"]
        for kind in ("encode", "decode"):
            row += [f"{line[f'{kind}_s'] / megapixels:.2f}", f"{line[f'{kind}_peak_mb']:.0f}"]
        cells.append((*row, f"{line['region_s']:.2f}", f"{line['region_peak_mb']:.0f}"))
    return table_lines(cells)


def scaling_command(options) -> int:
    pictures = load_pictures(options.images, _MOST_PICTURES)
    results = []
    for megapixels in options.megapixels:
        # Three to two, as cameras have it.
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
    print("\n".join(f"{key}: {value}" for key, value in machine.items()))
    print("\nwhole processes, from PNG file to .cmpr file and back\n")
    print("\n".join(scaling_lines(results)))
    if options.json:
        write_atomically(
            options.json, json.dumps({"machine": machine, "results": results}, indent=1).encode()
        )
    return 0
