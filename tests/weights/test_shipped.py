"""The index of the models that ship."""

import pytest

from compressor.errors import OptionError, UnsupportedStreamError
from compressor.options import Runtime
from compressor.weights.files import ModelFiles
from compressor.weights.shipped import (
    default_model,
    model_of_tune,
    shipped_folder,
    shipped_models,
    tune_of,
    tunes,
)


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
    for tune, name in tunes().items():
        assert tune_of(shipped_models()[name]) == tune
    assert tune_of(shipped_models()["cnn"]) is None
    with pytest.raises(OptionError, match="received tune 'ssim', expected one of iq, psnr"):
        model_of_tune("ssim")


def test_a_model_and_weights(tmp_path):
    with pytest.raises(OptionError, match="received the model cnn and the weights .*, expected one of them"):
        Runtime(model="cnn", weights=tmp_path)
