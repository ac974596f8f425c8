"""Files of a model are checked, and shipped models are found."""

import json

import pytest

from compressor.errors import OptionError, UnsupportedStreamError, WeightsError
from compressor.options import Runtime
from compressor.weights.files import (
    ModelFiles,
    default_model,
    model_of_tune,
    shipped_folder,
    shipped_models,
    tune_of,
    tunes,
)


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


@pytest.mark.parametrize("name", shipped_models())
def test_shipped_models_match_the_index(name):
    model_id = shipped_models()[name]
    files = ModelFiles(shipped_folder(name))
    assert (files.name, files.model_id) == (name, model_id)
    assert shipped_folder(model_id) == shipped_folder(name) == files.folder
    for file in files.manifest["files"]:
        files.read(file)


def test_ids_are_unique():
    assert len(set(shipped_models().values())) == len(shipped_models())


def test_the_default_model_ships():
    assert default_model() in shipped_models()
    assert shipped_folder() == shipped_folder(default_model())


def test_models_that_do_not_ship():
    with pytest.raises(
        OptionError, match="received model 'none', expected one of flagship-iq, flagship-psnr, cnn"
    ):
        shipped_folder("none")
    with pytest.raises(UnsupportedStreamError, match="needs model 99, and this version has 1, 2, 3"):
        shipped_folder(99)


def test_a_tune_names_a_model():
    assert default_model() == model_of_tune("iq")
    for tune, name in tunes().items():
        assert tune_of(shipped_models()[name]) == tune
    assert tune_of(shipped_models()["cnn"]) is None
    with pytest.raises(OptionError, match="received tune 'ssim', expected one of iq, psnr"):
        model_of_tune("ssim")


def test_files_are_equal_as_long_as_their_manifest_is(folder):
    before, same = ModelFiles(folder), ModelFiles(folder)
    assert before == same
    assert hash(before) == hash(same)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"name": "other"}))
    assert ModelFiles(folder) != before


def test_a_model_and_weights(tmp_path):
    with pytest.raises(OptionError, match="received the model cnn and the weights .*, expected one of them"):
        Runtime(model="cnn", weights=tmp_path)
