"""A synthesis filter trained alone: better than none, and nothing else has changed."""

import json

import numpy as np
import pytest

from compressor.models.registry import build_model
from training.__main__ import main
from training.filter_run import train_filter
from training.rebuild import rebuilt
from training.settings import Settings
from training.start import read_model


@pytest.mark.slow
def test_filter_lowers_the_error_and_leaves_the_rest(tiny_checkpoint, photos, tmp_path, random_pictures):
    settings = Settings(data=str(photos), init=str(tiny_checkpoint), steps=400, batch=2, crop=64, tail=1.0)
    train_filter(tmp_path / "run", settings, crops=32, blocks=3)
    before, after = read_model(tiny_checkpoint), read_model(tmp_path / "run")
    width = build_model("flagship").config["filter_width"]
    assert after.config == before.config | {"filter_width": width, "filter_blocks": 3}
    inputs = {"images": random_pictures(2, 64, 64, seed=9), "quality": np.array([0.3, 0.8], np.float32)}
    decoded, again = (np.asarray(each.coded_without_filter(**inputs)) for each in (before, after))
    np.testing.assert_allclose(again, decoded, rtol=1e-5, atol=1e-3)
    meant = 255 * inputs["images"] - 128
    filtered = np.asarray(after.filter(decoded, inputs["quality"]))
    assert np.square(filtered - meant).mean() < 0.99 * np.square(decoded - meant).mean()


@pytest.mark.usefixtures("eager")
def test_the_written_run_can_be_exported_and_is_not_replaced(tiny_checkpoint, photos, tmp_path, capsys):
    common = f"--data {photos} --batch 2 --crop 64 --precision float32 --metric ms-ssim".split()
    assert main(f"filter {tiny_checkpoint} --out {tmp_path}/g --steps 2 --decoded 2".split() + common) == 0
    assert main(["export", f"{tmp_path}/g", "--out", f"{tmp_path}/model", "--count", "2"]) == 0
    assert main(f"filter {tiny_checkpoint} --out {tmp_path}/g".split() + common) == 1
    assert "holds a run already" in capsys.readouterr().err
    assert main(["run", "--out", f"{tmp_path}/g", "--steps", "2", *common]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith(f"cannot be resumed: give a new folder, and --init {tmp_path}/g")
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert manifest["provenance"]["steps"] == 2
    assert manifest["metric"] == "ms-ssim"


def test_a_model_without_filter_is_refused(photos, tmp_path, capsys):
    model = build_model("cnn", hidden=8, channels=6)
    model.adapt(None)
    model.save(tmp_path / "cnn.keras")
    command = ["filter", str(tmp_path / "cnn.keras"), "--data", str(photos), "--out", str(tmp_path / "g")]
    command += ["--precision", "float32"]
    assert main(command) == 1
    assert "no flagship" in capsys.readouterr().err


def test_a_rebuilt_model_keeps_all_weights_and_drops_the_optimizer(tiny_flagship):
    new = build_model("flagship").config
    filter_options = {key: new[key] for key in ("filter_width", "filter_blocks")}
    trained = build_model("flagship", **tiny_flagship.config | filter_options)
    trained.build()
    for variable in trained.synthesis_filter.weights:
        variable.assign(variable + 0.5)
    trained.compile(optimizer="adam")
    model = rebuilt(trained, trained.config)
    assert not model.compiled
    for ours, theirs in zip(model.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def filtered(model):
    decoded = 100 * np.random.default_rng(0).random((1, 64, 64, 3)).astype(np.float32) - 50
    return decoded, np.asarray(model.filter(decoded, np.array([0.5], np.float32)))


@pytest.mark.parametrize("more", [0, 2])
def test_a_filter_with_more_blocks_filters_as_before(tiny_flagship, more):
    config = tiny_flagship.config
    larger = rebuilt(tiny_flagship, config | {"filter_blocks": config["filter_blocks"] + more})
    assert len(larger.synthesis_filter.weights) == len(tiny_flagship.synthesis_filter.weights) + 4 * more
    decoded, expected = filtered(tiny_flagship)
    assert np.abs(expected - decoded).max() > 0.01
    np.testing.assert_allclose(filtered(larger)[1], expected, atol=1e-3)


@pytest.mark.parametrize("change", [{"filter_width": 12}, {"filter_blocks": 2}])
def test_a_filter_that_cannot_take_over_the_weights_starts_as_the_identity(tiny_flagship, change):
    decoded, result = filtered(rebuilt(tiny_flagship, tiny_flagship.config | change))
    np.testing.assert_array_equal(result, decoded)
