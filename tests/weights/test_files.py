"""Files of a model are checked."""

import json

import pytest

from compressor.errors import WeightsError
from compressor.weights.files import ModelFiles


@pytest.fixture
def folder(tmp_path):
    """A model of one file."""
    (tmp_path / "a.bin").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    manifest = {"name": "small", "model_id": 9, "files": {"a.bin": {"bytes": 3, "sha256": digest}}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    return tmp_path


def test_a_file_is_read(folder):
    files = ModelFiles(folder)
    assert (files.name, files.model_id, files.read("a.bin")) == ("small", 9, b"abc")


def test_a_changed_file_is_refused(folder):
    (folder / "a.bin").write_bytes(b"abd")
    with pytest.raises(WeightsError, match="a.bin in .* does not match its manifest"):
        ModelFiles(folder).read("a.bin")


def test_a_missing_file_is_refused(folder):
    (folder / "a.bin").unlink()
    with pytest.raises(WeightsError, match="a.bin is missing"):
        ModelFiles(folder).read("a.bin")


def test_a_file_that_the_manifest_does_not_name_is_refused(folder):
    (folder / "b.bin").write_bytes(b"abc")
    with pytest.raises(WeightsError, match="b.bin in .* does not match its manifest"):
        ModelFiles(folder).read("b.bin")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        "[]",
        "5",
        '{"name": "x", "model_id": "no number", "files": {}}',
        '{"name": "x", "model_id": 1}',
        '{"name": "x", "model_id": 1, "files": []}',
        '{"name": "x", "model_id": 1, "files": {"a.bin": {}}}',
    ],
)
def test_a_damaged_manifest_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(WeightsError, match="no usable manifest"):
        ModelFiles(folder)


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="no usable manifest"):
        ModelFiles(tmp_path / "nothing")


def test_files_are_equal_as_long_as_their_manifest_is(folder):
    before, same = ModelFiles(folder), ModelFiles(folder)
    assert before == same
    assert hash(before) == hash(same)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"name": "other"}))
    assert ModelFiles(folder) != before
