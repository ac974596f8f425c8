"""Photographs to training batches: random crops and flips, each sample with its own quality."""

import hashlib
import io
import tarfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from training.errors import TrainingError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif"}


def encoded_images(source: str) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the images of a source.

    Args:
        source: `folder:PATH` or a plain path, `shards:PATTERN` (tar files), or `tfds:NAME[:SPLIT]` (any
            dataset of tensorflow-datasets with a feature `image`; the split is `train` by default).

    Raises:
        TrainingError: if the folder or the pattern matches nothing.
    """
    kind, _, where = source.partition(":")
    if not where:
        kind, where = "folder", source
    if kind == "tfds":
        yield from _dataset_images(where)
        return
    if kind not in ("folder", "shards"):
        raise TrainingError(f"data source {source!r}: expected folder:PATH, shards:PATTERN or tfds:NAME")
    pattern = Path(where)
    is_folder = kind == "folder"
    paths = sorted(pattern.rglob("*") if is_folder else pattern.parent.glob(pattern.name))
    if is_folder:
        paths = [path for path in paths if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise TrainingError(f"data source {source!r}: nothing found there; check the path")
    for path in paths:
        if is_folder:
            yield path.name, path.read_bytes()
            continue
        with tarfile.open(path) as tar:
            for member in tar:
                if Path(member.name).suffix.lower() in SUFFIXES:
                    yield member.name, tar.extractfile(member).read()


def _dataset_images(where: str) -> Iterator[tuple[str, bytes]]:
    import tensorflow_datasets as tfds

    name, _, split = where.partition(":")
    # Their bytes as they are: decoded here, like those of every other source.
    decoders = {"image": tfds.decode.SkipDecoding()}
    dataset = tfds.load(name, split=split or "train", decoders=decoders)
    for number, example in enumerate(tfds.as_numpy(dataset)):
        yield f"{where}-{number}", example["image"]


def data_digest(source: str) -> str:
    """SHA-256 over names and contents of a source's images, in order."""
    digest = hashlib.sha256()
    for name, data in encoded_images(source):
        digest.update(name.encode() + b"\0" + hashlib.sha256(data).digest())
    return digest.hexdigest()


def load_photos(source: str, min_side: int) -> list[np.ndarray]:
    """Decode every image of `source` whose shorter side is at least `min_side` pixels.

    Returns: uint8 arrays (H, W, 3).

    Raises:
        TrainingError: if no image is left.
    """
    photos, unreadable, small = [], 0, 0
    for _, data in encoded_images(source):
        try:
            photo = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        except (OSError, SyntaxError, ValueError):
            unreadable += 1
            continue
        if min(photo.shape[:2]) < min_side:
            small += 1
        else:
            photos.append(photo)
    if unreadable:
        warnings.warn(f"{unreadable} unreadable files left out of {source}", stacklevel=2)
    if not photos:
        raise TrainingError(
            f"{source}: no image of at least {min_side}x{min_side} pixels "
            f"({unreadable} unreadable, {small} too small); give larger images or a smaller --crop"
        )
    return photos


class Crops(keras.utils.PyDataset):
    """Endless random crops; batch n depends on the seed and n alone, so a resumed run sees the same.

    Args:
        photos: uint8 arrays (H, W, 3), each side at least `crop`.
        batch: crops per batch.
        crop: side of a crop in pixels, divisible by 64.
        batches: batches per epoch.
        first: number of batches already consumed.
        seed: of the random choices.

    Yields: ({"images": (batch, crop, crop, 3) float32 0..1, "quality": (batch,) float32 0..1},).
    """

    def __init__(self, photos, batch: int, crop: int, batches: int, first: int = 0, seed: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.photos, self.batch, self.crop = photos, batch, crop
        self.batches, self.first, self.seed = batches, first, seed

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int):
        random = np.random.default_rng((self.seed, self.first + index))
        images = np.empty((self.batch, self.crop, self.crop, 3), np.float32)
        for i in range(self.batch):
            photo = self.photos[random.integers(len(self.photos))]
            top, left = (random.integers(side - self.crop + 1) for side in photo.shape[:2])
            cut = photo[top : top + self.crop, left : left + self.crop]
            images[i] = cut[:, ::-1] if random.random() < 0.5 else cut
        # One quality from each of `batch` equal parts of the range: less noise than independent draws.
        quality = (random.permutation(self.batch) + random.random(self.batch)) / self.batch
        return ({"images": images / 255, "quality": quality.astype(np.float32)},)

    def on_epoch_end(self) -> None:
        self.first += self.batches
