"""Training batches from photographs: random crops and flips, each sample with its own quality."""

import glob
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
from PIL import Image

from compressor.errors import one_line
from compressor.images.loading import readable_extensions
from training.errors import TrainingError

# A crop is cut from a square of up to this many times its side and scaled down: cameras record more pixels
# than detail, and scaling down also removes most artefacts of an earlier JPEG compression.
SHRINK = 2
# A photograph is scaled down at most until its shorter side is as long as this many crops, or by `SHRINK` if
# that is more.
LARGE_CROPS = 8

DANGLING = "a link to a file that does not exist"

# Share of crops that are blended with a random colour: photographs have few flat areas of saturated colour,
# and a codec that has not been trained on such areas adds patterns to them.
FADED = 0.04

# Receives the name of a file that cannot be read, and the reason.
OnError = Callable[[str, str], None]


def encoded_images(source: str, on_error: OnError = lambda name, reason: None) -> Iterator[tuple[str, bytes]]:
    """Yield the names and bytes of the images of a source.

    Args:
        source: `folder:PATH` or a plain path, `shards:PATTERN` (tar files), or `tfds:NAME[:SPLIT]` (any
            dataset of tensorflow-datasets with a feature `image`; the split is `train` by default). In
            folders and tar files, only files with the extension of a format that Pillow reads are used.
        on_error: function called for each file that cannot be read, such as a dangling symbolic link; by
            default, such files are skipped silently.

    Yields:
        (name, data): the name of a file, and the bytes of the whole file.

    Raises:
        TrainingError: if the kind of source is unknown, nothing matches, or a shard is not a tar file.
    """
    kind, _, where = source.partition(":")
    if not where:
        kind, where = "folder", source
    if kind == "tfds":
        yield from _dataset_images(where)
        return
    if kind not in ("folder", "shards"):
        raise TrainingError(f"data source {source!r}: expected folder:PATH, shards:PATTERN or tfds:NAME")
    is_folder = kind == "folder"
    paths = sorted(Path(where).rglob("*") if is_folder else map(Path, glob.glob(where, recursive=True)))
    if is_folder:
        # Broken links are reported below. Reading a pipe would wait for a writer.
        paths = [path for path in paths if is_image(path.name) and (path.is_file() or not path.exists())]
    if not paths:
        raise TrainingError(f"data source {source!r}: nothing found there; check the path")
    for path in paths:
        if not is_folder:
            yield from _shard_images(path, on_error)
            continue
        try:
            data = path.read_bytes()
        except OSError as error:
            on_error(path.name, DANGLING if isinstance(error, FileNotFoundError) else error.strerror)
        else:
            yield path.name, data


def is_image(name: str) -> bool:
    """Return whether the name of a file has the extension of a format that Pillow reads."""
    return Path(name).suffix.lower() in readable_extensions()


def _shard_images(path: Path, on_error: OnError) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                if not is_image(member.name):
                    continue
                try:
                    file = tar.extractfile(member)
                except KeyError:
                    on_error(member.name, DANGLING)
                    continue
                # Folders have no content.
                if file:
                    yield member.name, file.read()
    except (OSError, EOFError, tarfile.TarError) as error:
        reason = one_line(error)
        raise TrainingError(
            f"shard {path}: cannot be read as a tar file ({reason}); write it again"
        ) from error


def _dataset_images(where: str) -> Iterator[tuple[str, bytes]]:
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise TrainingError(
            f"data source 'tfds:{where}': tensorflow-datasets is not installed; pip install '.[train]'"
        ) from error
    name, _, split = where.partition(":")
    # Encoded bytes, which are decoded like those of every other source.
    decoders = {"image": tfds.decode.SkipDecoding()}
    try:
        dataset = tfds.load(name, split=split or "train", decoders=decoders)
    except Exception as error:
        # The errors have no common type, and some messages go on to list every dataset.
        reason = str(error).strip().partition("\n")[0]
        raise TrainingError(
            f"data source 'tfds:{where}': {reason}; check the names of the dataset and its split"
        ) from error
    for number, example in enumerate(tfds.as_numpy(dataset)):
        yield f"{where}-{number}", example["image"]


class Crops(keras.utils.PyDataset):
    """An endless data set of random crops.

    Batch n depends on the seed and n alone, so that a resumed run sees the same batches.

    Args:
        photos: uint8 arrays (H, W, 3), each side at least `crop`.
        batch: number of crops per batch, over all hosts.
        crop: side of a crop in pixels, divisible by 64.
        batches: number of batches per epoch.
        first: number of batches already consumed.
        seed: seed of the random choices.
        crops_per_photo: number of consecutive crops that are cut from one photograph and have one quality;
            divides `batch`.
        share: (index of this host, number of hosts); each host makes its own part of every batch.

    Yields:
        ({"images": (batch, crop, crop, 3) float32 0..1, "quality": (batch,) float32 0..1},).
    """

    def __init__(
        self,
        photos,
        batch: int,
        crop: int,
        batches: int,
        first: int = 0,
        seed: int = 0,
        crops_per_photo: int = 1,
        share: tuple[int, int] = (0, 1),
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.photos, self.batch, self.crop = photos, batch, crop
        self.batches, self.first, self.seed = batches, first, seed
        self.crops_per_photo = crops_per_photo
        host, hosts = share
        self.rows = range(host * batch // hosts, (host + 1) * batch // hosts)

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int):
        random = np.random.default_rng((self.seed, self.first + index))
        n = self.batch // self.crops_per_photo
        chosen = random.integers(len(self.photos), size=n)
        # One quality from each of n equal parts of the range: less noise than independent draws.
        quality = np.repeat((random.permutation(n) + random.random(n)) / n, self.crops_per_photo)
        # A generator for each crop of the batch, so that a host only needs the photos of its own rows.
        generators = random.spawn(self.batch)
        images = np.empty((len(self.rows), self.crop, self.crop, 3), np.float32)
        for k, row in enumerate(self.rows):
            if k == 0 or row % self.crops_per_photo == 0:
                photo = self.photos[chosen[row // self.crops_per_photo]]
            images[k] = self._cut(photo, generators[row])
        own = quality[self.rows.start : self.rows.stop].astype(np.float32)
        return ({"images": images / 255, "quality": own},)

    def _cut(self, photo: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Make a random crop of a photo: half of the crops are mirrored, a few fade to a colour."""
        shorter = min(photo.shape[:2])
        largest = min(max(SHRINK * self.crop, shorter // LARGE_CROPS), shorter)
        # Log-uniform: all octaves of scales are equally likely.
        side = round(self.crop * (largest / self.crop) ** random.random())
        top, left = (int(random.integers(length - side + 1)) for length in photo.shape[:2])
        cut = photo[top : top + side, left : left + side]
        if side > self.crop:
            size = (self.crop, self.crop)
            cut = np.asarray(Image.fromarray(cut).resize(size, Image.Resampling.LANCZOS))
        if random.random() < 0.5:
            cut = cut[:, ::-1]
        if random.random() < FADED:
            cut = cut + random.random() * (255 * random.random(3) - cut)
        return cut

    def on_epoch_end(self) -> None:
        self.first += self.batches
