"""A synthesis filter trained alone: better than none, and nothing else has changed."""

import json

import numpy as np
import pytest

keras = pytest.importorskip("keras", reason="needs the train extra")

from compressor.models import build_model  # noqa: E402
from training.__main__ import main  # noqa: E402
from training.filter_run import decode, train_filter  # noqa: E402
from training.growth import FILTER_OPTIONS  # noqa: E402
from training.run_folder import Settings  # noqa: E402
from training.start import read_model, rebuilt  # noqa: E402


@pytest.fixture
def trained(tiny_flagship, tmp_path):
    path = tmp_path / "trained.keras"
    tiny_flagship.save(path)
    return path


def test_filter_lowers_the_error_and_leaves_the_rest(trained, photos, tmp_path, random_pictures):
    settings = Settings(data=str(photos), steps=400, batch=2, crop=64, tail=1.0)
    train_filter(trained, tmp_path / "run", settings, crops=4)
    before, after = read_model(trained), read_model(tmp_path / "run")
    new = build_model("flagship").config
    assert after.config == before.config | {key: new[key] for key in FILTER_OPTIONS}
    inputs = {"images": random_pictures(2, 64, 64, seed=9), "quality": np.array([0.3, 0.8], np.float32)}
    decoded = decode(before, inputs)
    np.testing.assert_allclose(decode(after, inputs), decoded, rtol=1e-5, atol=1e-3)
    meant = 255 * inputs["images"] - 128
    filtered = np.asarray(after.filter(decoded, inputs["quality"]))
    assert np.square(filtered - meant).mean() < 0.99 * np.square(decoded - meant).mean()


def test_what_it_wrote_is_exported_and_stays(trained, photos, tmp_path, capsys):
    common = f"--data {photos} --batch 2 --crop 64 --precision float32".split()
    assert main(f"filter {trained} --out {tmp_path}/g --steps 2 --decoded 2".split() + common) == 0
    assert main(["export", f"{tmp_path}/g", "--out", f"{tmp_path}/model", "--count", "2"]) == 0
    assert main(f"filter {trained} --out {tmp_path}/g".split() + common) == 1
    assert "holds a run already" in capsys.readouterr().err
    assert json.loads((tmp_path / "model" / "manifest.json").read_text())["provenance"]["steps"] == 2


def test_a_model_without_filter_is_refused(photos, tmp_path, capsys):
    model = build_model("cnn", hidden=8, channels=6)
    model.adapt(None)
    model.save(tmp_path / "cnn.keras")
    command = ["filter", str(tmp_path / "cnn.keras"), "--data", str(photos), "--out", str(tmp_path / "g")]
    command += ["--precision", "float32"]
    assert main(command) == 1
    assert "no flagship" in capsys.readouterr().err


def test_a_filter_of_the_new_kind_goes_on_without_the_optimizer_of_before(tiny_flagship):
    new = build_model("flagship").config
    trained = build_model("flagship", **tiny_flagship.config | {key: new[key] for key in FILTER_OPTIONS})
    trained.build()
    for variable in trained.synthesis.weights:
        variable.assign(variable + 0.5)
    trained.compile(optimizer="adam")
    model = rebuilt(trained, trained.config)
    assert not model.compiled
    for ours, theirs in zip(model.weights, trained.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
