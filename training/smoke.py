"""Smoke test of about a minute: train a small model on generated pictures, export it, encode and decode."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from compressor.images.psnr import psnr_db

PICTURES, PICTURE_PX = 24, 192


def generated_picture(seed: int, side: int = PICTURE_PX) -> Image.Image:
    """Return a picture of smooth random colours with a few sharp-edged rectangles.

    Args:
        seed: seed of the random choices.
        side: side of the picture in pixels.
    """
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (6, 6, 3)).astype(np.uint8))
    pixels = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)).copy()
    for _ in range(8):
        top, left, height, width = random.integers(0, side // 2, 4)
        pixels[top : top + height, left : left + width] = random.integers(0, 256, 3)
    return Image.fromarray(pixels)


def run(*arguments: str | Path) -> None:
    """Run a module of the checkout in a process.

    Raises:
        subprocess.CalledProcessError: if it fails.
    """
    print("$ python -m", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", *map(str, arguments)], check=True)


def main(folder: Path = Path("out/train-smoke"), minutes: float = 1.0) -> None:
    """Run the smoke test.

    Args:
        folder: folder for all files; removed first.
        minutes: minutes of training.
    """
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "photos").mkdir(parents=True)
    for k in range(PICTURES):
        generated_picture(k).save(folder / "photos" / f"{k}.png")
    photo, stream, decoded, model = (folder / n for n in ("photo.png", "photo.cmpr", "decoded.png", "model"))
    generated_picture(PICTURES).save(photo)
    size = "--model cnn --batch 4 --crop 64 --steps 4000 --checkpoint-every 50 --precision float32".split()
    run("training", "--data", folder / "photos", "--out", folder / "run", *size, "--minutes", str(minutes))
    run("training", "export", folder / "run", "--out", model)
    run("compressor", "encode", photo, "--weights", model, "-o", stream)
    run("compressor", "decode", stream, "--weights", model, "-o", decoded)
    psnr = psnr_db(np.asarray(Image.open(decoded)), np.asarray(Image.open(photo)))
    bpp = 8 * stream.stat().st_size / PICTURE_PX**2
    print(f"a picture that was not trained on: {bpp:.2f} bits per pixel, {psnr:.1f} dB")


if __name__ == "__main__":
    main()
