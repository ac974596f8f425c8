"""Sources of photographs, and crops of them."""

import io
import os
import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

from training import data
from training.data import Crops, encoded_images
from training.errors import TrainingError
from training.photos import load_photos


@pytest.fixture
def folder(tmp_path):
    """Three readable pictures, one of them small, and a broken one."""
    for name, size in {"a.png": (80, 70), "b.jpg": (64, 64), "small.png": (64, 20)}.items():
        pixels = np.random.default_rng(len(name)).integers(0, 256, (size[1], size[0], 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def test_folder_and_shards_hold_the_same(folder, tmp_path_factory):
    shard = tmp_path_factory.mktemp("shards") / "photos-0.tar"
    with tarfile.open(shard, "w") as tar:
        for path in sorted(folder.iterdir()):
            tar.add(path, arcname=path.name)
    from_folder = dict(encoded_images(f"folder:{folder}"))
    assert from_folder.keys() == {"a.png", "b.jpg", "small.png", "broken.png"}
    assert dict(encoded_images(str(folder))) == from_folder
    pattern = f"shards:{shard.parent}/photos-*.tar"
    assert dict(encoded_images(pattern)) == from_folder
    with pytest.warns(UserWarning, match="1 unreadable"):
        digests = {load_photos(source, 64).sha256 for source in (pattern, str(folder))}
    assert len(digests) == 1


def test_extensions_are_those_that_pillow_reads(folder):
    Image.new("RGB", (64, 64)).save(folder / "plain.PPM", "PPM")
    assert "plain.PPM" in dict(encoded_images(str(folder)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_pipes_in_folders_are_left_out(folder):
    os.mkfifo(folder / "pipe.png")
    assert "pipe.png" not in dict(encoded_images(str(folder)))


def test_wildcards_in_folders(folder):
    with tarfile.open(folder / "one.tar", "w") as tar:
        tar.add(folder / "a.png", arcname="a.png")
    assert dict(encoded_images(f"shards:{folder.parent}/{folder.name[:-1]}?/*.tar")).keys() == {"a.png"}


def test_tensorflow_dataset(folder, tmp_path_factory, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets", reason="needs the train extra")
    root = tmp_path_factory.mktemp("tfds")
    (root / "train" / "one").mkdir(parents=True)
    for name in ("a.png", "b.jpg"):
        (root / "train" / "one" / name).write_bytes((folder / name).read_bytes())
    builder = tfds.ImageFolder(str(root))
    monkeypatch.setattr(
        tfds, "load", lambda name, split, **options: builder.as_dataset(split=split, **options)
    )
    got = sorted(len(data) for _, data in encoded_images("tfds:pictures:train"))
    assert got == sorted((folder / name).stat().st_size for name in ("a.png", "b.jpg"))


def test_unreadable_and_small_pictures_are_left_out(folder):
    with pytest.warns(UserWarning, match="1 unreadable"):
        photos = load_photos(str(folder), 64)
    assert sorted(p.shape for p in photos) == [(64, 64, 3), (70, 80, 3)]


def test_the_digest_is_over_names_and_contents_of_all_images(folder):
    def digest():
        with pytest.warns(UserWarning, match="1 unreadable"):
            return load_photos(str(folder), 64).sha256

    digests = [digest()]
    for name in ("a.png", "small.png", "broken.png"):
        (folder / name).write_bytes((folder / name).read_bytes() + b"more")
        digests.append(digest())
    (folder / "a.png").rename(folder / "aa.png")
    digests.append(digest())
    assert len(set(digests)) == 5
    (folder / "notes.txt").write_text("still no image")
    assert digest() == digests[-1]


def test_a_name_that_is_not_utf_8(folder):
    try:
        shutil.copy(folder / "a.png", os.fsencode(folder) + b"/\xff.png")
    except (OSError, UnicodeDecodeError):
        pytest.skip("this system has no such names")
    with pytest.warns(UserWarning, match="1 unreadable"):
        photos = load_photos(str(folder), 64)
    assert len(photos) == 3
    assert len(photos.sha256) == 64


def test_nothing_left_is_an_error(folder):
    with (
        pytest.warns(UserWarning, match="unreadable"),
        pytest.raises(TrainingError, match="at least 512x512"),
    ):
        load_photos(str(folder), 512)
    with pytest.raises(TrainingError, match="nothing found"):
        list(encoded_images(str(folder / "absent")))
    with pytest.raises(TrainingError, match="expected folder:PATH"):
        list(encoded_images("ftp:somewhere"))


def test_some_crops_fade_to_a_colour(monkeypatch):
    monkeypatch.setattr(data, "FADED", 1.0)
    photo = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    (batch,) = Crops([photo], 32, 64, 1)[0]
    spread = batch["images"].std((1, 2)).mean(1) / (photo / 255).std((0, 1)).mean()
    assert np.all(spread < 1)
    assert spread.min() < 0.2
    assert batch["images"].min() >= 0
    assert batch["images"].max() <= 1


def test_crops_are_cut_from_the_photos_and_repeat_by_position(monkeypatch):
    monkeypatch.setattr(data, "FADED", 0.0)
    monkeypatch.setattr(data, "SHRINK", 1)
    photo = np.random.default_rng(0).integers(0, 256, (70, 90, 3)).astype(np.uint8)
    crops = Crops([photo], 4, 64, 10, seed=3)
    (batch,) = crops[2]
    assert batch["images"].shape == (4, 64, 64, 3)
    assert batch["images"].dtype == batch["quality"].dtype == np.float32
    assert np.all(np.sort(batch["quality"]) // 0.25 == [0, 1, 2, 3])
    image = np.rint(255 * batch["images"][0]).astype(np.uint8)
    found = [
        np.array_equal(photo[y : y + 64, x : x + 64], candidate)
        for candidate in (image, image[:, ::-1])
        for y in range(7)
        for x in range(27)
    ]
    assert sum(found) == 1
    later = Crops([photo], 4, 64, 10, first=2, seed=3)
    np.testing.assert_array_equal(later[0][0]["images"], batch["images"])
    assert not np.array_equal(crops[3][0]["images"], batch["images"])


def test_bytes_of_other_formats(tmp_path):
    buffer = io.BytesIO()
    Image.new("L", (64, 64), 9).save(buffer, "WEBP", lossless=True)
    (tmp_path / "gray.webp").write_bytes(buffer.getvalue())
    (photo,) = load_photos(str(tmp_path), 64)
    assert photo.shape == (64, 64, 3)


def test_photos_beyond_the_memory_budget_stay_encoded(folder):
    with pytest.warns(UserWarning, match="1 unreadable"):
        photos = load_photos(str(folder), 64, decoded_bytes=80 * 70 * 3)
    assert [isinstance(item, bytes) for item in photos.items] == [False, True]
    assert [photo.shape for photo in photos] == [(70, 80, 3), (64, 64, 3)]


def test_crops_are_cut_from_larger_squares_where_there_is_room(monkeypatch):
    monkeypatch.setattr(data, "FADED", 0.0)
    fine = np.zeros((2048, 1100, 3), np.uint8)
    fine[::2] = 255
    for photo, shrinks in ((fine, True), (fine[:, :100], True), (fine[:, :64], False)):
        crops = Crops([photo], 32, 64, 1)[0][0]["images"]
        # In a crop that is not scaled, rows are black or white; in a scaled one, some are gray.
        cut_only = [set(np.unique(image)) == {0, 1} for image in crops]
        assert all(cut_only) != shrinks


def test_shares_of_a_batch_are_the_batch(random_pictures):
    photos = list(np.rint(255 * random_pictures(3, 70, 90)).astype(np.uint8))
    (whole,) = Crops(photos, 4, 64, 1, seed=2)[0]
    parts = [Crops(photos, 4, 64, 1, seed=2, share=(host, 2))[0][0] for host in (0, 1)]
    for key, value in whole.items():
        np.testing.assert_array_equal(np.concatenate([part[key] for part in parts]), value)


def test_a_host_reads_only_the_photos_of_its_own_crops(random_pictures):
    class Recorded(list):
        def __getitem__(self, index):
            read.append(index)
            return super().__getitem__(index)

    photos = Recorded(np.rint(255 * random_pictures(6, 70, 90)).astype(np.uint8))
    reads = []
    for share in ((0, 1), (0, 2), (1, 2)):
        read = []
        Crops(photos, 8, 64, 1, seed=2, crops_per_photo=2, share=share)[0]
        reads.append(read)
    whole, first, second = reads
    assert len(whole) == 4
    assert (first, second) == (whole[:2], whole[2:])


def test_a_dataset_that_cannot_be_loaded(monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets", reason="needs the train extra")

    def load(name, **options):
        raise ValueError(f"Dataset {name} not found.\nAvailable datasets:\n- mnist")

    monkeypatch.setattr(tfds, "load", load)
    with pytest.raises(TrainingError, match=r"^data source 'tfds:x': Dataset x not found.; check the names"):
        list(encoded_images("tfds:x"))
