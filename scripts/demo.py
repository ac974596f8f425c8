"""Encode and decode a photograph, and compare with JPEG at the same PSNR: `python -m scripts.demo`."""

import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from compressor.images.psnr import psnr_db

QUALITY = 50
RUNS = 3


def psnr_of(a: Image.Image, b: Image.Image) -> float:
    """Return the PSNR of two pictures as 8-bit RGB, in dB."""
    return psnr_db(*(np.asarray(picture.convert("RGB")) for picture in (a, b)))


def run(*arguments: str | Path) -> float:
    """Run one command in a new process, and return its wall time in seconds."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "compressor", *map(str, arguments)], check=True)
    return time.perf_counter() - start


def jpeg(picture: Image.Image, quality: int) -> tuple[bytes, float]:
    """Encode as optimised progressive 4:2:0 JPEG, and return the bytes and the PSNR in dB."""
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=quality, optimize=True, progressive=True, subsampling="4:2:0")
    return buffer.getvalue(), psnr_of(Image.open(buffer), picture)


def main() -> None:
    """Write the files to `out/`, and print a table."""
    folder = Path("out")
    folder.mkdir(exist_ok=True)
    source, coded, decoded = (folder / name for name in ("photo.png", "photo.cmpr", "decoded.png"))
    # A photograph that comes with scikit-image, so that nothing is downloaded.
    picture = Image.fromarray(data.coffee())
    picture.save(source)
    encode_s = min(run("encode", source, "-q", str(QUALITY), "-o", coded, "--quiet") for _ in range(RUNS))
    decode_s = min(run("decode", coded, "-o", decoded, "--quiet") for _ in range(RUNS))
    ours, our_psnr = coded.stat().st_size, psnr_of(Image.open(decoded), picture)
    # Find the smallest JPEG of at least our PSNR. If there is none, the best JPEG remains.
    for quality in range(1, 101):
        stream, jpeg_psnr = jpeg(picture, quality)
        if jpeg_psnr >= our_psnr:
            break
    (folder / "photo.jpg").write_bytes(stream)
    pixels = picture.width * picture.height
    print(
        f"\nOne photograph of {picture.width}x{picture.height}, seconds of whole processes (best of {RUNS})"
    )
    print(f"{'':14}{'bytes':>8}{'bpp':>8}{'PSNR dB':>9}{'encode s':>10}{'decode s':>10}")
    print(f"{'compressor':14}{ours:8}{8 * ours / pixels:8.3f}{our_psnr:9.2f}{encode_s:10.2f}{decode_s:10.2f}")
    size = len(stream)
    print(f"{f'JPEG q{quality}':14}{size:8}{8 * size / pixels:8.3f}{jpeg_psnr:9.2f}{'-':>10}{'-':>10}")
    print(f"The JPEG file is {size / ours:.2f} times as large, at {jpeg_psnr:.2f} dB. All files are in out/.")


if __name__ == "__main__":
    main()
