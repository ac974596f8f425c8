"""Add golden streams of the shipped models: `python -m scripts.make_golden`.

Writes `tests/golden/MODEL-CASE.cmpr`, the digests of its symbols and metadata (`.json`) and its decoded
pixels (`.png`), for every model and case that has no stream yet. Existing streams stay as they are: every
later version must decode them.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageCms
from skimage import data

from compressor import Runtime, codec
from compressor.bitstream.container import read_container
from compressor.images.metadata import Metadata
from compressor.weights.shipped import shipped_models
from scripts.symbols import digest_of_stream

GOLDEN = Path(__file__).parents[1] / "tests" / "golden"
MAKE_TAG, ORIENTATION_TAG = 271, 274


def with_alpha(picture: Image.Image) -> Image.Image:
    """Add alpha that increases from transparent to opaque."""
    alpha = np.linspace(0, 255, picture.width * picture.height).reshape(picture.height, picture.width)
    picture.putalpha(Image.fromarray(alpha.astype(np.uint8)))
    return picture


def with_dots(picture: Image.Image) -> Image.Image:
    """Replace a part by black and white dots."""
    dots = np.random.default_rng(0).integers(0, 2, (50, 28), dtype=bool)
    picture.paste(Image.fromarray(dots).convert("L"), (48, 0))
    return picture


def with_metadata(picture: Image.Image) -> Image.Image:
    """Add an ICC profile, EXIF with an orientation, and XMP."""
    exif = Image.Exif()
    exif[MAKE_TAG], exif[ORIENTATION_TAG] = "Maker", 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.info |= {"icc_profile": profile, "exif": exif.tobytes(), "xmp": b"<x:xmpmeta/>"}
    return picture


def ramp(picture: Image.Image) -> Image.Image:
    """Return a mask that is black at the left and gray at the right."""
    half = [value // 2 for value in range(256)]
    return Image.linear_gradient("L").rotate(90).point(half).resize(picture.size)


class Case(NamedTuple):
    """A picture and how it is encoded.

    Attributes:
        size: width and height in pixels to which the photograph is resized.
        quality: 1 to 100.
        change: changes the photograph.
        mask: returns the mask of the region of interest.
    """

    size: tuple[int, int]
    quality: float
    change: Callable[[Image.Image], Image.Image] = lambda picture: picture
    mask: Callable[[Image.Image], Image.Image | None] = lambda picture: None


# The quality of "fine" is not closer to 100, because so small a picture would then be stored without loss. In
# "map", only a part has fine levels.
CASES = {
    "photo": Case((93, 70), 50),
    "coarse": Case((64, 48), 1, lambda picture: picture.convert("L")),
    "fine": Case((40, 33), 97, with_alpha),
    "dot": Case((1, 1), 75),
    "screen": Case((76, 50), 60, with_dots),
    "map": Case((150, 140), 95, mask=ramp),
    "metadata": Case((30, 20), 40, with_metadata),
}


def digests(stream: bytes) -> dict[str, str]:
    """Return the digests of a stream's symbols and of its metadata."""
    metadata = Metadata.of_sections(read_container(stream).sections).sections()
    of_metadata = {
        f"{name}_sha256": hashlib.sha256(value).hexdigest() for name, value in metadata.items() if value
    }
    return {"symbols_sha256": digest_of_stream(stream), **of_metadata}


def main() -> None:
    """Write the missing streams."""
    GOLDEN.mkdir(exist_ok=True)
    photo = Image.fromarray(data.astronaut())
    for model in shipped_models():
        for name, case in CASES.items():
            path = GOLDEN / f"{model}-{name}.cmpr"
            if path.exists():
                continue
            picture = case.change(photo.resize(case.size, Image.Resampling.LANCZOS))
            stream = codec.encode(picture, case.quality, roi=case.mask(picture), runtime=Runtime(model=model))
            codec.decode(stream).save(path.with_suffix(".png"))
            path.with_suffix(".json").write_text(json.dumps(digests(stream)) + "\n")
            # The stream is written last, so that a repeated run completes an interrupted one.
            path.write_bytes(stream)
            print(path)


if __name__ == "__main__":
    main()
