"""Add golden streams of the shipped models: `python -m scripts.make_golden`.

Writes `tests/golden/MODEL-*.cmpr` with the digest of their symbols and the decoded pixels for models
that have none yet. Existing streams stay as they are: every later version must decode them.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from compressor import Runtime, codec
from compressor.weights.shipped import shipped_models
from scripts.symbols import digest_of_stream

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
# The cases cover odd sizes, gray, alpha, a photograph with screen content, a quality map, the lowest quality,
# and a fine level (not nearer to 100, where such a small picture is stored without loss). The quality map has
# fine levels in one part only.
CASES = {
    "photo": ((93, 70), 50),
    "coarse": ((64, 48), 1),
    "fine": ((40, 33), 97),
    "dot": ((1, 1), 75),
    "screen": ((76, 50), 60),
    "map": ((150, 140), 95),
}


def pictures() -> dict[str, Image.Image]:
    """Return one small picture for each case."""
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
    """Write the missing streams."""
    GOLDEN.mkdir(exist_ok=True)
    for model in shipped_models():
        for name, picture in pictures().items():
            path = GOLDEN / f"{model}-{name}.cmpr"
            if path.exists():
                continue
            roi = ramp(picture.size) if name == "map" else None
            stream = codec.encode(picture, CASES[name][1], roi=roi, runtime=Runtime(model=model))
            codec.decode(stream).save(path.with_suffix(".png"))
            expected = {"symbols_sha256": digest_of_stream(stream)}
            path.with_suffix(".json").write_text(json.dumps(expected) + "\n")
            # The stream is written last, so that a repeated run completes an interrupted one.
            path.write_bytes(stream)
            print(path)


if __name__ == "__main__":
    main()
