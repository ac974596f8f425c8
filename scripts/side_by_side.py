"""Draw the README's picture, one photograph in files of one size: `python -m scripts.side_by_side`.

No file is larger than AVIF's. The photograph comes with scikit-image.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from skimage import data

import compressor
from compressor import Target
from compressor.images.ssimulacra2 import ssimulacra2
from eval.codecs import CODECS

# Speed 3, at which AVIF's file is smallest.
AVIF, AVIF_QUALITY = "avif444-slow", 36
OTHERS = ("jpeg420", "webp")
# Left, top, right and bottom of the part that is shown, in pixels.
PART = (150, 0, 406, 256)
LABEL_PX = 34


def largest_below(codec, image: np.ndarray, num_bytes: int) -> bytes:
    """Return a codec's file of the highest quality that is not larger than a number of bytes."""
    for quality in range(100, 0, -1):
        stream = codec.encode(image, quality)
        if len(stream) <= num_bytes:
            return stream
    raise ValueError(f"{codec.label} cannot make a file of {num_bytes} bytes")


def panel(image: np.ndarray, title: str, detail: str) -> Image.Image:
    """Return the shown part of a picture with two lines of text above."""
    part = Image.fromarray(image).crop(PART)
    framed = Image.new("RGB", (part.width, part.height + LABEL_PX), "white")
    framed.paste(part, (0, LABEL_PX))
    draw = ImageDraw.Draw(framed)
    draw.text((4, 2), title, fill="black", font_size=14)
    draw.text((4, 18), detail, fill="dimgray", font_size=12)
    return framed


def main(arguments: list[str] | None = None) -> None:
    """Write the picture, and print its labels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("docs/side-by-side.png"), help="(%(default)s)")
    options = parser.parse_args(arguments)
    codecs = {codec.name: codec for codec in CODECS}
    image = data.astronaut()
    panels = [panel(image, "original", "")]
    avif = codecs[AVIF].encode(image, AVIF_QUALITY)
    streams = {name: largest_below(codecs[name], image, len(avif)) for name in OTHERS}
    streams |= {AVIF: avif, "flagship": compressor.encode(image, target=Target(num_bytes=len(avif)))}
    for name, stream in streams.items():
        decoded = codecs[name].decode(stream)
        detail = f"{len(stream):,} bytes, SSIMULACRA 2: {ssimulacra2(image, decoded):.0f}"
        print(f"{codecs[name].label}: {detail}")
        panels.append(panel(decoded, codecs[name].label, detail))
    sheet = Image.new(
        "RGB", (sum(p.width for p in panels) + 4 * (len(panels) - 1), panels[0].height), "white"
    )
    left = 0
    for one in panels:
        sheet.paste(one, (left, 0))
        left += one.width + 4
    options.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(options.out, optimize=True)


if __name__ == "__main__":
    main()
