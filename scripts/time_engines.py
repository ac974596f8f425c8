"""Time the installed engines in turn on one photograph: `python -m scripts.time_engines`."""

import statistics
import time
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from skimage import data

from compressor.coding.loading import create_coder
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import shipped_folder
from eval.samples import mosaic

LEVEL, RUNS = 196, 7
SIZE = (512, 768)
OTHER_SIZE = (480, 640)
# Name in the table: engine, and number of threads (None: the engine's default).
VARIANTS = {
    "ONNX Runtime": ("onnxruntime", None),
    "ONNX Runtime, one thread": ("onnxruntime", 1),
    "OpenVINO": ("openvino", None),
}


def milliseconds(action: Callable[[], object]) -> float:
    """Return the wall time of one call in milliseconds."""
    start = time.perf_counter()
    action()
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    """Print a table in Markdown."""
    image = mosaic([data.astronaut()], width=SIZE[1], height=SIZE[0])
    other = np.ascontiguousarray(image[: OTHER_SIZE[0], : OTHER_SIZE[1]])
    print("| engine | first encode, decode ms | new size, encode + decode ms | encode ms | decode ms |")
    print("| --- | --- | --- | --- | --- |")
    files = ModelFiles(shipped_folder())
    installed = {name: variant for name, variant in VARIANTS.items() if find_spec(variant[0])}
    coders = {name: create_coder(files, *variant) for name, variant in installed.items()}
    payloads, first = {name: coder.encode(image, LEVEL) for name, coder in coders.items()}, {}
    for name, payload in payloads.items():
        fresh = create_coder(files, *installed[name])
        first[name] = (
            milliseconds(lambda c=fresh: c.encode(image, LEVEL)),
            milliseconds(lambda c=fresh, p=payload: c.decode(p, *SIZE, LEVEL)),
            milliseconds(lambda c=fresh: c.decode(c.encode(other, LEVEL), *OTHER_SIZE, LEVEL)),
        )
    times = {name: ([], []) for name in coders}
    for _ in range(RUNS):
        for name, coder in coders.items():
            times[name][0].append(milliseconds(lambda c=coder: c.encode(image, LEVEL)))
            payload = payloads[name]
            times[name][1].append(milliseconds(lambda c=coder, p=payload: c.decode(p, *SIZE, LEVEL)))
    for name, (encode, decode) in times.items():
        a, b, c = first[name]
        steady = f"{statistics.median(encode):.0f} | {statistics.median(decode):.0f}"
        print(f"| {name} | {a:.0f}, {b:.0f} | {c:.0f} | {steady} |")


if __name__ == "__main__":
    main()
