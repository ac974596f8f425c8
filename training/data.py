"""Photographs to training batches: random crops and flips, each sample with its own quality."""

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from training.errors import TrainingError

# A crop is cut from a square of up to so many times its side, scaled down: cameras record more pixels than
# detail, and what an earlier JPEG left out or added goes with the finest detail.
SHRINK = 2
# Photographs with a shorter side of more crops than this are scaled down to this size at most.
LARGE_CROPS = 8

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif"}

# Share of crops that fade towards a random colour: photographs hold few flat areas of saturated colour,
# and a codec that has never seen one paints patterns on it.
FADED = 0.04


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


class Crops(keras.utils.PyDataset):
    """Endless random crops; batch n depends on the seed and n alone, so a resumed run sees the same.

    Args:
        photos: uint8 arrays (H, W, 3), each side at least `crop`.
        batch: crops per batch, all hosts together.
        crop: side of a crop in pixels, divisible by 64.
        batches: batches per epoch.
        first: number of batches already consumed.
        seed: of the random choices.
        share: which host this is and of how many: each cuts its own part of every batch.

    Yields: ({"images": (batch, crop, crop, 3) float32 0..1, "quality": (batch,) float32 0..1},).
    """

    def __init__(
        self,
        photos,
        batch: int,
        crop: int,
        batches: int,
        first: int = 0,
        seed: int = 0,
        share: tuple[int, int] = (0, 1),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.photos, self.batch, self.crop = photos, batch, crop
        self.batches, self.first, self.seed = batches, first, seed
        host, hosts = share
        self.rows = range(host * batch // hosts, (host + 1) * batch // hosts)

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int):
        random = np.random.default_rng((self.seed, self.first + index))
        images = np.empty((len(self.rows), self.crop, self.crop, 3), np.float32)
        for i in range(self.batch):
            photo = self.photos[random.integers(len(self.photos))]
            where = self._choose(photo.shape, random)
            fade = random.random() if random.random() < FADED else 0.0
            colour = 255 * random.random(3) if fade else 0.0
            if i in self.rows:
                cut = self._cut(photo, *where)
                images[i - self.rows.start] = cut + fade * (colour - cut) if fade else cut
        # One quality from each of `batch` equal parts of the range: less noise than independent draws.
        quality = (random.permutation(self.batch) + random.random(self.batch)) / self.batch
        own = quality[self.rows.start : self.rows.stop].astype(np.float32)
        return ({"images": images / 255, "quality": own},)

    def _choose(self, shape: tuple[int, ...], random: np.random.Generator) -> tuple[int, int, int, bool]:
        """A random square of a photo: its side, top and left in pixels; whether to mirror it."""
        shorter = min(shape[:2])
        largest = min(max(SHRINK * self.crop, shorter // LARGE_CROPS), shorter)
        # Every octave of scales is as likely.
        side = round(self.crop * (largest / self.crop) ** random.random())
        top, left = (int(random.integers(length - side + 1)) for length in shape[:2])
        return side, top, left, random.random() < 0.5

    def _cut(self, photo: np.ndarray, side: int, top: int, left: int, mirror: bool) -> np.ndarray:
        cut = photo[top : top + side, left : left + side]
        if side > self.crop:
            size = (self.crop, self.crop)
            cut = np.asarray(Image.fromarray(cut).resize(size, Image.Resampling.LANCZOS))
        return cut[:, ::-1] if mirror else cut

    def on_epoch_end(self) -> None:
        self.first += self.batches
