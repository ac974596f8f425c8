"""The bundle for machines without network."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from scripts.bundle import ROOT, main, shards, write_bundle
from training.data import encoded_images
from training.errors import TrainingError


@pytest.fixture
def photos(random_pictures, tmp_path_factory):
    """Return a folder of six pictures."""
    folder = tmp_path_factory.mktemp("photos")
    for k, picture in enumerate(random_pictures(6, 32, 48)):
        Image.fromarray((255 * picture).astype(np.uint8)).save(folder / f"{k}.png")
    return folder


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the list of the code's files comes from git")
def test_bundle_holds_code_wheels_and_pictures(photos, tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "some-1-py3-none-any.whl").write_bytes(b"wheel")
    write_bundle(tmp_path / "bundle.tar", str(photos), wheels, "train-gpu")
    with tarfile.open(tmp_path / "bundle.tar") as tar:
        tar.extractall(tmp_path, filter="data")
    root = tmp_path / "bundle"
    assert (root / "code/training/__main__.py").read_text().startswith('"""Train a model')
    assert (root / "wheels/some-1-py3-none-any.whl").read_bytes() == b"wheel"
    assert "compressor[train-gpu]" in (root / "start.sh").read_text()
    assert (root / "start.sh").stat().st_mode & 0o100
    packed = [data for _, data in encoded_images(f"shards:{root}/data/photos-*.tar")]
    assert packed == [data for _, data in encoded_images(str(photos))]


def test_a_failed_bundle_leaves_no_file(tmp_path):
    with pytest.raises(TrainingError, match="nothing found there"):
        write_bundle(tmp_path / "bundle.tar", str(tmp_path / "absent"), tmp_path, "train")
    assert not list(tmp_path.iterdir())


def test_a_bad_output_is_found_before_the_downloads(photos, tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.run", pytest.fail)
    with pytest.raises(SystemExit, match="^error: the folder of the output .* does not exist"):
        main(["--data", str(photos), "--out", str(tmp_path / "absent" / "bundle.tar")])


def test_shards_are_split_and_lose_nothing(photos):
    largest = max(len(data) for _, data in encoded_images(str(photos)))
    parts = list(shards(str(photos), limit=2 * largest))
    assert len(parts) > 1
    names = []
    for part in parts:
        with tarfile.open(fileobj=io.BytesIO(part)) as tar:
            names += tar.getnames()
    assert names == [f"{k:07d}-{k}.png" for k in range(6)]


def test_pictures_without_a_suffix_get_one(photos, monkeypatch):
    pictures = [data for _, data in encoded_images(str(photos))]
    monkeypatch.setattr(
        "scripts.bundle.encoded_images",
        lambda *_: ((f"name:train-{k}", data) for k, data in enumerate(pictures)),
    )
    (part,) = shards("tfds:name")
    with tarfile.open(fileobj=io.BytesIO(part)) as tar:
        assert tar.getnames()[:2] == ["0000000-name:train-0.png", "0000001-name:train-1.png"]
