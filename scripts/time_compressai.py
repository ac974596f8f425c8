"""Compare speed with CompressAI's mean-scale hyperprior.

    $ pip install compressai scikit-image
    $ python -m scripts.time_compressai

CompressAI's models have random weights, so nothing has to be downloaded. They code the same number of latents
as trained ones, in about the same time. Their rates and pictures are meaningless and are not printed.

Reference: Minnen, Ballé and Toderici, "Joint autoregressive and hierarchical priors for learned image
compression", NeurIPS 2018. `mbt2018_mean` is the model without the autoregressive part.
"""

import statistics
from collections.abc import Callable

import numpy as np
import torch
from compressai.zoo import mbt2018_mean
from skimage import data

import compressor
from eval.samples import mosaic
from scripts.time_engines import milliseconds

ROUNDS = 7
# CompressAI has one width for its qualities 1 to 4 and one for 5 to 8.
WIDTHS = {"mbt2018_mean, 128 and 192 channels": 4, "mbt2018_mean, 192 and 320 channels": 8}

Action = Callable[[], object]


def compressai_actions(quality: int, image: np.ndarray) -> tuple[Action, Action]:
    """Return functions that encode and decode a picture (H, W, 3) with random weights."""
    model = mbt2018_mean(quality, pretrained=False).eval()
    model.update()
    pixels = torch.from_numpy(np.moveaxis(image, 2, 0)[None] / np.float32(255))
    with torch.inference_mode():
        coded = model.compress(pixels)

    @torch.inference_mode()
    def encode() -> object:
        return model.compress(pixels)

    @torch.inference_mode()
    def decode() -> object:
        return model.decompress(coded["strings"], coded["shape"])

    return encode, decode


def main() -> None:
    """Print a table in Markdown."""
    image = mosaic([data.astronaut()], width=768, height=512)
    stream = compressor.encode(image)
    actions = {"compressor": (lambda: compressor.encode(image), lambda: compressor.decode(stream))}
    actions |= {name: compressai_actions(quality, image) for name, quality in WIDTHS.items()}
    times = {name: ([], []) for name in actions}
    for _ in range(ROUNDS):
        for name, pair in actions.items():
            for action, measured in zip(pair, times[name], strict=True):
                measured.append(milliseconds(action))
    ours = [statistics.median(measured) for measured in times["compressor"]]
    print("| 768x512 | encode, ms | decode, ms | encode, ratio | decode, ratio |")
    print("| --- | --- | --- | --- | --- |")
    for name, pair in times.items():
        medians = [statistics.median(measured) for measured in pair]
        ratios = [median / own for median, own in zip(medians, ours, strict=True)]
        print(f"| {name} | {medians[0]:.0f} | {medians[1]:.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} |")


if __name__ == "__main__":
    main()
