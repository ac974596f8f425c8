"""An exported model's weights: all there, and none of them twice."""

import json
import shutil

import numpy as np
import onnx
import pytest

from compressor.errors import WeightsError
from compressor.models.exported import load_exported
from compressor.weights.files import ModelFiles


def test_weights_come_back_rounded_to_half_precision(tiny_flagship, tiny_folder):
    loaded = load_exported(ModelFiles(tiny_folder))
    assert len(loaded.weights) == len(tiny_flagship.weights)
    for stored, original in zip(loaded.weights, tiny_flagship.weights, strict=True):
        rounded = np.asarray(original).astype(np.float16)
        np.testing.assert_array_equal(np.asarray(stored), rounded, err_msg=original.path)


def test_weights_of_graphs_are_not_stored_again(tiny_folder):
    others = set(np.load(tiny_folder / "keras.npz").files)
    paths = list(tiny_folder.glob("*.onnx"))
    assert paths
    for path in paths:
        held = {initialiser.name for initialiser in onnx.load(path).graph.initializer}
        # The fixed transform has no weights.
        is_fixed = path.stem in ("analysis", "synthesis", "synthesis_gradient")
        assert is_fixed != any(name.isdigit() for name in held), path
        assert not held & others, path


@pytest.mark.parametrize("change", [{"unknown": 1}, {"width": 8}])
def test_a_model_of_another_version(tiny_folder, tmp_path, change):
    shutil.copytree(tiny_folder, tmp_path / "model")
    path = tmp_path / "model" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["config"] |= change
    path.write_text(json.dumps(manifest))
    with pytest.raises(WeightsError, match="does not fit this version"):
        load_exported(ModelFiles(tmp_path / "model"))
