"""Add golden streams of the shipped models: `python -m scripts.make_golden`.

Writes `tests/golden/MODEL-*.cmpr` with the digest of their symbols and the decoded pixels for models
that have none yet. Existing streams stay as they are: every later version must decode them.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from compressor import Runtime, codec
from compressor.bitstream.container import read_container
from compressor.coding.loading import load_coder
from compressor.coding.sections import read_levels
from compressor.spec.file_format import PICTURE
from compressor.weights.files import shipped_models

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
# Odd sizes, gray, alpha, a photograph with screen content, a quality map, the lowest quality, and a fine
# level (not nearer to 100, where so small a picture is stored without loss). The quality map has fine levels
# in one part only.
CASES = {
    "photo": ((93, 70), 50),
    "coarse": ((64, 48), 1),
    "fine": ((40, 33), 97),
    "dot": ((1, 1), 75),
    "screen": ((76, 50), 60),
    "map": ((150, 140), 95),
}


def symbol_digest(stream: bytes) -> str:
    """Return the SHA-256 over all symbols of a stream, as little-endian int32."""
    container, digest = read_container(stream), hashlib.sha256()
    header = container.header
    coder = load_coder(Runtime(), header.model_id)
    levels = read_levels(coder, container)
    for symbols, _ in coder.read_symbols(container.sections[PICTURE], header.height, header.width, levels):
        digest.update(symbols.astype("<i4").tobytes())
    return digest.hexdigest()


def pictures() -> dict[str, Image.Image]:
    """One small picture for each case."""
    photo = Image.fromarray(data.astronaut())
    made = {name: photo.resize(size, Image.Resampling.LANCZOS) for name, (size, _) in CASES.items()}
    made["coarse"] = made["coarse"].convert("L")
    alpha = np.linspace(0, 255, 40 * 33).reshape(33, 40).astype(np.uint8)
    made["fine"].putalpha(Image.fromarray(alpha))
    dots = np.random.default_rng(0).integers(0, 2, (50, 28), dtype=bool)
    made["screen"].paste(Image.fromarray(dots).convert("L"), (48, 0))
    return made


def ramp(size: tuple[int, int]) -> Image.Image:
    """Return a mask that is black at the left and gray at the right."""
    return Image.linear_gradient("L").rotate(90).point([value // 2 for value in range(256)]).resize(size)


def main() -> None:
    """Write what is missing."""
    GOLDEN.mkdir(exist_ok=True)
    for model in shipped_models():
        for name, picture in pictures().items():
            path = GOLDEN / f"{model}-{name}.cmpr"
            if path.exists():
                continue
            roi = ramp(picture.size) if name == "map" else None
            stream = codec.encode(picture, CASES[name][1], roi=roi, runtime=Runtime(model=model))
            codec.decode(stream).save(path.with_suffix(".png"))
            path.with_suffix(".json").write_text(json.dumps({"symbols_sha256": symbol_digest(stream)}) + "\n")
            # Written last, so that an interrupted run makes what is missing when started again.
            path.write_bytes(stream)
            print(path)


if __name__ == "__main__":
    main()
