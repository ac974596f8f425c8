"""One measurement: a picture through a codec at a quality, as a real file, cached."""

import hashlib
import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

from eval import metrics
from eval.codecs import Codec
from eval.images import Picture, pixels
from eval.memory import peak_memory

COLUMNS = (
    "image", "width", "height", "codec", "quality", "num_bytes", "bpp",
    "psnr_rgb_db", "psnr_y_db", "ssim", "ms_ssim", "encode_s", "decode_s", "peak_mb",
    "lossless", "codec_version", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """What one row of the results is made from."""

    picture: Picture
    codec: Codec
    codec_version: str
    quality: float

    def __str__(self) -> str:
        return f"{self.picture.name}, {self.codec.name}, quality {self.quality:g}"

    def key(self) -> str:
        """Names everything that decides the row; the picture by its pixels, not by its path."""
        parts = [
            self.picture.digest,
            self.codec_version,
            self.codec.settings(),
            self.quality,
            metrics.VERSION,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Cache:
    """A folder with one JSON row and one encoded file per measurement."""

    def __init__(self, folder: Path):
        self.folder = folder

    def encoded_path(self, task: Task) -> Path:
        key = task.key()
        return self.folder / key[:2] / f"{key}{task.codec.suffix}"

    def load(self, task: Task) -> dict | None:
        """The row, if both it and its encoded file are there and whole."""
        path = self.encoded_path(task)
        try:
            row = json.loads(path.with_suffix(".json").read_text())
            if path.stat().st_size != row["num_bytes"]:
                return None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        # The same pixels may be asked for under another file name.
        row["image"] = task.picture.name
        return from_json(row)

    def save(self, task: Task, row: dict) -> None:
        """The row last: a row without its file never exists."""
        write_atomically(self.encoded_path(task).with_suffix(".json"), json.dumps(to_json(row)).encode())


def write_atomically(path: Path, data: bytes) -> None:
    """Into a temporary file beside it, then renamed: readers see all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `tempfile`: its files are for their owner only, and results are for others too.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def to_json(row: dict) -> dict:
    """JSON has no infinity: an infinite PSNR becomes null, and `lossless` says which null it is."""
    return {key: None if value == math.inf else value for key, value in row.items()}


def from_json(row: dict) -> dict:
    """Undo `to_json`. Luma alone can be exact in a picture that is not."""
    row = dict(row)
    if row["lossless"]:
        row["psnr_rgb_db"] = math.inf
    if row["psnr_y_db"] is None:
        row["psnr_y_db"] = math.inf
    return row


def measure(task: Task, cache: Cache) -> dict:
    """The row of a task: from the cache, or made now and put there."""
    row = cache.load(task)
    if row is not None:
        return row
    image = pixels(task.picture.path)
    path = cache.encoded_path(task)
    with peak_memory() as peak:
        started = time.perf_counter()
        data = task.codec.encode(image, task.quality)
        encode_s = time.perf_counter() - started
        write_atomically(path, data)
        data = path.read_bytes()
        started = time.perf_counter()
        decoded = task.codec.decode(data)
        decode_s = time.perf_counter() - started
    distortion = metrics.compare(image, decoded)
    num_bytes = path.stat().st_size
    row = {
        "image": task.picture.name,
        "width": task.picture.width,
        "height": task.picture.height,
        "codec": task.codec.name,
        "quality": task.quality,
        "num_bytes": num_bytes,
        "bpp": 8 * num_bytes / task.picture.num_pixels,
        "encode_s": encode_s,
        "decode_s": decode_s,
        "peak_mb": peak["mb"],
        "lossless": distortion["psnr_rgb_db"] == math.inf,
        "codec_version": task.codec_version,
        **distortion,
    }
    cache.save(task, row)
    return {column: row[column] for column in COLUMNS}
