"""One measurement: a picture through a codec at a quality, as a real file, cached."""

import hashlib
import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval import metrics
from eval.codecs import Codec
from eval.files import write_atomically
from eval.images import Picture, pixels
from eval.memory import peak_memory

COLUMNS = (
    *("image", "width", "height", "codec", "quality", "num_bytes", "bpp"),
    *(metric.name for metric in metrics.METRICS),
    *("encode_s", "decode_s", "peak_mb", "lossless", "codec_version", "note"),
)


@dataclass(frozen=True)
class Task:
    """The inputs of one row: a picture, a codec, its version and a quality in 1..100."""

    picture: Picture
    codec: Codec
    codec_version: str
    quality: float

    def __str__(self) -> str:
        return f"{self.picture.name}, {self.codec.name}, quality {self.quality:g}"

    def key(self) -> str:
        """Return a hash of everything that determines the row; pictures count by pixels, not by path."""
        parts = [
            self.picture.digest,
            self.codec_version,
            self.codec.settings(),
            self.quality,
            metrics.VERSION,
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Cache:
    """A folder with one JSON row and one encoded file for each measurement."""

    def __init__(self, folder: Path):
        self.folder = folder

    def encoded_path(self, task: Task) -> Path:
        """Return the path of the encoded file."""
        key = task.key()
        return self.folder / key[:2] / f"{key}{task.codec.suffix}"

    def load(self, task: Task) -> dict | None:
        """Return the stored row, or None if it or its encoded file is absent or damaged.

        A row stored before a metric was added, or where it could not be computed, lacks that metric's key.
        """
        path = self.encoded_path(task)
        try:
            row = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            if path.stat().st_size != row["num_bytes"]:
                return None
            # The same pixels may now have another file name.
            row["image"] = task.picture.name
            return row
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, task: Task, row: dict) -> None:
        """Store a row, after its encoded file, so that no row exists without its file."""
        # Python's `json` writes and reads infinity, such as the PSNR of equal pictures.
        write_atomically(self.encoded_path(task).with_suffix(".json"), json.dumps(row).encode())


def is_complete(row: dict | None) -> bool:
    """Return whether a stored row has every metric that works here."""
    return row is not None and all(metric.name in row for metric in metrics.usable_metrics()[0])


def as_columns(row: dict) -> dict:
    """Return a row with exactly `COLUMNS`, None for metrics that it lacks."""
    return {column: row.get(column) for column in COLUMNS}


def measure(task: Task, cache: Cache) -> dict:
    """Return the row of a task, from the cache where possible.

    A cached row that lacks a metric is completed from its encoded file, without encoding again.
    """
    row = cache.load(task)
    if is_complete(row):
        return as_columns(row)
    image = pixels(task.picture.path)
    if row is None:
        row, decoded = _encode_and_decode(task, cache, image)
    else:
        decoded = task.codec.decode(cache.encoded_path(task).read_bytes())
    missing = tuple(metric for metric in metrics.usable_metrics()[0] if metric.name not in row)
    row.update(metrics.compare(image, decoded, missing))
    row["lossless"] = row["psnr_rgb_db"] == math.inf
    cache.save(task, row)
    return as_columns(row)


def _encode_and_decode(task: Task, cache: Cache, image: np.ndarray) -> tuple[dict, np.ndarray]:
    """Write the encoded file of a picture; return the row without its metrics, and the decoded pixels."""
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
    row = {
        "image": task.picture.name,
        "width": task.picture.width,
        "height": task.picture.height,
        "codec": task.codec.name,
        "quality": task.quality,
        "num_bytes": len(data),
        "bpp": 8 * len(data) / task.picture.num_pixels,
        "encode_s": encode_s,
        "decode_s": decode_s,
        "peak_mb": peak["mb"],
        "codec_version": task.codec_version,
    }
    return row, decoded
